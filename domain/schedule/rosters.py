"""Whose hours are whose: schedules in people's own zones, and the hours they swap (D4.6)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from contracts.rules import ManagerSection, RulesFile, ScheduleSection, SwapSection
from contracts.sentences import sentence
from domain.schedule.hours import hours
from domain.schedule.intervals import Problem, day_at, empty_intervals, overlaps
from domain.schedule.shifts import Schedule, compile_schedule, instants_on
from domain.schedule.zones import zone_problem

_ALWAYS = ScheduleSection(always=True)


class Rosters:
    """The schedules of a file as each manager has them."""

    def __init__(self, file: RulesFile, account_zone: str) -> None:
        """Args: a file without problems, and the zone of what names none."""
        self._default = file.schedules.get(file.default_schedule or "")
        self._sections = file.schedules
        self._zones = {each.manager: each.timezone for each in file.managers}
        self._account_zone = account_zone
        self._swaps = file.swaps
        self._swapping = {
            manager_id
            for swap in file.swaps
            for manager_id in (swap.manager, swap.instead_of)
            if manager_id is not None
        }
        self._compiled: dict[tuple[str | None, str], Schedule] = {}

    def zone_of(self, manager_id: int) -> str:
        """Whose clock caps and swaps of theirs are on."""
        return self._zones.get(manager_id, self._account_zone)

    def schedule_of(
        self, manager_id: int, name: str | None, schedules: Mapping[int, str | None]
    ) -> Schedule | None:
        """When they work for a rule; None for always.

        Args:
            manager_id: A participant.
            name: Their schedule in the rule, None for the default.
            schedules: The same for all participants, to take over hours from.
        """
        if manager_id not in self._swapping:
            is_always = name is None and self._default is None
            return None if is_always else self._own(manager_id, name)
        own = self._own(manager_id, name)
        extra: list[tuple[datetime, datetime]] = []
        given_away: list[tuple[datetime, datetime]] = []
        for swap in self._swaps:
            if swap.manager == manager_id:
                extra += self._hours(swap, schedules)
            elif swap.instead_of == manager_id:
                given_away += self._hours(swap, schedules)
        return replace(own, extra=tuple(extra), given_away=tuple(given_away))

    def _hours(
        self, swap: SwapSection, schedules: Mapping[int, str | None]
    ) -> tuple[tuple[datetime, datetime], ...]:
        if swap.hours is not None:
            return instants_on(swap.on, hours(swap.hours), self.zone_of(swap.manager))
        colleague = swap.instead_of
        if colleague is None or colleague not in schedules:
            return ()
        return self._own(colleague, schedules[colleague]).shifts_on(swap.on)

    def _own(self, manager_id: int, name: str | None) -> Schedule:
        key = name, self.zone_of(manager_id)
        if key not in self._compiled:
            section = self._default if name is None else self._sections[name]
            self._compiled[key] = compile_schedule(section or _ALWAYS, key[1])
        return self._compiled[key]


def manager_problems(sections: Sequence[ManagerSection]) -> Iterator[Problem]:
    """What is wrong with what holds for single managers, each with its place."""
    seen: dict[int, int] = {}
    for index, section in enumerate(sections):
        first = seen.setdefault(section.manager, index)
        if first != index:
            twice = sentence("problem.manager_zone_twice", manager=section.manager, first=first)
            yield (index, "manager"), twice
        problem = zone_problem(section.timezone)
        if problem is not None:
            yield (index, "timezone"), problem


def swap_problems(sections: Sequence[SwapSection]) -> Iterator[Problem]:
    """What is wrong with swaps, each with its place."""
    for index, section in enumerate(sections):
        if not section.hours and section.instead_of is None:
            yield (index,), sentence("problem.swap_empty")
        if section.instead_of == section.manager:
            yield (index, "instead_of"), sentence("problem.swap_self")
        day = day_at((index, "hours"), section.hours or [])
        yield from empty_intervals(day)
        yield from overlaps([day], repeats=False)
