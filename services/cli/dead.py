"""What could not be understood: listed, shown, tried again, dropped."""

from collections.abc import Sequence

from contracts.kommo.webhooks import read_body
from contracts.topics import ALLOCATIONS
from services.cli.installation import Installation, Wrong
from services.codec import decode_inbound, encode_inbound
from services.errors import Malformed
from services.ingress.body import Body
from services.ingress.clock import ReceiptClock
from services.ingress.intake import Intake
from services.log.allocations import read_allocation
from services.log.port import Entry
from services.storage.dead_letters import KeptLetter
from services.wall_clock import utc_now

PREVIEW_CHARACTERS = 4_000


async def page(installation: Installation, *, limit: int) -> list[KeptLetter]:
    """The newest letters that nobody has dealt with."""
    return await installation.dead_letters.page(limit=limit)


async def get(installation: Installation, letter_id: int) -> KeptLetter:
    """One letter.

    Raises:
        Wrong: There is none of that number.
    """
    letter = await installation.dead_letters.get(letter_id)
    if letter is None:
        raise Wrong(f"there is no dead letter {letter_id}; see: fairlead dead list")
    return letter


def size_of(letter: KeptLetter) -> str:
    """How much came, and how much of it was kept."""
    if not letter.is_cut:
        return f"{letter.size} bytes"
    return f"{letter.size} bytes came, the first {len(letter.body)} are kept"


def preview(letter: KeptLetter) -> str:
    """The body as text, cut."""
    text = letter.body.decode("utf-8", "replace")
    if len(text) <= PREVIEW_CHARACTERS:
        return text
    return f"{text[:PREVIEW_CHARACTERS]}\n... {len(text) - PREVIEW_CHARACTERS} more characters"


async def retry(installation: Installation, letter_id: int) -> str:
    """Read the letter again and publish what it says; what to tell the person.

    Raises:
        Wrong: It still cannot be understood, is not whole, or was dealt with before.
    """
    letter = await get(installation, letter_id)
    _check_open(letter)
    if letter.account_id is None:
        raise Wrong(f"dead letter {letter_id} belongs to no account; it can only be dropped")
    if letter.is_cut:
        raise Wrong(f"dead letter {letter_id} is not whole: {size_of(letter)}; it can be dropped")
    if letter.source.startswith(f"{ALLOCATIONS}/"):
        return await _retried(installation, letter)
    entries = await _understood(letter, letter.account_id)
    await installation.log.publish(entries)
    await installation.dead_letters.settle(letter_id, "replayed")
    return f"Published again: {len(entries)} message(s)."


async def _retried(installation: Installation, letter: KeptLetter) -> str:
    """Read a message of the allocations log again; what it tells is in the event store anyway."""
    try:
        read_allocation(letter.body)
    except Malformed as error:
        raise Wrong(f"dead letter {letter.id} still cannot be understood: {error}") from error
    await installation.dead_letters.settle(letter.id, "replayed")
    return "Understood now; what it tells of was read from the event store before."


async def _understood(letter: KeptLetter, account_id: int) -> Sequence[Entry]:
    """The messages of a letter; those that took effect before are harmless copies."""
    if letter.position is not None:  # a message of the log itself
        try:
            decode_inbound(letter.body)
        except Malformed as error:
            raise Wrong(f"dead letter {letter.id} still cannot be understood: {error}") from error
        return [Entry(account_id, letter.body)]
    kept = await Intake(
        read=read_body, encode=encode_inbound, clock=ReceiptClock(utc_now)
    ).understand(
        account_id,
        Body(letter.body, len(letter.body)),
        content_type=letter.content_type,
        content_encoding=None,
    )
    if not kept.entries:
        reasons = "; ".join(again.reason for again in kept.letters) or "it holds nothing for us"
        raise Wrong(f"dead letter {letter.id} still cannot be understood: {reasons}")
    return kept.entries


async def drop(installation: Installation, letter_id: int) -> str:
    """Set the letter aside for good; what to tell the person.

    Raises:
        Wrong: It was dealt with before.
    """
    _check_open(await get(installation, letter_id))
    await installation.dead_letters.settle(letter_id, "dismissed")
    return f"Dead letter {letter_id} is dropped."


def _check_open(letter: KeptLetter) -> None:
    if letter.state != "kept":
        raise Wrong(f"dead letter {letter.id} was {letter.state} before")
