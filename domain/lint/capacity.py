"""Limits and caps that hold the coefficients up, and that cannot carry what comes in."""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from contracts.rules import RuleSection
from contracts.sentences import sentence
from domain.configuration import Participant, Rule
from domain.lint.finding import Finding
from domain.lint.hours import WEEK, on_shift
from domain.schedule import Path


def limit_findings(at_rule: Path, section: RuleSection, rule: Rule) -> Iterator[Finding]:
    """Limits that let the coefficients of a tier hold only for a moment.

    While all close their leads at the same pace, open leads grow in proportion to the
    coefficients; whoever has the smallest limit for their coefficient is full first, and from
    there on the others share without them. It is told when they have used less than half of
    their limits by then.
    """
    places = {p.manager: number for number, p in enumerate(section.participants)}
    for participant in rule.participants:
        if participant.weight and participant.limit == 0:
            yield Finding(
                path=_field(at_rule, places, participant, "limit"),
                severity="warning",
                found=sentence("lint.limit_zero", manager=participant.manager_id),
                advice=sentence("lint.limit_zero.advice"),
            )
    if rule.policy != "fair_share":
        return
    for tier in sorted({p.tier for p in rule.participants}):
        yield from _tier_findings(at_rule, places, [p for p in rule.participants if p.tier == tier])


def _tier_findings(
    at_rule: Path, places: dict[int, int], tier: list[Participant]
) -> Iterator[Finding]:
    limited = [p for p in tier if p.weight and p.limit]
    if len({p.weight for p in limited}) < 2:  # noqa: PLR2004 - equal coefficients need no room
        return
    room = {p.manager_id: Fraction(p.limit or 0, p.weight) for p in limited}
    first = min(limited, key=lambda p: (room[p.manager_id], p.manager_id))
    others = [p for p in limited if p is not first]
    used = min(Fraction(room[first.manager_id], room[p.manager_id]) for p in others)
    if used >= Fraction(1, 2):
        return
    needed = max(room[p.manager_id] for p in others) * first.weight
    yield Finding(
        path=_field(at_rule, places, first, "limit"),
        severity="warning",
        found=sentence(
            "lint.full_early",
            manager=first.manager_id,
            limit=first.limit or 0,
            tier=first.tier,
            used=int(used * 100),
        ),
        advice=sentence("lint.full_early.advice", needed=int(-(-needed // 1))),
    )


def capacity_findings(at_rule: Path, rule: Rule, leads: int, at: datetime) -> Iterator[Finding]:
    """Caps that together allow less than came in last week."""
    capacities = [_per_week(p, at) for p in rule.participants if p.weight]
    if any(capacity is None for capacity in capacities):
        return  # somebody may take as many as there are
    capacity = sum(c for c in capacities if c is not None)
    if capacity < leads:
        yield Finding(
            path=(*at_rule, "caps"),
            severity="warning",
            found=sentence("lint.caps_too_low", allowed=capacity, came=leads),
            advice=sentence("lint.caps_too_low.advice"),
        )


def _per_week(participant: Participant, at: datetime) -> int | None:
    """The most leads they may get in the coming week, None without a cap."""
    caps = participant.caps
    if caps is None:
        return None
    shifts = list(on_shift(participant.schedule, (at, at + WEEK)))
    bounds = []
    if caps.month is not None:
        months = {p for shift in shifts for p in caps.periods("month", *shift)}
        bounds.append(caps.month * len(months))
    if caps.week is not None:
        bounds.append(caps.week)
    if caps.day is not None:
        bounds.append(caps.day * len({p for shift in shifts for p in caps.periods("day", *shift)}))
    if caps.hour is not None:
        hours = {p for shift in shifts for p in caps.periods("hour", *shift)}
        bounds.append(caps.hour * len(hours))
    return min(bounds)


def _field(at_rule: Path, places: dict[int, int], participant: Participant, name: str) -> Path:
    """The participant's own field, or the rule's where they are not listed."""
    if participant.manager_id in places:
        return (*at_rule, "participants", places[participant.manager_id], name)
    return (*at_rule, name)
