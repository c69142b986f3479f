"""How long a manager has before their lead is passed on, and by which clock (D7.1, D7.2, D9.4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.events import NothingChanged
from contracts.rules import RedistributionSection, ShiftEndSection
from domain.schedule import HORIZON, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribution:
    """The compiled form of a rule's `redistribution` section.

    Attributes:
        on_working_time: The clock stands still while the manager is off shift.
        hops_max: How often a lead is passed on at most; None for no limit.
    """

    after: timedelta
    nothing_changed: NothingChanged = "no_touch"
    on_working_time: bool = True
    hops_max: int | None = None

    def ends_at(self, start: datetime, schedule: Schedule | None) -> datetime:
        """When a clock that started then is over, for a manager who works by the schedule.

        A schedule without enough work ahead ends it at the horizon: it is looked at again then.
        """
        if not self.on_working_time or schedule is None:
            return start + self.after
        return schedule.worked_at(start, self.after) or start + HORIZON

    def is_over(self, start: datetime, at: datetime, schedule: Schedule | None) -> bool:
        """Whether a clock that started then is over at an instant."""
        if not self.on_working_time or schedule is None:
            return at - start >= self.after
        return schedule.working_time_between(start, at) >= self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnd:
    """The compiled form of a rule's `at_shift_end` section.

    Attributes:
        takes_all: Touched leads as well.
        break_: The longest pause between two shifts that ends neither.
    """

    takes_all: bool
    break_: timedelta

    def ends_at(self, schedule: Schedule | None, t: datetime) -> datetime | None:
        """When the shift ends that is on, or else the next one; None when none ever does."""
        if schedule is None:
            return None
        at: datetime | None = t
        if not schedule.is_open(t) and not self.is_break(schedule, t):
            at = schedule.next_start(t)
        while at is not None and at - t < HORIZON:
            end = at
            if schedule.is_open(at):
                _, end = schedule.state_at(at)
                if schedule.is_open(end):
                    return None
            if not self.is_break(schedule, end):
                return end
            at = schedule.next_start(end)
        return None

    def is_break(self, schedule: Schedule, t: datetime) -> bool:
        """Whether who is off shift at an instant is back so soon that it is only a pause."""
        start = schedule.next_start(t)
        return not schedule.is_open(t) and start is not None and start - t <= self.break_


def compile_shift_end(section: ShiftEndSection) -> ShiftEnd:
    """Compile a section."""
    return ShiftEnd(
        takes_all=section.hand_over == "all", break_=timedelta(minutes=section.break_minutes)
    )


def compile_redistribution(section: RedistributionSection) -> Redistribution:
    """Compile a section."""
    return Redistribution(
        after=timedelta(minutes=section.after_minutes),
        nothing_changed="no_touch" if section.accept == "required" else section.nothing_changed,
        on_working_time=section.clock == "working_time",
        hops_max=section.hops_max,
    )
