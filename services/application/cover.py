"""Who is there when: on shift, neither absent nor paused, as far as is known now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from itertools import pairwise
from typing import Literal

from domain.configuration import Configuration
from domain.schedule import Schedule
from projections import pauses
from projections.pauses import Pause
from services.application.span import Span
from services.storage.accounts import RegisteredAccount
from services.storage.database import Connection

# Intervals that do not touch, in order.
Hours = tuple[tuple[datetime, datetime], ...]
Away = Literal["off_shift", "absent", "paused", "inactive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """An interval in which the same people are at work for a rule.

    Attributes:
        manager_ids: On shift, and neither absent nor paused, as far as is known now.
    """

    start: datetime
    end: datetime
    manager_ids: tuple[int, ...]


def covered(
    rules: Configuration,
    people: Sequence[tuple[int, Schedule | None]],
    paused: Mapping[int, Pause],
    span: Span,
) -> Iterator[Cover]:
    """Who of them is there when, in their order; somebody may be in it twice."""
    changes: dict[datetime, list[tuple[int, bool]]] = {span.start: []}
    for place, (manager_id, schedule) in enumerate(people):
        for start, end in present(rules, manager_id, schedule, paused.get(manager_id), span):
            changes.setdefault(start, []).append((place, True))
            changes.setdefault(end, []).append((place, False))
    there: set[int] = set()
    instants = [*sorted(changes), span.end]
    for at, until in pairwise(instants):
        for place, comes in sorted(changes[at], key=lambda each: each[1]):
            (there.add if comes else there.discard)(place)
        if at < until:
            ids = dict.fromkeys(people[place][0] for place in sorted(there))
            yield Cover(start=at, end=until, manager_ids=tuple(ids))


def on_clock(covers: Iterable[Cover], zone: tzinfo) -> list[Cover]:
    """The same on the clock of a zone."""
    return [
        replace(each, start=each.start.astimezone(zone), end=each.end.astimezone(zone))
        for each in covers
    ]


async def paused_people(connection: Connection, account: RegisteredAccount) -> dict[int, Pause]:
    """Whose pause is in force, by id."""
    return {
        each.manager_id: each for each in await pauses.of_account(connection, account.account_id)
    }


def present(
    rules: Configuration,
    manager_id: int,
    schedule: Schedule | None,
    pause: Pause | None,
    span: Span,
) -> Iterator[tuple[datetime, datetime]]:
    """When they are there, as intervals that do not touch."""
    begun: datetime | None = None
    at = span.start
    while at < span.end:
        until = min(_sure_until(rules, manager_id, schedule, pause, at), span.end)
        is_there = is_present(rules, manager_id, schedule, pause, at)
        if is_there and begun is None:
            begun = at
        if not is_there and begun is not None:
            yield begun, at
            begun = None
        at = until
    if begun is not None:
        yield begun, span.end


def hours_of(
    rules: Configuration, manager_id: int, schedules: Iterable[Schedule | None], span: Span
) -> Hours:
    """When somebody works by any of these schedules, without their absences."""
    once = {id(each): each for each in schedules}.values()
    return merged(
        each for schedule in once for each in present(rules, manager_id, schedule, None, span)
    )


def merged(intervals: Iterable[tuple[datetime, datetime]]) -> Hours:
    """The same time as intervals that do not touch."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)


def is_present(
    rules: Configuration,
    manager_id: int,
    schedule: Schedule | None,
    pause: Pause | None,
    at: datetime,
) -> bool:
    """Whether they are there at an instant, as far as is known now."""
    is_paused = pause is not None and (pause.until is None or at < pause.until)
    is_absent = rules.absences is not None and rules.absences.is_absent(manager_id, at)
    away = kept_away(schedules=(schedule,), is_paused=is_paused, is_absent=is_absent, at=at)
    return away is None


def kept_away(
    *,
    schedules: Sequence[Schedule | None],
    is_paused: bool,
    is_absent: bool,
    at: datetime,
    is_inactive: bool = False,
) -> Away | None:
    """What keeps somebody from leads at an instant, the first in the order of verdicts (D2.2).

    Args:
        schedules: Of everything that they take part in, None for all hours; hours keep nobody away
            who takes part in nothing.
        is_paused: Whether they are, at the instant.
        is_absent: The same.
        at: When.
        is_inactive: Whether Kommo lets them in no more.
    """
    if is_inactive:
        return "inactive"
    if is_paused:
        return "paused"
    if schedules and not any(each is None or each.is_open(at) for each in schedules):
        return "off_shift"
    return "absent" if is_absent else None


def _sure_until(
    rules: Configuration,
    manager_id: int,
    schedule: Schedule | None,
    pause: Pause | None,
    at: datetime,
) -> datetime:
    """Until when the answer of `_is_present` does not change, at least."""
    untils = [datetime.max.replace(tzinfo=at.tzinfo)]
    if schedule is not None:
        untils.append(schedule.state_at(at)[1])
    if rules.absences is not None:
        changes = rules.absences.state_at(manager_id, at)[1]
        untils += [] if changes is None else [changes]
    if pause is not None and pause.until is not None and pause.until > at:
        untils.append(pause.until)
    return min(untils)
