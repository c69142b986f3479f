"""What triggers of the widget carry: a rule and its revision, and the account's key (widget, D1.4).

The revision is in a table, where whoever filled in the form has left it; it goes into the log
before the trigger does. Revisions never change, so what was found once is known for good.
"""

import asyncio
import hmac
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import SecretStr

from contracts.inbound import CarryTrigger
from contracts.kommo.notifications import Notification, TriggerNotification
from contracts.kommo.webhooks import read_body
from contracts.stage import Stage
from services.shared.errors import Unavailable
from services.shared.secrets import digest_of
from services.storage.widget_rules import TriggerRevision

RULE, REVISION, KEY = "rule", "rev", "key"
BY = "kommo:trigger"
# A body of a trigger is short; a larger one is not read twice to see.
BODY_BYTES_MAX = 16_384
HINT = re.compile(rb"(\[|%5[Bb])rev(\]|%5[Dd])|\"rev\"")
REVISION_TEXT = re.compile(r"[1-9][0-9]{0,14}")
RULE_TEXT = re.compile(r"[A-Za-z0-9_-]{1,64}")
FOUND_WITHIN_S = 0.5
# How the reasons begin why the hook of a trigger waits for the revision that it carries.
AWAITED = "the trigger's rule"
KEPT_MAX = 5_000

Find = Callable[[int, str, int], Awaitable[TriggerRevision | None]]
# None where there is none; nothing where nobody could tell in time.
Carried = Mapping[tuple[str, int], TriggerRevision | None]


async def none_known(_account_id: int, _rule_id: str, _revision: int) -> None:
    """Where nobody fills in forms."""


@dataclass(slots=True)
class KnownRevisions:
    """Those that hooks carried lately."""

    find: Find
    kept: OrderedDict[tuple[int, str, int], TriggerRevision] = field(default_factory=OrderedDict)

    async def carried(self, account_id: int, content: bytes, content_type: str | None) -> Carried:
        """The revisions that a body names, as far as they can be found now."""
        if not may_carry(content):
            return {}
        named = {
            each
            for notification in read_body(content, content_type).notifications
            if (each := carried_by(notification)) is not None
        }
        found: dict[tuple[str, int], TriggerRevision | None] = {}
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(FOUND_WITHIN_S):
                for each in sorted(named):
                    found[each] = await self._found(account_id, *each)
        return found

    async def _found(self, account_id: int, rule_id: str, revision: int) -> TriggerRevision | None:
        key = (account_id, rule_id, revision)
        known = self.kept.get(key) or await self.find(*key)
        if known is not None:
            self.kept[key] = known
            self.kept.move_to_end(key)
            if len(self.kept) > KEPT_MAX:
                self.kept.popitem(last=False)
        return known


def may_carry(content: bytes) -> bool:
    """Whether it is worth while to look into a body for a revision."""
    return len(content) <= BODY_BYTES_MAX and HINT.search(content) is not None


def carried_by(notification: Notification) -> tuple[str, int] | None:
    """The rule and the revision that a trigger carries; None if it is none of the widget's."""
    settings = _settings(notification)
    rule_id, revision = settings.get(RULE, ""), settings.get(REVISION, "")
    if not (RULE_TEXT.fullmatch(rule_id) and REVISION_TEXT.fullmatch(revision)):
        return None
    return rule_id, int(revision)


def what_is_wrong(
    notifications: Iterable[Notification], carried: Carried, key_sha256: bytes | None
) -> str | None:
    """Why a body has to wait for somebody to look at it; None if nothing is wrong."""
    for notification in notifications:
        named = carried_by(notification)
        if named is None:
            continue
        given = digest_of(SecretStr(_settings(notification).get(KEY, "")))
        if not hmac.compare_digest(given, key_sha256 or b""):
            return "the trigger's key is not the account's"
        if named not in carried:
            return f"{AWAITED} could not be looked up in time"
        if carried[named] is None:
            return f"{AWAITED} has no revision {named[1]} here"
    return None


def command_of(notification: Notification, carried: Carried) -> CarryTrigger | None:
    """What a trigger brings into force before it counts itself."""
    named = carried_by(notification)
    known = carried.get(named) if named is not None else None
    if known is None or not isinstance(notification, TriggerNotification):
        return None
    return CarryTrigger(
        rule_id=known.rule_id,
        revision=known.revision,
        stage=Stage(notification.pipeline_id, notification.status_id),
        section=known.section,
        by=BY,
        separated_from=known.separated_from,
    )


def _settings(notification: Notification) -> dict[str, str]:
    if not isinstance(notification, TriggerNotification) or notification.kind != "widget":
        return {}
    return dict(notification.settings)
