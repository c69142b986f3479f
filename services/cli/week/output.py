"""The week for people: day by day, then manager by manager, then some decisions in words."""

from rich.table import Table

from contracts.rules import ScheduleSection
from domain.explain import leads_of
from domain.schedule import compile_schedule
from services.cli.output import out, say
from services.cli.week import sample as s
from services.cli.week.findings import Day, WeekFindings

LINES_MAX = 14
KINDS = ("shared", "vip", "hotline", "owner", "duty")


def print_week(found: WeekFindings) -> None:
    """Print it all."""
    for manager_id, note in s.NOTES.items():
        say(f"{s.NAMES[manager_id]}: {note}")
    for day in found.days:
        _print_day(day)
    say("")
    out.print(_managers(found))
    widest = leads_of(found.widest_units).lstrip("+")
    say(
        f"{found.leads} leads; {found.waiting} wait for Monday. The meter of fairness was never"
        f" over {widest} leads: the distance from the fair share, but for what was corrected or may"
        " be caught up with."
    )
    for lines in found.explained:
        say("")
        say("\n  ".join(lines))
    say("")
    if found.broken:
        for text in found.broken:
            say(f"BROKEN: {text}")
    else:
        say(
            "Every decision comes out the same from what its event recorded, every ledger adds up"
            " to 0, no request is lost, and the events give the same state again."
        )


def _print_day(day: Day) -> None:
    given = ", ".join(f"{day.got[kind]} {kind}" for kind in KINDS if day.got[kind]) or "nothing"
    say(f"\n{day.on:%A %d %B}: {day.came} came; given: {given}; {day.lapsed} lapsed")
    for line in day.lines[:LINES_MAX]:
        say(f"  {line}")
    if len(day.lines) > LINES_MAX:
        say(f"  ... and {len(day.lines) - LINES_MAX} more like these")
    if day.on == s.SUNDAY_NIGHT.date():
        say(f"  The clocks go back at night: Grace's duty from 22:00 to 06:00 took {_night()}.")


def _night() -> str:
    """How long the night shift was over which the clocks were put back."""
    section = ScheduleSection.model_validate(s.week_rules()["schedules"]["night"])
    night = compile_schedule(section, s.TIMEZONE)
    start, end = s.SUNDAY_NIGHT - 12 * s.HOUR, s.SUNDAY_NIGHT + 12 * s.HOUR
    return f"{night.working_time_between(start, end) // s.HOUR} hours"


def _managers(found: WeekFindings) -> Table:
    table = Table("who", title="What each manager got, and why")
    for column in (*KINDS, "lapsed", "fair share", "meter"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in found.rows:
        share = row.share
        table.add_row(
            s.NAMES[row.manager_id],
            *(str(row.got[kind] or "") for kind in KINDS),
            str(row.lapsed or ""),
            leads_of(share.share_units).lstrip("+") if share else "",
            leads_of(share.meter_units).lstrip("+") if share else "",
        )
    return table
