"""How far observed assignments are from fair: a calculation, and its limits.

Of another widget neither shifts nor weights are known. So each lead is held against the people
who got one of its kind on the same day: had they taken turns, each would have got an equal part
of it. What a person got beyond the sum of these parts is their deviation. Beside it stands how
far a lottery among the same people would have left them, as a rule.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from math import isqrt
from typing import NamedTuple

from contracts.events import LEAD
from domain.choosing.fair_share import shares


class Kind(NamedTuple):
    """What is alike of leads, as far as Kommo tells: 0 for an unknown source."""

    pipeline_id: int
    source_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The first time that somebody was made responsible for a new lead."""

    lead_id: int
    manager_id: int
    at: datetime
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowManager:
    """One person.

    Attributes:
        got: Leads that were given to them.
        fair_units: What would have been theirs by turns, in credit units of a lead.
        lot_units: How far from it a lottery would have left them, as a rule.
    """

    manager_id: int
    got: int
    fair_units: int
    lot_units: int

    @property
    def deviation_units(self) -> int:
        """What they got beyond it; negative for less."""
        return self.got * LEAD - self.fair_units


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowKind:
    """The leads of one kind.

    Attributes:
        people: How many got any.
        manager_id: Who is farthest from their part of them.
        deviation_units: How far.
    """

    kind: Kind
    leads: int
    people: int
    manager_id: int
    deviation_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowVerdict:
    """All of it.

    Attributes:
        managers: Ids ascending.
        kinds: The most leads first.
    """

    managers: tuple[ShadowManager, ...]
    kinds: tuple[ShadowKind, ...]

    @property
    def widest(self) -> ShadowManager | None:
        """Who is farthest from fair; None without anybody."""
        return max(self.managers, key=lambda each: abs(each.deviation_units), default=None)


@dataclass(slots=True)
class _Sum:
    got: int = 0
    fair_units: int = 0
    variance: int = 0  # in millionths of a squared lead

    def add(self, other: "_Sum") -> None:
        self.got += other.got
        self.fair_units += other.fair_units
        self.variance += other.variance


MILLIONTHS = 1_000_000


def judge(observed: Iterable[Observed], zone: tzinfo) -> ShadowVerdict:
    """Hold the assignments against turns among the people of each kind and day.

    Args:
        observed: In any order.
        zone: Of the account: its days.
    """
    by_kind: dict[Kind, dict[int, _Sum]] = {}
    for (kind, _), got in sorted(_by_day(observed, zone).items()):
        people = by_kind.setdefault(kind, defaultdict(_Sum))
        for manager_id, part in _parts(got).items():
            people[manager_id].add(part)
    total: dict[int, _Sum] = defaultdict(_Sum)
    for people in by_kind.values():
        for manager_id, part in people.items():
            total[manager_id].add(part)
    return ShadowVerdict(
        managers=tuple(
            ShadowManager(
                manager_id=manager_id,
                got=part.got,
                fair_units=part.fair_units,
                lot_units=isqrt(part.variance * LEAD * LEAD // MILLIONTHS),
            )
            for manager_id, part in sorted(total.items())
        ),
        kinds=tuple(
            sorted(
                (_kind(kind, people) for kind, people in by_kind.items()),
                key=lambda each: (-each.leads, each.kind),
            )
        ),
    )


def _by_day(
    observed: Iterable[Observed], zone: tzinfo
) -> Mapping[tuple[Kind, date], dict[int, int]]:
    found: dict[tuple[Kind, date], dict[int, int]] = {}
    for each in observed:
        got = found.setdefault((each.kind, each.at.astimezone(zone).date()), {})
        got[each.manager_id] = got.get(each.manager_id, 0) + 1
    return found


def _parts(got: Mapping[int, int]) -> dict[int, _Sum]:
    """What each of the people of a kind and day got, and what would have been theirs."""
    leads, people = sum(got.values()), len(got)
    fair = dict(shares(tuple((manager_id, 1) for manager_id in sorted(got)), leads * LEAD))
    variance = leads * MILLIONTHS * (people - 1) // people**2
    return {
        manager_id: _Sum(got=count, fair_units=fair[manager_id], variance=variance)
        for manager_id, count in got.items()
    }


def _kind(kind: Kind, people: Mapping[int, _Sum]) -> ShadowKind:
    deviations = {i: part.got * LEAD - part.fair_units for i, part in sorted(people.items())}
    widest = max(deviations, key=lambda manager_id: abs(deviations[manager_id]))
    return ShadowKind(
        kind=kind,
        leads=sum(part.got for part in people.values()),
        people=len(people),
        manager_id=widest,
        deviation_units=deviations[widest],
    )
