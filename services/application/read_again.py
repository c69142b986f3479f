"""A body of a webhook, read again as ingress would read it today."""

from collections.abc import Sequence

from contracts.kommo.steps import at_once
from contracts.kommo.webhooks import reading
from services.application.installation import Installation
from services.ingress.body import Body
from services.ingress.clock import ReceiptClock
from services.ingress.intake import Intake
from services.ingress.triggers import Carried, KnownRevisions, may_carry
from services.log.port import Entry
from services.shared.codec import encode_inbound
from services.shared.errors import Malformed
from services.shared.wall_clock import utc_now
from services.storage.accounts import WebhookOwner
from services.storage.widget_rules import WidgetRules


async def read_again(
    installation: Installation, account_id: int, content: bytes, content_type: str
) -> Sequence[Entry]:
    """The messages of a body; those that took effect before are harmless copies.

    Raises:
        Malformed: It is not understood.
    """
    intake = Intake(read=reading, encode=encode_inbound, clock=ReceiptClock(utc_now))
    key_sha256, carried = await _shown_by_triggers(installation, account_id, content, content_type)
    kept = at_once(
        intake.understanding(
            WebhookOwner(account_id, subdomain="", key_sha256=key_sha256),
            Body(content, len(content)),
            content_type=content_type,
            content_encoding=None,
            carried=carried,
        )
    )
    if kept.letters and not kept.entries:
        raise Malformed("; ".join(again.reason for again in kept.letters))
    return kept.entries


async def _shown_by_triggers(
    installation: Installation, account_id: int, content: bytes, content_type: str
) -> tuple[bytes | None, Carried]:
    """What a trigger's hook is held against: the account's key, and what it carries."""
    if not may_carry(content):
        return None, {}
    rules = WidgetRules(installation.pool, installation.accounts.vault)
    carried = await KnownRevisions(rules.get).carried(account_id, content, content_type)
    return await rules.key_sha256(account_id), carried
