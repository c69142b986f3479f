"""What could not be understood: listed, shown, tried again, dropped."""

from collections.abc import Sequence

from contracts.kommo.steps import at_once
from contracts.kommo.webhooks import reading
from contracts.topics import ALLOCATIONS
from services.application.access import note_access
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.ingress.body import Body
from services.ingress.clock import ReceiptClock
from services.ingress.intake import Intake
from services.log.allocations import read_allocation
from services.log.port import Entry
from services.shared.codec import decode_inbound, encode_inbound
from services.shared.errors import Malformed
from services.shared.wall_clock import utc_now
from services.storage.accounts import WebhookOwner
from services.storage.dead_letters import BIGGEST_ID, KeptLetter


async def page(
    installation: Installation,
    principal: Principal,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> list[KeptLetter]:
    """The newest letters that nobody has dealt with, before one; or behind one, the oldest first.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    return await installation.dead_letters.page(
        limit=limit, before=before or BIGGEST_ID, after=after
    )


async def get(installation: Installation, principal: Principal, letter_id: int) -> KeptLetter:
    """One letter.

    Raises:
        Refused: They may not look, or there is none of that number.
    """
    principal.require("operate")
    letter = await installation.dead_letters.get(letter_id)
    if letter is None:
        raise Refused("letter_unknown", letter=letter_id)
    await note_access(installation, letter.account_id, principal, "letter", [letter_id])
    return letter


async def retry(installation: Installation, principal: Principal, letter_id: int) -> int:
    """Read the letter again and publish what it says.

    Returns:
        How many messages it came to; 0 where what it tells was read from the event store before.

    Raises:
        Refused: They may not, or it still cannot be understood, is not whole, or was dealt with.
    """
    letter = await get(installation, principal, letter_id)
    _check_open(letter)
    if letter.account_id is None:
        raise Refused("letter_of_no_account", letter=letter_id)
    if letter.is_cut:
        kept = len(letter.body)
        raise Refused("letter_not_whole", letter=letter_id, came=letter.size, kept=kept)
    try:
        entries = _understood(letter, letter.account_id)
    except Malformed as error:
        raise Refused("letter_not_understood", letter=letter_id, reason=str(error)) from error
    await installation.log.publish(entries)
    await installation.dead_letters.settle(letter_id, "replayed")
    return len(entries)


def _understood(letter: KeptLetter, account_id: int) -> Sequence[Entry]:
    """The messages of a letter; those that took effect before are harmless copies.

    Raises:
        Malformed: It is still not understood.
    """
    if letter.source.startswith(f"{ALLOCATIONS}/"):
        read_allocation(letter.body)
        return []
    if letter.position is not None:  # a message of the log itself
        decode_inbound(letter.body)
        return [Entry(account_id, letter.body)]
    intake = Intake(read=reading, encode=encode_inbound, clock=ReceiptClock(utc_now))
    kept = at_once(
        intake.understanding(
            WebhookOwner(account_id, subdomain=""),
            Body(letter.body, len(letter.body)),
            content_type=letter.content_type,
            content_encoding=None,
        )
    )
    if not kept.entries:
        reasons = "; ".join(again.reason for again in kept.letters)
        raise Malformed(reasons or "it holds nothing for us")
    return kept.entries


async def drop(installation: Installation, principal: Principal, letter_id: int) -> None:
    """Set the letter aside for good.

    Raises:
        Refused: They may not, or it was dealt with before.
    """
    _check_open(await get(installation, principal, letter_id))
    await installation.dead_letters.settle(letter_id, "dismissed")


def _check_open(letter: KeptLetter) -> None:
    if letter.state == "replayed":
        raise Refused("letter_replayed", letter=letter.id)
    if letter.state == "dismissed":
        raise Refused("letter_dropped", letter=letter.id)
