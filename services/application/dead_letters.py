"""What could not be understood: listed by reason, shown, tried again, dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from contracts.topics import ALLOCATIONS
from services.application.access import note_access
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.read_again import read_again
from services.application.reasons import check_reason
from services.application.refused import Refused
from services.log.allocations import read_allocation
from services.log.port import Entry
from services.shared.codec import decode_inbound
from services.shared.errors import Malformed, Unavailable
from services.storage.dead_letters import BIGGEST_ID, KeptLetter, LetterReason

log = structlog.get_logger(__name__)

REASONS_MAX = 100
# So that a request has an end; what is left over is told, and tried by the next one.
AT_ONCE_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedLetters:
    """What became of many letters.

    Attributes:
        published: Letters that were understood now.
        messages: That they came to.
        still: Letters that were not, and stay.
        failed: How many of those failed as nobody expected; the log tells why.
        next_before: From which letter on to go on; None if there are none.
    """

    published: int
    messages: int
    still: int
    failed: int
    next_before: int | None


async def page(
    installation: Installation,
    principal: Principal,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
    reason: str | None = None,
) -> list[KeptLetter]:
    """The newest letters that nobody has dealt with, before one; or behind one, the oldest first.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    return await installation.dead_letters.page(
        limit=limit, before=before or BIGGEST_ID, after=after, reason=reason
    )


async def reasons(installation: Installation, principal: Principal) -> list[LetterReason]:
    """For what letters were not understood that nobody has dealt with, those of most first.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    return await installation.dead_letters.reasons(REASONS_MAX)


async def count(
    installation: Installation, principal: Principal, *, reason: str | None = None
) -> int:
    """How many letters nobody has dealt with, of one reason if it is named.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    return await installation.dead_letters.count(reason=reason)


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
        return await replay(installation, letter, letter.account_id, by=principal.id)
    except Malformed as error:
        raise Refused("letter_not_understood", letter=letter_id, reason=str(error)) from error


async def retry_all(
    installation: Installation,
    principal: Principal,
    *,
    reason: str | None = None,
    before: int | None = None,
) -> TriedLetters:
    """Read the newest letters again, at most 200, each as `retry`; one that fails stops no other.

    One that fails as nobody expected stays, too, with its reason, and is counted.

    Args:
        installation: Where.
        principal: Who asks.
        reason: Only those that were not understood for exactly this.
        before: Only those before the one of this id.

    Raises:
        Refused: They may not.
        Unavailable: The database, or the log; what was tried by then is done.
    """
    letters = await page(installation, principal, limit=AT_ONCE_MAX, reason=reason, before=before)
    published = messages = failed = 0
    for letter in letters:
        try:
            messages += await retry(installation, principal, letter.id)
            published += 1
        except Refused:  # not understood yet, or somebody else was faster
            continue
        except Unavailable:
            raise  # so it would be with all others
        except Exception:
            log.exception("letter_not_tried", letter=letter.id)
            failed += 1
    return TriedLetters(
        published=published,
        messages=messages,
        still=len(letters) - published,
        failed=failed,
        next_before=letters[-1].id if len(letters) == AT_ONCE_MAX else None,
    )


async def replay(
    installation: Installation, letter: KeptLetter, account_id: int, *, by: str
) -> int:
    """Read a letter that is whole again, publish what it says, and note by whom.

    Returns:
        How many messages it came to.

    Raises:
        Malformed: It is still not understood.
    """
    entries = await _understood(installation, letter, account_id)
    await installation.log.publish(entries)
    await installation.dead_letters.settle(letter.id, "replayed", by=by)
    return len(entries)


async def _understood(
    installation: Installation, letter: KeptLetter, account_id: int
) -> Sequence[Entry]:
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
    entries = await read_again(installation, account_id, letter.body, letter.content_type)
    if not entries:
        raise Malformed("it holds nothing for us")
    return entries


async def drop(
    installation: Installation, principal: Principal, letter_id: int, *, why: str
) -> None:
    """Set the letter aside for good; why is kept with it.

    Raises:
        Refused: They may not, or it was dealt with before, or they do not say why.
    """
    _check_open(await get(installation, principal, letter_id))
    _check_why(why)
    await installation.dead_letters.settle(letter_id, "dismissed", by=principal.id, why=why.strip())


async def drop_all(
    installation: Installation, principal: Principal, *, reason: str, why: str
) -> int:
    """Set letters aside that were not understood for exactly this, at most 200; how many.

    Raises:
        Refused: They may not, or do not say why.
    """
    letters = await page(installation, principal, limit=AT_ONCE_MAX, reason=reason)
    _check_why(why)
    for letter in letters:
        await installation.dead_letters.settle(
            letter.id, "dismissed", by=principal.id, why=why.strip()
        )
    return len(letters)


def _check_why(why: str) -> None:
    if not why.strip():
        raise Refused("reason_missing")
    check_reason(why)


def _check_open(letter: KeptLetter) -> None:
    if letter.state == "replayed":
        raise Refused("letter_replayed", letter=letter.id)
    if letter.state == "dismissed":
        raise Refused("letter_dropped", letter=letter.id)
