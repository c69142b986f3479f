"""Schedules made ready for a page: weeks, dates with their hours, absences, swaps (W4.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from contracts.rules import AbsenceSection, ScheduleSection, SwapSection
from contracts.sentences import Sentence, sentence
from domain.schedule.hours import WEEKDAYS
from services.application.calendars import (
    DAY,
    WEEK,
    PlannedDay,
    Stretch,
    WeekdayHours,
    monday_of,
    planned_days,
    swaps_on,
    week_of,
)
from services.application.typed_hours import hours_shown
from services.console.names import name_of
from services.console.plans import Plan
from services.console.seeing import SeeingAccount

WEEKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """A weekday: its field, and its part of the picture.

    Attributes:
        wrong: What is wrong with what was typed; empty if nothing is.
    """

    day: str
    name: str
    typed: str
    stretches: tuple[Stretch, ...]
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateCell:
    """A date in the calendar.

    Attributes:
        clock: That the clocks change, in words; empty if they do not.
        marks: Who is away, who works besides.
    """

    on: date
    text: str
    hours: str
    clock: str
    reason: str
    is_exception: bool
    is_today: bool
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleLine:
    """A schedule in the list of all."""

    name: str
    href: str
    text: str
    people: str


@dataclass(frozen=True, slots=True)
class EntryLine:
    """An exception, an absence or a swap, in words."""

    number: int
    text: str
    reason: str


def weekday_name(who: SeeingAccount, day: str) -> str:
    """A day of the week, short."""
    return who.words.say(sentence(f"console.day.{day}"))


def week_rows(who: SeeingAccount, weekly: Mapping[str, list[str]]) -> list[DayRow]:
    """Monday to Sunday of a weekly schedule without problems."""
    return [_row(who, each) for each in week_of(dict(weekly))]


def _row(who: SeeingAccount, day: WeekdayHours) -> DayRow:
    return DayRow(
        day=day.day,
        name=weekday_name(who, day.day),
        typed=day.hours,
        stretches=day.stretches,
    )


def schedule_line(plan: Plan, name: str) -> ScheduleLine:
    """A schedule in the list."""
    who, section = plan.who, plan.section(name)
    people = plan.users_of(name)
    return ScheduleLine(
        name=name,
        href=f"{who.base}/schedules/{name}",
        text=who.words.say(sentence("console.schedules.wrong"))
        if section is None
        else said_of(who, section),
        people=", ".join(name_of(who, each) for each in people),
    )


def said_of(who: SeeingAccount, section: ScheduleSection) -> str:
    """What a schedule is, in a line."""
    if section.weekly is not None:
        lines = [f"{_days(who, key)} {hours_shown(day)}" for key, day in section.weekly.items()]
        return " · ".join(lines)
    if section.rotating is not None:
        turn = section.rotating
        days = " | ".join(map(hours_shown, turn.days or [turn.hours or []]))
        return who.words.say(
            sentence(
                "console.schedules.rotates",
                pattern=turn.pattern,
                anchor=turn.anchor.isoformat(),
                hours=days,
            )
        )
    return who.words.say(sentence("console.schedules.always"))


def _days(who: SeeingAccount, key: str) -> str:
    return "\N{EN DASH}".join(weekday_name(who, day) for day in key.split("-"))


def cells(plan: Plan, name: str, section: ScheduleSection, first: date) -> list[list[DateCell]]:
    """Eight weeks from the Monday of a date on, each of seven days."""
    days = planned_days(section, plan.zone_name, first=monday_of(first), days=WEEKS * WEEK)
    people = plan.users_of(name)
    found = [_cell(plan, each, people) for each in days]
    return [found[start : start + WEEK] for start in range(0, len(found), WEEK)]


def _cell(plan: Plan, day: PlannedDay, people: Sequence[int]) -> DateCell:
    who = plan.who
    return DateCell(
        on=day.on,
        text=f"{weekday_name(who, WEEKDAYS[day.on.weekday()])} {day.on:%d.%m.}",
        hours=day.hours,
        clock=_clock(who, day),
        reason=day.reason,
        is_exception=day.is_exception,
        is_today=day.on == who.now.astimezone(who.zone).date(),
        marks=tuple(_marks(plan, day.on, people)),
    )


def _clock(who: SeeingAccount, day: PlannedDay) -> str:
    """Where the clocks change: by how much on this date, and how long its hours are for that."""
    said: list[Sentence] = []
    if day.clock_minutes:
        said.append(sentence("console.schedules.clocks", change=f"{day.clock_minutes:+d}"))
    if day.minutes != day.wall_minutes:
        worked = sentence("cell.duration", seconds=day.minutes * 60)
        said.append(sentence("console.schedules.lasts", worked=worked))
    return " ".join(who.words.lines(said))


def _marks(plan: Plan, on: date, people: Sequence[int]) -> list[str]:
    if plan.file is None:
        return []
    who = plan.who
    away = [
        sentence("console.schedules.away", manager=each.manager)
        for each in plan.file.absences
        if each.manager in people and _is_away(each, on)
    ]
    swapped = [
        _swap(each)
        for each in swaps_on(plan.file.swaps, on)
        if each.manager in people or each.instead_of in people
    ]
    return who.words.lines([*away, *swapped])


def _is_away(absence: AbsenceSection, on: date) -> bool:
    start, end = (
        each.date() if isinstance(each, datetime) else each for each in (absence.start, absence.end)
    )
    return start <= on < end or (isinstance(absence.end, datetime) and start <= on == end)


def _swap(swap: SwapSection) -> Sentence:
    hours = hours_shown(swap.hours or [])
    if swap.instead_of is None:
        return sentence("console.schedules.extra", manager=swap.manager, hours=hours)
    if not hours:
        return sentence(
            "console.schedules.takes_all", manager=swap.manager, instead_of=swap.instead_of
        )
    return sentence(
        "console.schedules.takes",
        manager=swap.manager,
        instead_of=swap.instead_of,
        hours=hours,
    )


def exception_lines(who: SeeingAccount, section: ScheduleSection) -> list[EntryLine]:
    """The exceptions of a schedule, in its order."""
    free = who.words.say(sentence("console.schedules.free"))
    found: list[EntryLine] = []
    for number, each in enumerate(section.exceptions):
        hours = hours_shown(each.hours) or free
        if each.on is None:
            last = None if each.end is None else each.end - DAY
            when = f"{each.start}\N{EN DASH}{last}"
        elif isinstance(each.on, date):
            when = each.on.isoformat()
        else:
            when = who.words.say(sentence("console.schedules.yearly", on=each.on))
        found.append(EntryLine(number, f"{when}: {hours}", each.reason))
    return found


def absence_lines(plan: Plan) -> list[EntryLine]:
    """Who is away when, in the order of the file."""
    who = plan.who
    return [
        EntryLine(
            number,
            who.words.say(
                sentence(
                    "console.schedules.absence",
                    manager=each.manager,
                    start=_until(each.start),
                    end=_until(each.end),
                )
            ),
            each.reason,
        )
        for number, each in enumerate(plan.file.absences if plan.file else ())
    ]


def swap_lines(plan: Plan) -> list[EntryLine]:
    """Extra hours, and hours taken over, in the order of the file."""
    who = plan.who
    return [
        EntryLine(number, f"{each.on}: {who.words.say(_swap(each))}", each.reason)
        for number, each in enumerate(plan.file.swaps if plan.file else ())
    ]


def _until(at: date) -> str:
    return f"{at:%Y-%m-%d %H:%M %Z}".strip() if isinstance(at, datetime) else at.isoformat()


def rotation_days(section: ScheduleSection | None) -> tuple[str, ...]:
    """The hours of each working day of one turn, as they are typed; one where all are alike."""
    if section is None or section.rotating is None:
        return ("9-18",)
    turn = section.rotating
    if turn.days is not None:
        return tuple(map(hours_shown, turn.days))
    return (hours_shown(turn.hours or []),)
