"""When people work: schedules, exceptions, absences, and the zones they are written in (D4).

Instants are aware UTC datetimes, in and out. Nothing here reads the clock; the only thing read
from outside is the time zone database of the `tzdata` package, whose version belongs into
every decision (`tzdata_version`, D10.2).

`compile_schedule` and `compile_absences` make the immutable answers from what an administrator
wrote; `schedule_problems` and `absence_problems` tell beforehand what is wrong with it.
"""

from domain.schedule.absences import Absences, absence_problems, compile_absences
from domain.schedule.intervals import Path, Problem
from domain.schedule.problems import schedule_problems
from domain.schedule.shifts import HORIZON, Schedule, compile_schedule
from domain.schedule.zones import tzdata_version, zone_problem

__all__ = [
    "HORIZON",
    "Absences",
    "Path",
    "Problem",
    "Schedule",
    "absence_problems",
    "compile_absences",
    "compile_schedule",
    "schedule_problems",
    "tzdata_version",
    "zone_problem",
]
