"""Builders of single events with good defaults, and how tests apply events to a projection."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.events import (
    LEAD,
    AllocationEvent,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadDeleted,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    LookupRequested,
    ReadingRequested,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    Standing,
    TimerScheduled,
)
from contracts.stage import Stage
from services.projector.advance import advance
from services.projector.registry import Projection
from services.projector.schema import prepare

ACCOUNT = 7
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEW, WORK, WON = Stage(1, 11), Stage(1, 12), Stage(1, 142)


def later(minutes: int) -> datetime:
    return NINE + timedelta(minutes=minutes)


def recorded(*events: AllocationEvent, after: int = 0, account_id: int = ACCOUNT) -> list[Recorded]:
    return [
        Recorded(account_id=account_id, version=version, cause=f"m{version}", event=event)
        for version, event in enumerate(events, after + 1)
    ]


def seen(lead_id: int = 1, **changes: Any) -> LeadSeen:
    values: dict[str, Any] = {
        "stage": NEW,
        "responsible_id": 77,
        "modified_at": NINE,
        "was_stage": None,
        "was_owner_id": None,
        "owner_id": 77,
        "source": "webhook",
        "at": NINE,
    }
    return LeadSeen(lead_id=lead_id, **values | changes)


def deleted(lead_id: int = 1, **changes: Any) -> LeadDeleted:
    values: dict[str, Any] = {"was_stage": NEW, "was_owner_id": 77, "at": NINE}
    return LeadDeleted(lead_id=lead_id, **values | changes)


def opened(lead_id: int = 1, **changes: Any) -> RequestOpened:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "rule_id": "new",
        "stage": NEW,
        "source": "webhook",
        "at": NINE,
    }
    return RequestOpened(lead_id=lead_id, **values | changes)


def deferred(lead_id: int = 1, **changes: Any) -> RequestDeferred:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "rule_id": "new",
        "reason": "off_shift",
        "next_look_at": later(60),
        "standings": (),
        "at": NINE,
    }
    return RequestDeferred(lead_id=lead_id, **values | changes)


def assigned(
    lead_id: int = 1,
    *,
    manager_id: int = 501,
    shares: dict[int, int] | None = None,
    **changes: Any,
) -> LeadAssigned:
    """A decision among 501 and 502, equal parts, unless `shares` says otherwise."""
    parts = shares or {501: LEAD // 2, 502: LEAD // 2}
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "attempt": 1,
        "turn": 1,
        "rule_id": "new",
        "revision": 1,
        "policy": "fair_share",
        "policy_version": 1,
        "ledger": "account",
        "tier": 1,
        "stage": NEW,
        "responsible_before": 77,
        "was_owner_id": 77,
        "standings": tuple(
            Standing(manager, 1, "eligible", 0, share, 0, 0, None)
            for manager, share in sorted(parts.items())
        ),
        "movements": movements(parts, winner=manager_id),
        "reason": "largest_credit",
        "tzdata": "2026f",
        "at": NINE,
    }
    return LeadAssigned(lead_id=lead_id, manager_id=manager_id, **values | changes)


def movements(parts: dict[int, int], *, winner: int) -> tuple[tuple[int, int], ...]:
    return tuple(
        (manager, share - LEAD * (manager == winner)) for manager, share in sorted(parts.items())
    )


def confirmed(lead_id: int = 1, **changes: Any) -> AssignmentConfirmed:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "attempt": 1,
        "manager_id": 501,
        "modified_at": NINE,
        "how": "answered",
        "at": later(1),
    }
    return AssignmentConfirmed(lead_id=lead_id, **values | changes)


def withdrawn(of: LeadAssigned, **changes: Any) -> AssignmentWithdrawn:
    values: dict[str, Any] = {
        "reason": "taken_by_person",
        "detail": "",
        "movements": tuple((manager, -units) for manager, units in of.movements),
        "stage": of.stage,
        "owner_id": of.responsible_before,
        "at": later(2),
    }
    return AssignmentWithdrawn(
        request_id=of.request_id,
        attempt=of.attempt,
        lead_id=of.lead_id,
        manager_id=of.manager_id,
        ledger=of.ledger,
        **values | changes,
    )


def closed(lead_id: int = 1, **changes: Any) -> RequestClosed:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "reason": "left_stage",
        "detail": "",
        "at": later(3),
    }
    return RequestClosed(lead_id=lead_id, **values | changes)


def lapsed(lead_id: int = 1, **changes: Any) -> LeadLapsed:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "attempt": 1,
        "manager_id": 501,
        "rule_id": "new",
        "ledger": "account",
        "charged_units": LEAD // 2,
        "nothing_changed": "no_touch",
        "after_s": 1_800,
        "on_working_time": True,
        "is_read": True,
        "offered_at": NINE,
        "tried": (501,),
        "at": later(30),
    }
    return LeadLapsed(lead_id=lead_id, **values | changes)


def touched(lead_id: int = 1, **changes: Any) -> LeadTouched:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "attempt": 1,
        "manager_id": 501,
        "kind": "call",
        "by": 501,
        "happened_at": later(4),
        "at": later(5),
    }
    return LeadTouched(lead_id=lead_id, **values | changes)


def lookup(lead_id: int = 1, **changes: Any) -> LookupRequested:
    values: dict[str, Any] = {"reason": "same_time", "at": NINE}
    return LookupRequested(lead_id=lead_id, **values | changes)


def reading(lead_id: int = 1, **changes: Any) -> ReadingRequested:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "stage": NEW,
        "revision": 1,
        "parts": ("lead",),
        "next_look_at": later(1),
        "at": NINE,
    }
    return ReadingRequested(lead_id=lead_id, **values | changes)


def prepared(lead_id: int = 1, **changes: Any) -> RequestPrepared:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "rule_id": "new",
        "outcomes": (),
        "responsibles": (),
        "unread": (),
        "at": later(1),
    }
    return RequestPrepared(lead_id=lead_id, **values | changes)


def reserved(lead_id: int = 1, **changes: Any) -> RequestReserved:
    values: dict[str, Any] = {
        "request_id": f"{lead_id}.1",
        "rule_id": "new",
        "manager_id": 501,
        "next_look_at": later(30),
        "owners": (),
        "at": NINE,
    }
    return RequestReserved(lead_id=lead_id, **values | changes)


def timer(timer_id: str = "look/new", **changes: Any) -> TimerScheduled:
    values: dict[str, Any] = {"generation": 1, "due_at": later(60), "at": NINE}
    return TimerScheduled(timer_id=timer_id, **values | changes)


def moved(*pairs: tuple[int, int], **changes: Any) -> CreditMoved:
    values: dict[str, Any] = {
        "ledger": "account",
        "reason": "corrected",
        "by": "admin",
        "note": "",
        "at": later(5),
    }
    return CreditMoved(movements=pairs, **values | changes)


async def plan(pool: Any, statement: str, *arguments: object) -> str:
    """How the database would answer a statement, as text."""
    return "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN {statement}", *arguments))


async def apply(pool: Any, projection: Projection, events: Sequence[Recorded]) -> None:
    """Bring the events, of one account, into the projection's live tables."""
    await prepare(pool, [projection])
    async with pool.acquire() as connection:
        await advance(
            connection,
            projection,
            schema=projection.NAME,
            account_id=events[0].account_id,
            events=events,
        )
