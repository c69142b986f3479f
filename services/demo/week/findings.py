"""What came of the week: who got what and why, how fair it was, and whether all promises held."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeGuard
from zoneinfo import ZoneInfo

from contracts.events import (
    AllocationEvent,
    CreditMoved,
    HandoverOrdered,
    LeadAssigned,
    LeadLapsed,
    ManagerPaused,
    ManagerResumed,
    Recorded,
    RequestOpened,
)
from contracts.rules import RulesFile
from domain.evolve import evolve
from domain.explain.assigned import assigned, duty_cause
from domain.explain.reproduced import is_reproduced
from domain.snapshot import digest
from domain.state import Account
from projections import fairness
from services.demo.week import sample as s
from services.demo.week.world import Week
from services.words.catalogue import Words
from services.words.credit import signed

KINDS = {"fair_share": "shared", "least_loaded": "hotline", "most_available": "vip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One manager's week.

    Attributes:
        got: Kind of decision to leads: `shared`, `hotline`, `vip`, `owner`, `duty`.
        lapsed: Leads that were passed on because nothing was done with them.
        share: Their part of the account's ledger; None if they are not in it.
    """

    manager_id: int
    got: Counter[str]
    lapsed: int
    share: fairness.Share | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day's sums, and what is worth telling, in order."""

    on: date
    came: int
    got: Counter[str]
    lapsed: int
    lines: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekFindings:
    """The whole.

    Attributes:
        waiting: Leads in a queue, or kept for an owner who will be back.
        broken: Promises that did not hold; always empty.
        explained: One decision of each kind, in words.
    """

    rows: list[Row]
    days: list[Day]
    leads: int
    waiting: int
    widest_units: int
    broken: list[str]
    explained: list[list[str]]


def find(week: Week) -> WeekFindings:
    """Read it all from the events, as any projection would."""
    shares = fairness.changes({}, week.log)[0]
    decisions = [r.event for r in week.log if isinstance(r.event, LeadAssigned)]
    words = Words(name=s.NAMES.get, zone=ZoneInfo(s.TIMEZONE))
    return WeekFindings(
        rows=_rows(week.log, decisions, shares),
        days=list(_days(week.log)),
        leads=len(week.leads),
        waiting=sum(len(queue) for queue in week.account.requests.waiting.values())
        + sum(len(kept) for kept in week.account.requests.reserved.values()),
        widest_units=max(share.deviation_units_max for share in shares),
        broken=list(_broken(week, decisions, shares)),
        explained=[words.lines(assigned(event)) for event in _one_of_each(decisions)],
    )


def kind_of(event: LeadAssigned) -> str:
    """A decision's kind in a word."""
    return KINDS.get(event.policy, event.policy)


def _rows(
    log: Sequence[Recorded], decisions: Sequence[LeadAssigned], shares: Sequence[fairness.Share]
) -> list[Row]:
    got: dict[int, Counter[str]] = {manager_id: Counter() for manager_id in s.NOTES}
    for event in decisions:
        got[event.manager_id][kind_of(event)] += 1
    lapsed = Counter(r.event.manager_id for r in log if isinstance(r.event, LeadLapsed))
    by_id = {share.manager_id: share for share in shares if share.ledger == "account"}
    return [Row(manager_id=m, got=got[m], lapsed=lapsed[m], share=by_id.get(m)) for m in s.NOTES]


def _days(log: Sequence[Recorded]) -> Iterator[Day]:
    place = ZoneInfo(s.TIMEZONE)
    by_day: dict[date, list[Recorded]] = {}
    for recorded in log:
        by_day.setdefault(recorded.event.at.astimezone(place).date(), []).append(recorded)
    for on, records in sorted(by_day.items()):
        events = [r.event for r in records]
        if not any(isinstance(event, RequestOpened) for event in events):
            continue
        yield Day(
            on=on,
            came=sum(isinstance(event, RequestOpened) for event in events),
            got=Counter(kind_of(event) for event in events if isinstance(event, LeadAssigned)),
            lapsed=sum(isinstance(event, LeadLapsed) for event in events),
            lines=[*_swaps(on), *_lines(records, place)],
        )


def _swaps(on: date) -> Iterator[str]:
    """Who works other hours than theirs on a date, as the rules have it."""
    for swap in RulesFile.model_validate(s.week_rules()).swaps:
        if swap.on == on:
            hours = f"{', '.join(swap.hours)} as well" if swap.hours else ""
            instead = f"instead of {s.NAMES[swap.instead_of]}" if swap.instead_of else ""
            yield f"{s.NAMES[swap.manager]} works {hours or instead}: {swap.reason}"


