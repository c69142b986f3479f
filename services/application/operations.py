"""Where what people asked for stands: accepted, decided or refused, and in the tables (A5.3)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from contracts.events import AllocationEvent, CommandReceived, CommandRefused, CommandRepeated
from contracts.sentences import sentence
from projections import commands
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.projector.registry import PROJECTIONS
from services.shared.errors import Unavailable
from services.storage.accounts import RegisteredAccount
from services.storage.database import Connection, borrow, borrow_to_read, mapping
from services.storage.kept_commands import KeptCommand, KeptCommands

WAIT_S = 2.0
POLL_S = 0.05

_POSITIONS = ", ".join(
    f"coalesce((SELECT version FROM {each.NAME}.positions WHERE account_id = $1), 0)"  # noqa: S608 - names of ours
    for each in PROJECTIONS
)
SELECT_SHOWN = f"SELECT least({_POSITIONS})"
SELECT_REACH = f"""
SELECT least({_POSITIONS}),
    coalesce((SELECT version FROM account_heads WHERE account_id = $1), 0)
"""  # noqa: S608 - names of ours
SELECT_BEHIND = f"""
SELECT account_id, version - least({_POSITIONS.replace("$1", "head.account_id")}) AS behind
FROM account_heads AS head WHERE account_id = ANY ($1)
"""  # noqa: S608 - names of ours

# accepted: it is in the log, or will be by the next repeat, and is not decided yet.
Standing = Literal["accepted", "decided", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something that was asked for, and where it stands.

    Attributes:
        events: That answer it, in their order; empty also where nothing had to change.
        version: Of the account after them; None until it is decided.
        refusal: The first no, where one of its messages was refused; the others took effect.
        is_shown: Whether all tables show it.
    """

    operation_id: str
    given_by: str
    given_at: datetime
    standing: Standing
    events: tuple[AllocationEvent, ...] = ()
    version: int | None = None
    refusal: CommandRefused | None = None
    is_shown: bool = False


class Behind(Unavailable):
    """The tables do not show a version yet; the same question may be answered later (A5.5).

    Attributes:
        shown: The version that they show.
        sentence: The same, to be put into words for whoever asked.
    """

    def __init__(self, *, wanted: int, shown: int) -> None:
        super().__init__(f"version {wanted} is not shown yet, {shown} is")
        self.shown = shown
        self.sentence = sentence("operation.behind", wanted=wanted, shown=shown)


async def operation(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    operation_id: str,
) -> Operation:
    """Where an operation stands, for whoever gave it and for those who may see who did what.

    Raises:
        Refused: There is none of that id, or none that they may see: nobody can tell which.
    """
    kept = await KeptCommands(installation.pool).find(account.account_id, operation_id)
    if kept is None or not (kept.given_by == principal.id or principal.may("audit")):
        raise Refused("operation_unknown", operation=operation_id)
    return await stand(installation, account.account_id, kept)


async def stand(installation: Installation, account_id: int, kept: KeptCommand) -> Operation:
    """Where it stands now."""
    ids = message_ids(kept.operation_id, len(kept.messages))
    async with borrow(installation.pool) as connection:
        versions = await commands.taken_up(connection, account_id, ids)
    found = Operation(
        operation_id=kept.operation_id,
        given_by=kept.given_by,
        given_at=kept.given_at,
        standing="accepted",
    )
    if len(versions) < len(ids):
        return found
    events: list[AllocationEvent] = []
    version = 0
    for message_id in ids:
        answer, version = await _answer(installation, account_id, message_id, versions[message_id])
        events += answer
    refusal = next((event for event in events if isinstance(event, CommandRefused)), None)
    return replace(
        found,
        standing="decided" if refusal is None else "refused",
        events=tuple(events),
        version=version,
        refusal=refusal,
        is_shown=await shown(installation, account_id) >= version,
    )


def message_ids(operation_id: str, count: int) -> list[str]:
    """The ids of its messages, in their order."""
    return [f"{operation_id}/{number}" for number in range(1, count + 1)]


async def shown(installation: Installation, account_id: int) -> int:
    """The version of the account that every table shows."""
    async with borrow_to_read(installation.pool) as connection:
        version: int = await connection.fetchval(SELECT_SHOWN, account_id)
    return version


async def reach(installation: Installation, account_id: int) -> tuple[int, int]:
    """The version of the account that every table shows, and the newest that is stored."""
    async with borrow_to_read(installation.pool) as connection:
        [row] = await connection.fetch(SELECT_REACH, account_id)
    return row[0], row[1]


async def behind(connection: Connection, account_ids: Sequence[int]) -> dict[int, int]:
    """How many events of each account the slowest of its tables has yet to take."""
    return mapping(await connection.fetch(SELECT_BEHIND, account_ids))


async def wait_until_shown(
    installation: Installation, account_id: int, version: int, *, wait_s: float = WAIT_S
) -> int:
    """Wait until whoever reads sees a version they know of (A5.5); which one they see.

    Raises:
        Behind: It took longer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while (found := await shown(installation, account_id)) < version:
        if loop.time() >= deadline:
            raise Behind(wanted=version, shown=found)
        await asyncio.sleep(POLL_S)
    return found


async def _answer(
    installation: Installation, account_id: int, message_id: str, version: int
) -> tuple[list[AllocationEvent], int]:
    """What the message taken up in a version came to, and the last version of it."""
    events: list[AllocationEvent] = []
    last = version
    while page := await installation.events.stream(account_id, last if events else version - 1):
        for recorded in page:
            is_repeat = isinstance(recorded.event, CommandRepeated)
            if recorded.cause != message_id or is_repeat:
                return events[1:], last
            events.append(recorded.event)
            last = recorded.version
    assert isinstance(events[0], CommandReceived), "what the table was made from"  # noqa: S101
    return events[1:], last
