"""Putting back what a decision changed, from the events alone (D6.4).

Each change was recorded with the responsible before. What a person changed since is not ours any
more: it is left, and named.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.events import (
    AllocationEvent,
    AssignmentWithdrawn,
    LeadAssigned,
    LinkedChanged,
    LinkedDecided,
    LinkedKind,
    LinkedLeft,
    Transfer,
)
from contracts.inbound import UndoTransfers
from projections import decisions
from services.application.commands import Answer, Asked, Once, give, given_before
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

EVENTS_MAX = 2_000
DONE_WITHIN_S = 60.0
POLL_S = 0.2

Thing = tuple[LinkedKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedUndo:
    """What can be put back of a decision.

    Attributes:
        transfers: From whom we made responsible to whom it was.
        unknown: Things that nobody, or nobody known, was responsible for: these stay.
    """

    request_id: str
    lead_id: int
    transfers: tuple[Transfer, ...]
    unknown: tuple[Thing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of it.

    Attributes:
        endings: What changed hands, and what stayed and why, in the order of the answers.
        unanswered: Things that Kommo has not answered about yet; they are tried again.
    """

    answer: Answer
    endings: tuple[LinkedChanged | LinkedLeft, ...]
    unanswered: int


async def plan(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    lead_id: int,
    *,
    request_id: str | None = None,
) -> PlannedUndo:
    """What a decision about a lead changed and can be put back; the newest if none is named.

    Raises:
        Refused: They may not, there is no such decision, or nothing of it can be put back.
    """
    principal.require("activity")
    events = await _events_of_lead(installation, account.account_id, lead_id)
    assigned = [event for event in events if isinstance(event, LeadAssigned)]
    if not assigned:
        raise Refused("never_assigned", lead=lead_id)
    known = tuple(dict.fromkeys(event.request_id for event in assigned))
    chosen = known[-1] if request_id is None else request_id
    if chosen not in known:
        raise Refused("decision_unknown", lead=lead_id, decision=chosen, known=known)
    found = plan_of(events, chosen, lead_id)
    if not found.transfers:
        raise Refused("nothing_to_put_back", decision=chosen)
    return found


def plan_of(events: Sequence[AllocationEvent], request_id: str, lead_id: int) -> PlannedUndo:
    """What the events of a lead, the oldest first, leave to be put back of a decision."""
    before: dict[Thing, int | None] = {}
    ours: dict[Thing, int] = {}
    for event in events:
        match event:
            case LeadAssigned(request_id=of, keeps_lead=False) if of == request_id:
                before.setdefault(("lead", lead_id), event.responsible_before)
                ours["lead", lead_id] = event.manager_id
            case AssignmentWithdrawn(request_id=of) if of == request_id:
                ours.pop(("lead", lead_id), None)
            case LinkedChanged(request_id=of) if of == request_id:
                thing = (event.kind, event.entity_id)
                if event.order_id.startswith("undo/"):
                    ours.pop(thing, None)
                else:
                    before.setdefault(thing, event.responsible_before)
                    ours[thing] = event.manager_id
            case _:
                pass
    transfers = [
        Transfer(kind, entity_id, manager_id, back_to)
        for (kind, entity_id), manager_id in ours.items()
        if (back_to := before[kind, entity_id]) and back_to != manager_id
    ]
    unknown = [thing for thing in ours if not before[thing]]
    return PlannedUndo(
        request_id=request_id,
        lead_id=lead_id,
        transfers=tuple(transfers),
        unknown=tuple(unknown),
    )


async def carried_out_before(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    lead_id: int,
    *,
    request_id: str | None = None,
    once: Once,
    settled_within_s: float = DONE_WITHIN_S,
) -> Undone | None:
    """What became of it if it was ordered before under this key: there is nothing to plan then.

    Raises:
        Refused: They may not, the account refused it, or something else was ordered.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require("activity")
    answer = await given_before(
        installation, account.account_id, principal, once, asked=_asked(lead_id, request_id)
    )
    if answer is None:
        return None
    return await _undone(installation, account.account_id, answer, settled_within_s)


async def carry_out(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    planned: PlannedUndo,
    *,
    request_id: str | None = None,
    once: Once,
    settled_within_s: float = DONE_WITHIN_S,
) -> Undone:
    """Put it back, and see what becomes of each thing in Kommo.

    Args:
        installation: Where.
        account: Whose.
        principal: Who orders it.
        planned: What is put back.
        request_id: The decision that was named, None if none was.
        once: The key, and how long to wait for the account's answer.
        settled_within_s: How long Kommo is waited for after that.

    Raises:
        Refused: They may not, or the account refused: some of it is just on its way.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require("activity")
    body = UndoTransfers(
        request_id=planned.request_id,
        lead_id=planned.lead_id,
        handovers=planned.transfers,
        by=principal.id,
    )
    answer = await give(
        installation,
        account.account_id,
        principal,
        [body],
        once,
        asked=_asked(planned.lead_id, request_id),
    )
    return await _undone(installation, account.account_id, answer, settled_within_s)


def _asked(lead_id: int, request_id: str | None) -> Asked:
    return {"command": "undo", "lead": lead_id, "decision": request_id}


async def _undone(
    installation: Installation, account_id: int, answer: Answer, within_s: float
) -> Undone:
    decided = next((each for each in answer.events if isinstance(each, LinkedDecided)), None)
    if decided is None or answer.version is None:
        return Undone(answer=answer, endings=(), unanswered=0)
    count = len(decided.handovers)
    order_id, loop = decided.order_id, asyncio.get_running_loop()
    deadline = loop.time() + within_s
    endings = await _endings(installation, account_id, answer.version, order_id, count, deadline)
    return Undone(answer=answer, endings=tuple(endings), unanswered=count - len(endings))


async def _endings(
    installation: Installation,
    account_id: int,
    after: int,
    order_id: str,
    count: int,
    deadline: float,
) -> list[LinkedChanged | LinkedLeft]:
    found: list[LinkedChanged | LinkedLeft] = []
    while len(found) < count and asyncio.get_running_loop().time() < deadline:
        for recorded in await installation.events.stream(account_id, after):
            after, event = recorded.version, recorded.event
            if isinstance(event, LinkedChanged | LinkedLeft) and event.order_id == order_id:
                found.append(event)
        await asyncio.sleep(POLL_S)
    return found


async def _events_of_lead(
    installation: Installation, account_id: int, lead_id: int
) -> list[AllocationEvent]:
    async with borrow(installation.pool) as connection:
        feed = await decisions.of_lead(
            connection, account_id=account_id, lead_id=lead_id, limit=EVENTS_MAX
        )
    found: list[AllocationEvent] = []
    for decision in reversed(feed):
        (recorded,) = await installation.events.stream(account_id, decision.version - 1, limit=1)
        found.append(recorded.event)
    return found
