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
    Handover,
    LeadAssigned,
    LinkedChanged,
    LinkedDecided,
    LinkedKind,
    LinkedLeft,
)
from contracts.inbound import UndoHandovers
from projections import decisions
from services.cli.administrator import administrator
from services.cli.explain import handed_over, lines_of, namer
from services.cli.installation import Installation, Wrong
from services.cli.order import order
from services.cli.people import KEPT
from services.storage.accounts import Account
from services.storage.database import borrow

EVENTS_MAX = 2_000
DONE_WITHIN_S = 60.0
POLL_S = 0.2

Thing = tuple[LinkedKind, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What can be put back of a decision.

    Attributes:
        handovers: From whom we made responsible to whom it was.
        unknown: Things that nobody, or nobody known, was responsible for: these stay.
    """

    request_id: str
    lead_id: int
    handovers: tuple[Handover, ...]
    unknown: tuple[Thing, ...]


async def plan(
    installation: Installation, account: Account, lead_id: int, request_id: str = ""
) -> Plan:
    """What a decision about a lead changed and can be put back; the newest if none is named.

    Raises:
        Wrong: There is no such decision, or nothing of it to put back.
    """
    events = await _events_of_lead(installation, account.account_id, lead_id)
    assigned = [event for event in events if isinstance(event, LeadAssigned)]
    if not assigned:
        raise Wrong(f"no decision gave lead {lead_id} to anybody in account {account.account_id}")
    known = {event.request_id: None for event in assigned}
    chosen = request_id or assigned[-1].request_id
    if chosen not in known:
        raise Wrong(f"--decision: lead {lead_id} has no {chosen}; known: {', '.join(known)}")
    found = plan_of(events, chosen, lead_id)
    if not found.handovers:
        raise Wrong(f"nothing of decision {chosen} can be put back")
    return found


def plan_of(events: Sequence[AllocationEvent], request_id: str, lead_id: int) -> Plan:
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
    handovers = [
        Handover(kind, entity_id, manager_id, back_to)
        for (kind, entity_id), manager_id in ours.items()
        if (back_to := before[kind, entity_id]) and back_to != manager_id
    ]
    unknown = [thing for thing in ours if not before[thing]]
    return Plan(request_id, lead_id, tuple(handovers), tuple(unknown))


def preview(account: Account, plan: Plan) -> list[str]:
    """The plan in words."""
    name = namer(account)
    lines = [
        f"{each.kind} {each.entity_id}: {name(each.responsible_before)} -> {name(each.manager_id)}"
        for each in plan.handovers
    ]
    lines += [
        f"{kind} {entity_id}: stays, nobody known was responsible before"
        for kind, entity_id in plan.unknown
    ]
    return lines


async def carry_out(installation: Installation, account: Account, plan: Plan) -> list[str]:
    """Put it back; what became of each thing.

    Raises:
        Wrong: The account refused: some of it is just on its way.
    """
    body = UndoHandovers(
        request_id=plan.request_id,
        lead_id=plan.lead_id,
        handovers=plan.handovers,
        by=administrator(),
    )
    before = await installation.events.head(account.account_id)
    answer = await order(installation, account.account_id, body)
    if answer is None:
        return [KEPT]
    order_id = next(event.order_id for event in answer if isinstance(event, LinkedDecided))
    ended = await _endings(installation, account.account_id, before, order_id, len(plan.handovers))
    name = namer(account)
    lines = [
        handed_over(event, name) if isinstance(event, LinkedChanged) else lines_of(event, name)[0]
        for event in ended
    ]
    if len(ended) < len(plan.handovers):
        missing = len(plan.handovers) - len(ended)
        lines.append(
            f"Kommo has not answered about {missing} of them within {DONE_WITHIN_S:.0f} s; they are"
            f" kept and tried again. See: fairlead explain {plan.lead_id}"
        )
    return lines


async def _endings(
    installation: Installation, account_id: int, after: int, order_id: str, count: int
) -> list[LinkedChanged | LinkedLeft]:
    found: list[LinkedChanged | LinkedLeft] = []
    deadline = asyncio.get_running_loop().time() + DONE_WITHIN_S
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
