"""How long a manager has before his lead is passed on, and by which clock (D7.1, D7.2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.events import NothingChanged
from contracts.rules import RedistributionSection
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


def compile_redistribution(section: RedistributionSection) -> Redistribution:
    """Compile a section."""
    return Redistribution(
        after=timedelta(minutes=section.after_minutes),
        nothing_changed=section.nothing_changed,
        on_working_time=section.clock == "working_time",
        hops_max=section.hops_max,
    )
