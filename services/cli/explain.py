"""Why a lead went where it went: every decision about it, in words, from the events alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from contracts.events import (
    AllocationEvent,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadLapsed,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    Standing,
)
from domain.explain import CAPS, VERDICTS, explain, is_reproduced, owner_lines, prepared_lines
from domain.explain_pass import lapsed, touched
from projections import decisions
from services.cli.explain_order import order_of, ordered
from services.cli.installation import Installation, Wrong
from services.storage.accounts import Account
from services.storage.database import borrow

CLOSED = {
    "no_rule": "no rule takes such a lead in this stage",
    "lead_deleted": "the lead was deleted",
    "lead_closed": "the lead was closed",
    "left_stage": "the lead left the stage",
    "taken_by_person": "a person made somebody responsible",
    "rejected": "Kommo rejected the change",
    "superseded": "the lead moved on, and a newer request took its place",
    "pass_exhausted": (
        "everybody who could take the lead had been offered it, and nobody has duty: it stays"
    ),
    "hops_exhausted": (
        "the lead had been passed on as often as the rule allows, and nobody has duty: it stays"
    ),
    "kept": "it is an employee's own lead, and the rule keeps it so",
}
WITHDRAWN = {
    "taken_by_person": "a person was faster",
    "manager_refused": "Kommo does not accept this manager any more",
    "lead_gone": "the lead is gone",
    "lead_closed": "the lead was closed meanwhile",
    "rejected": "Kommo rejected the change",
    "superseded": "the lead moved on before Kommo held the decision",
}


LEFT = {
    "changed_since": "a person changed who is responsible since",
    "gone": "it does not exist any more",
    "refused": "Kommo refused the change",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One decision.

    Attributes:
        version: Of its event in the account's log.
        lines: The first tells what was decided, the others why.
        is_reproduced: Whether the recorded inputs give the same decision again; None where
            nothing was chosen.
    """

    version: int
    lines: list[str]
    is_reproduced: bool | None


async def explain_lead(
    installation: Installation, account: Account, lead_id: int
) -> list[Explained]:
    """Every decision about a lead, the oldest first.

    Raises:
        Wrong: None is recorded.
    """
    async with borrow(installation.pool) as connection:
        feed = await decisions.of_lead(connection, account_id=account.account_id, lead_id=lead_id)
    if not feed:
        text = f"no decision about lead {lead_id} is recorded for account {account.account_id}"
        raise Wrong(text)
    name = namer(account)
    found = []
    for decision in reversed(feed):
        (recorded,) = await installation.events.stream(
            account.account_id, decision.version - 1, limit=1
        )
        found.append(
            Explained(
                version=recorded.version,
                lines=await _lines(installation, recorded, name),
                is_reproduced=is_reproduced(recorded.event)
                if isinstance(recorded.event, LeadAssigned)
                else None,
            )
        )
    return found


async def _lines(
    installation: Installation, recorded: Recorded, name: Callable[[int], str]
) -> list[str]:
    if isinstance(recorded.event, RequestOpened):
        return [ordered(recorded.event, await order_of(installation, recorded), name)]
    return lines_of(recorded.event, name)


def namer(account: Account) -> Callable[[int], str]:
    """Tells a manager's name by id, the id itself where the name is not known."""
    users = {user["id"]: user["name"] for user in account.directory.get("users", [])}
    return lambda user_id: users.get(user_id) or f"user {user_id}"


def lines_of(  # noqa: C901, PLR0911 - a case per event
    event: AllocationEvent, name: Callable[[int], str]
) -> list[str]:
    """One decision in words."""
    match event:
        case LeadAssigned():
            return explain(event, name)
        case LeadTouched():
            return [touched(event, name)]
        case LeadLapsed():
            return lapsed(event, name)
        case RequestPrepared():
            return prepared_lines(event)
        case RequestReserved():
            until = f"{event.next_look_at:%Y-%m-%d %H:%M:%S} UTC"
            kept = f"Kept for {name(event.manager_id)} under rule {event.rule_id!r} until {until}."
            return [kept, *owner_lines(event.owners, name)]
        case LinkedDecided():
            when = f"{event.at:%Y-%m-%d at %H:%M:%S} UTC"
            return [f"{event.by} put request {event.request_id} back on {when}."]
        case LinkedChanged():
            return [handed_over(event, name)]
        case LinkedLeft():
            return [f"{event.kind.capitalize()} {event.entity_id} stays: {LEFT[event.reason]}."]
        case RequestDeferred():
            return list(_deferred(event, name))
        case AssignmentWithdrawn():
            who = name(event.manager_id)
            why = WITHDRAWN[event.reason] + (f" ({event.detail})" if event.detail else "")
            return [f"Taken back from {who} on {event.at:%Y-%m-%d at %H:%M:%S} UTC: {why}."]
        case RequestClosed():
            when = f"{event.at:%Y-%m-%d at %H:%M:%S} UTC"
            return [f"Request {event.request_id} closed on {when}: {CLOSED[event.reason]}."]
        case _:
            raise AssertionError("the feed of decisions holds nothing else")


def handed_over(event: LinkedChanged, name: Callable[[int], str]) -> str:
    """One thing that changed hands."""
    before = name(event.responsible_before) if event.responsible_before else "nobody"
    thing = f"{event.kind.capitalize()} {event.entity_id}"
    return f"{thing} went from {before} to {name(event.manager_id)}."


def _deferred(event: RequestDeferred, name: Callable[[int], str]) -> Iterable[str]:
    next_look = f"{event.next_look_at:%Y-%m-%d %H:%M:%S} UTC"
    if not event.standings:
        yield f"Waited behind older requests of rule {event.rule_id!r}; next look {next_look}."
        return
    yield f"Nobody of rule {event.rule_id!r} could take it; next look {next_look}."
    for standing in event.standings:
        yield f"{name(standing.manager_id)} {_why_deferred(standing)}."


def _why_deferred(standing: Standing) -> str:
    if standing.verdict == "eligible":
        return f"has priority {standing.tier}, which is not asked while a higher one is full"
    if standing.cap is not None:
        return CAPS[standing.cap]
    return VERDICTS[standing.verdict]
