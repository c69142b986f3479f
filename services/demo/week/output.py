"""The week for people: day by day, then manager by manager, then some decisions in words."""

from rich.table import Table

from contracts.rules import ScheduleSection
from domain.schedule import compile_schedule
from services.cli.output import out, say, say_paragraph
from services.demo.week import sample as s
from services.demo.week.findings import Day, WeekFindings
from services.words.credit import unsigned

LINES_MAX = 14
KINDS = ("shared", "vip", "hotline", "owner", "duty")


def print_week(found: WeekFindings) -> None:
    """Print it all."""
    for manager_id, note in s.NOTES.items():
        say(f"{s.NAMES[manager_id]}: {note}")
    for day in found.days:
        _print_day(day)
    say("")
    out().print(_managers(found))
    widest = unsigned(found.widest_units)
    say(
        f"{found.leads} leads; {found.waiting} wait for Monday. Nobody was ever more than {widest}"
        " leads from the fair share, leaving out what was corrected or may be caught up with."
    )
    for lines in found.explained:
        say("")
        say_paragraph(lines)
    say("")
    if found.broken:
        for text in found.broken:
            say(f"BROKEN: {text}")
    else:
        say(
            "Checked: every decision comes out the same from what its event recorded, every ledger"
            " adds up to 0, no request is lost, and a replay of the events gives the same state."
        )


def _print_day(day: Day) -> None:
    given = ", ".join(f"{day.got[kind]} {kind}" for kind in KINDS if day.got[kind]) or "nothing"
    say("")
    say(f"{day.on:%A %d %B}: {day.came} leads came; given out: {given}; {day.lapsed} lapsed")
    for line in day.lines[:LINES_MAX]:
        say(f"  {line}")
    if len(day.lines) > LINES_MAX:
        say(f"  ... and {len(day.lines) - LINES_MAX} more like these")
    if day.on == s.SUNDAY_NIGHT.date():
        say(f"  The clocks go back at night: Grace's duty from 22:00 to 06:00 lasted {_night()}.")


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
            unsigned(share.share_units) if share else "",
            unsigned(share.meter_units) if share else "",
        )
    return table
