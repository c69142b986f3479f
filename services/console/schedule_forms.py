"""What was typed about schedules, as data of the rules; what cannot be is told at its field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from contracts.rules import Weekday
from contracts.sentences import sentence
from domain.schedule.hours import WEEKDAYS
from domain.schedule.zones import zone_problem
from services.application.calendars import DAY
from services.application.refused import Refused
from services.application.typed_hours import hours_typed
from services.console.seeing import SeeingAccount

PATTERN = re.compile(r"[0-9]{1,2}(/[0-9]{1,2})+")
YEARLY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
ID_DIGITS_MAX = 16
Form = Mapping[str, str]


@dataclass(slots=True)
class Typed:
    """The fields of a form, and what is wrong with them."""

    who: SeeingAccount
    form: Form
    wrong: dict[str, str] = field(default_factory=dict)

    def hours(self, name: str) -> list[str]:
        """Hours of a day."""
        try:
            return hours_typed(self.form.get(name, ""))
        except Refused as refused:
            self.wrong[name] = self.who.words.say(refused.sentence)
            return []

    def day(self, name: str) -> date | None:
        """A date; None for nothing."""
        text = self.form.get(name, "").strip()
        if not text:
            return None
        try:
            if text.isascii():
                return date.fromisoformat(text)
        except ValueError:
            pass
        self.wrong[name] = self.who.words.say(sentence("console.schedules.no_date", text=text))
        return None

    def manager(self, name: str) -> int | None:
        """Somebody's id; None for nobody."""
        text = self.form.get(name, "")
        return int(text) if text.isdecimal() and len(text) <= ID_DIGITS_MAX else None

    def needs(self, name: str) -> None:
        """Nothing was typed where something has to be."""
        self.wrong.setdefault(name, self.who.words.say(sentence("console.schedules.needed")))


def week(typed: Typed) -> dict[Weekday, list[str]]:
    """The hours of each day."""
    return {day: typed.hours(f"day_{day}") for day in WEEKDAYS}


def rotation(typed: Typed) -> dict[str, Any]:
    """A rotation: the hours of every working day, or in a line each those of one turn."""
    anchor = typed.day("anchor")
    pattern = typed.form.get("pattern", "").replace(" ", "")
    if anchor is None:
        typed.needs("anchor")
    if not PATTERN.fullmatch(pattern):
        typed.wrong["pattern"] = typed.who.words.say(sentence("console.schedules.no_pattern"))
    lines = [line for line in typed.form.get("hours", "").splitlines() if line.strip()]
    days = [Typed(typed.who, {"hours": line}, typed.wrong).hours("hours") for line in lines]
    skip = [each for each in (*WEEKDAYS, "holidays") if typed.form.get(f"skip_{each}")]
    return {
        "anchor": anchor,
        "pattern": pattern,
        "hours": days[0] if len(days) == 1 else None if days else [],
        "days": days if len(days) > 1 else None,
        "skip": skip or None,
    }


def zone_typed(typed: Typed) -> str:
    """An IANA name; empty for none."""
    name = typed.form.get("timezone", "").strip()
    problem = zone_problem(name) if name else None
    if problem is not None:
        typed.wrong["timezone"] = typed.who.words.say(problem)
    return name


def exception(typed: Typed) -> dict[str, Any]:
    """Dates with hours of their own: one, several, or one of each year."""
    yearly = typed.form.get("yearly", "").strip()
    hours, reason = typed.hours("hours"), typed.form.get("reason", "").strip()
    said: dict[str, Any] = {"hours": hours, "reason": reason}
    if yearly:
        if not YEARLY.fullmatch(yearly):
            typed.wrong["yearly"] = typed.who.words.say(sentence("console.schedules.no_yearly"))
        return {"on": yearly, **said}
    first, last = typed.day("first"), typed.day("last")
    if first is None:
        typed.needs("first")
        return said
    if last is None or last == first:
        return {"on": first, **said}
    return {"from": first, "to": last + DAY, **said}


def absence(typed: Typed) -> dict[str, Any]:
    """Somebody's days away; the last one is away, too."""
    manager, first, last = typed.manager("manager"), typed.day("first"), typed.day("last")
    for name, value in (("manager", manager), ("first", first)):
        if value is None:
            typed.needs(name)
    until = last or first
    return {
        "manager": manager,
        "from": first,
        "to": None if until is None else until + DAY,
        "reason": typed.form.get("reason", "").strip(),
    }


def swap(typed: Typed) -> dict[str, Any]:
    """Extra hours, or hours taken over from a colleague."""
    manager, on = typed.manager("manager"), typed.day("on")
    hours, instead_of = typed.hours("hours"), typed.manager("instead_of")
    for name, value in (("manager", manager), ("on", on)):
        if value is None:
            typed.needs(name)
    if not hours and instead_of is None:
        typed.needs("hours")
    return {
        "on": on,
        "manager": manager,
        "hours": hours,
        "instead_of": instead_of,
        "reason": typed.form.get("reason", "").strip(),
    }
