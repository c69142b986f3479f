"""What people change about schedules, as changes of the data of a rules file (D4, W4.5).

Data is plain, as `services.rules_file.yaml.read` gives it, and may have problems yet. What is
not changed stays as it is, also where several days share their hours in one line.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal

from contracts.rules import Weekday
from domain.schedule.hours import WEEKDAYS, weekdays
from services.application.refused import Refused

Data = Mapping[str, Any]
# Lists of the whole file that are edited with the schedules.
Entries = Literal["absences", "swaps"]
KINDS = ("weekly", "rotating", "always")


def schedule_in(data: Data, name: str) -> Mapping[str, Any]:
    """A schedule of the data.

    Raises:
        Refused: There is none of that name.
    """
    found = schedules_in(data).get(name)
    if not isinstance(found, Mapping):
        raise Refused("schedule_unknown", schedule=name)
    return found


def schedules_in(data: Data) -> Mapping[str, Any]:
    """All of them, by name."""
    found = data.get("schedules")
    return found if isinstance(found, Mapping) else {}


def with_week(data: Data, name: str, week: Mapping[Weekday, list[str]]) -> dict[str, Any]:
    """Other hours of a week; a schedule of another kind becomes a weekly one."""
    wanted, schedule = _opened(data, name)
    before = schedule.get("weekly")
    weekly = _merged(before, week) if isinstance(before, Mapping) else _gathered(week)
    _become(schedule, "weekly", weekly)
    return wanted


def with_rotation(data: Data, name: str, rotation: Mapping[str, Any]) -> dict[str, Any]:
    """Another rotation; of what is None there is nothing."""
    wanted, schedule = _opened(data, name)
    said = {key: value for key, value in rotation.items() if value is not None}
    before = schedule.get("rotating")
    order = [*(before if isinstance(before, Mapping) else ()), *said]
    _become(schedule, "rotating", {key: said[key] for key in dict.fromkeys(order) if key in said})
    return wanted


def with_all_hours(data: Data, name: str) -> dict[str, Any]:
    """At all hours of all days."""
    wanted, schedule = _opened(data, name)
    _become(schedule, "always", value=True)
    return wanted


def with_zone(data: Data, name: str, zone: str) -> dict[str, Any]:
    """On the clock of a zone; empty for the file's, or the account's."""
    wanted, schedule = _opened(data, name)
    if zone:
        schedule["timezone"] = zone
    else:
        schedule.pop("timezone", None)
    return wanted


def with_schedule(data: Data, name: str) -> dict[str, Any]:
    """One more schedule, from nine to six on weekdays.

    Raises:
        Refused: The name is taken.
    """
    if name in schedules_in(data):
        raise Refused("schedule_taken", schedule=name)
    wanted = deepcopy(dict(data))
    schedules = wanted.get("schedules")
    if not isinstance(schedules, dict):
        schedules = wanted["schedules"] = {}
    schedules[name] = {"weekly": {"mon-fri": ["09:00-18:00"]}}
    return wanted


def with_exception(data: Data, name: str, entry: Data) -> dict[str, Any]:
    """One more exception of a schedule."""
    wanted, schedule = _opened(data, name)
    _list_of(schedule, "exceptions").append(_said(entry))
    return wanted


def without_exception(data: Data, name: str, number: int) -> dict[str, Any]:
    """One less.

    Raises:
        Refused: There is none in that place.
    """
    wanted, schedule = _opened(data, name)
    _drop(schedule, "exceptions", number)
    return wanted


def with_entry(data: Data, kind: Entries, entry: Data) -> dict[str, Any]:
    """One more absence or swap."""
    wanted = deepcopy(dict(data))
    _list_of(wanted, kind).append(_said(entry))
    return wanted


def without_entry(data: Data, kind: Entries, number: int) -> dict[str, Any]:
    """One less.

    Raises:
        Refused: There is none in that place.
    """
    wanted = deepcopy(dict(data))
    _drop(wanted, kind, number)
    return wanted


def _opened(data: Data, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    schedule_in(data, name)
    wanted = deepcopy(dict(data))
    schedule: dict[str, Any] = wanted["schedules"][name]
    return wanted, schedule


def _become(schedule: dict[str, Any], kind: str, value: object) -> None:
    for other in KINDS:
        if other != kind:
            schedule.pop(other, None)
    schedule[kind] = value


def _merged(before: Mapping[str, Any], week: Mapping[Weekday, list[str]]) -> dict[str, Any]:
    """The week in the lines that there are: a line changes if all of its days do alike."""
    line_of = _lines(before)
    wanted: dict[str, Any] = dict(before)
    for key in before:
        days = [day for day in WEEKDAYS if line_of.get(day) == key]
        alike = {tuple(week[day]) for day in days}
        if len(alike) == 1 and list(before[key] or []) != week[days[0]]:
            wanted[key] = week[days[0]]
    for day in WEEKDAYS:
        line = line_of.get(day)
        held = [] if line is None else list(wanted[line] or [])
        if held != week[day]:
            wanted[day] = week[day]
    return wanted


def _lines(weekly: Mapping[str, Any]) -> dict[Weekday, str]:
    """Which line a day has its hours from; a day by itself goes before several at once."""
    found: dict[Weekday, str] = {}
    for key in sorted(weekly, key=lambda each: "-" not in each):
        if all(part in WEEKDAYS for part in key.split("-")[:2]):
            found |= dict.fromkeys(weekdays(key), key)
    return found


def _gathered(week: Mapping[Weekday, list[str]]) -> dict[str, list[str]]:
    """A week in as few lines as it takes; free days have none."""
    found: dict[str, list[str]] = {}
    first = 0
    for number in range(1, len(WEEKDAYS) + 1):
        here = week[WEEKDAYS[first]]
        if number < len(WEEKDAYS) and week[WEEKDAYS[number]] == here:
            continue
        last = WEEKDAYS[number - 1]
        if here:
            found[WEEKDAYS[first] if first == number - 1 else f"{WEEKDAYS[first]}-{last}"] = here
        first = number
    return found


def _list_of(data: dict[str, Any], name: str) -> list[Any]:
    if not isinstance(data.get(name), list):
        data[name] = []
    found: list[Any] = data[name]
    return found


def _drop(data: dict[str, Any], name: str, number: int) -> None:
    entries = _list_of(data, name)
    if not 0 <= number < len(entries):
        raise Refused("entry_gone")
    del entries[number]
    if not entries:
        del data[name]


def _said(entry: Data) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value not in (None, "", [])}