def _lines(records: Sequence[Recorded], place: ZoneInfo) -> Iterator[str]:
    """What is worth telling; what one step releases of the waiting is one line."""
    released: dict[str, Counter[int]] = {}
    for recorded in records:
        if _is_release(recorded.event):
            per = released.setdefault(recorded.cause, Counter())
            per[recorded.event.manager_id] += 1
    for recorded in records:
        clock = f"{recorded.event.at.astimezone(place):%H:%M}"
        if _is_release(recorded.event):
            if per := released.pop(recorded.cause, Counter()):
                yield f"{clock} {per.total()} that waited given out: {_per_manager(per)}"
        elif words := _words(recorded.event, place):
            yield f"{clock} {words}"


def _is_release(event: AllocationEvent) -> TypeGuard[LeadAssigned]:
    if not isinstance(event, LeadAssigned):
        return False
    return event.release == "backlog" and event.because is None


def _words(event: AllocationEvent, place: ZoneInfo) -> str:
    """One event in a line, empty if it is nothing special."""
    match event:
        case LeadAssigned():
            return _special(event, place)
        case LeadLapsed():
            who = s.NAMES[event.manager_id]
            if event.passed_on_by is not None:
                return f"{who} passes lead {event.lead_id} on: {event.reason}"
            return f"lead {event.lead_id} taken from {who}: nothing was done with it"
        case ManagerPaused() | ManagerResumed() | HandoverOrdered():
            return _activity(event)
        case CreditMoved():
            manager_id, units = max(event.movements, key=lambda pair: abs(pair[1]))
            reason = event.note or event.reason.replace("_", " ")
            return f"{s.NAMES[manager_id]} {signed(units)} leads: {reason}"
        case _:
            return ""


def _activity(event: ManagerPaused | ManagerResumed | HandoverOrdered) -> str:
    who = s.NAMES[event.manager_id]
    match event:
        case ManagerPaused():
            return f"{who} paused by {event.by}: {event.reason}"
        case ManagerResumed():
            return f"{who} is back"
        case HandoverOrdered(because="shift_end"):
            leads = len(event.lead_ids)
            return (
                f"{who} goes home, {leads} untouched {'lead' if leads == 1 else 'leads'} to others"
            )
        case HandoverOrdered():
            return f"{who}'s leads are handed over by {event.by}"


def _special(event: LeadAssigned, place: ZoneInfo) -> str:
    who = s.NAMES[event.manager_id]
    if event.because is not None:
        return f"lead {event.lead_id} to {who} on duty: {Words().say(duty_cause(event.because))}"
    if event.reserved_until is not None:
        starts_at = f"{event.reserved_until.astimezone(place):%a %H:%M}"
        return f"lead {event.lead_id} kept for {who}, who starts first: {starts_at}"
    return ""


def _per_manager(per: Counter[int]) -> str:
    return ", ".join(f"{s.NAMES[m]} {per[m]}" for m in sorted(per))


def _broken(
    week: Week, decisions: Sequence[LeadAssigned], shares: Sequence[fairness.Share]
) -> Iterator[str]:
    """What must never be, looked for as a suspicious reader would."""
    account = week.account
    for event in decisions:
        if not is_reproduced(event):
            yield f"lead {event.lead_id}: decided again, another answer comes out"
    yield from _unfair(account, shares)
    if account.requests.opened:
        yield f"{len(account.requests.opened)} requests are neither assigned, waiting nor closed"
    if digest(_replayed(week)) != digest(account):
        yield "the events, folded again, give another state"
    for lead_id, manager_id in {e.lead_id: e.manager_id for e in decisions}.items():
        if week.leads[lead_id].responsible_id != manager_id:
            yield f"lead {lead_id} is in Kommo somebody else's than was decided"


def _unfair(account: Account, shares: Sequence[fairness.Share]) -> Iterator[str]:
    for name, ledger in account.credits.items():
        if total := sum(ledger.values()):
            yield f"ledger {name} adds up to {total} units"
    for share in shares:
        if share.deviation_units_max >= fairness.DEVIATION_MAX_UNITS:
            name = s.NAMES[share.manager_id]
            yield f"{name} was {signed(share.deviation_units_max)} leads from the fair share"


def _replayed(week: Week) -> Account:
    account = Account(s.ACCOUNT_ID)
    for recorded in week.log:
        evolve(account, recorded.event)
    return account


def _one_of_each(decisions: Sequence[LeadAssigned]) -> list[LeadAssigned]:
    """The first decision of every kind that follows one of another day."""
    found: dict[str, LeadAssigned] = {}
    for event in decisions[len(decisions) // 4 :]:
        found.setdefault(kind_of(event), event)
    return list(found.values())
