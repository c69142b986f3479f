"""How an argument is put into words, by the kind that the sentence names: `{at:instant}`.

    (none)     a number or a text as it is, a further sentence in words
    manager    a manager's name
    person     who ordered something: of `kommo:501` or `501` the name, of others if it is known
    stage      a stage by the names of its pipeline and its own
    rule       a rule by its name, by its id if it has none or is gone
    credit     credit units as signed leads: +0.417
    leads      credit units as leads: 1.500
    instant    date and time to the second, in the reader's zone
    minute     the same to the minute
    weekday    day of the week and time, in the instant's own zone
    duration   seconds as hours and minutes
    brief      seconds as the two largest of hours, minutes and seconds, for a cell of a table
    thing      what Kommo has: contact, company, task, lead

Several of a kind are listed, but for stages, which are pairs themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from contracts.events import LinkedKind
from contracts.sentences import Argument, Sentence, sentence
from contracts.stage import Stage
from services.words.credit import signed, unsigned
from services.words.forms import PLAIN, Form
from services.words.languages import DECIMAL_MARKS

# Sortable, and the same in every language: times are compared with logs and with Kommo.
INSTANT = "%Y-%m-%d %H:%M:%S"
MINUTE = "%Y-%m-%d %H:%M"
WEEKDAY = "EEE HH:mm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom something is put into words.

    Attributes:
        language: One of `languages.LISTED`.
        zone: In which instants are told.
        name: Tells a manager's name by id; None if it is not known.
        stage: Tells a stage's, by its own id alone where no pipeline is told.
        rule: Tells a rule's by id, of those in force.
        person: Tells the name of whoever signs in, by principal.
        say: Puts a further sentence into words.
        form: As text, or as a part of a page.
    """

    language: str
    zone: tzinfo
    name: Callable[[int], str | None]
    stage: Callable[[Stage | int], str | None]
    rule: Callable[[str], str | None]
    person: Callable[[str], str | None]
    say: Callable[[Sentence], str]
    form: Form = PLAIN


def words_for(argument: Argument, kind: str, reader: Reader) -> str:
    """An argument in words.

    Args:
        argument: One value, or several of a kind.
        kind: One of `KINDS`.
        reader: For whom.
    """
    if isinstance(argument, tuple) and kind != "stage":
        from babel.lists import format_list

        each = [words_for(one, kind, reader) for one in argument]
        return reader.form.whole(format_list(each, style="unit", locale=reader.language))
    if isinstance(argument, Sentence):
        return reader.say(argument)
    return reader.form.text(KINDS[kind](argument, reader))


def _plain(argument: object, _: Reader) -> str:
    return argument if isinstance(argument, str) else str(argument)


def _manager(manager_id: int, reader: Reader) -> str:
    return reader.name(manager_id) or reader.say(sentence("name.unknown", id=manager_id))


def _stage(stage: Stage | int, reader: Reader) -> str:
    if (named := reader.stage(stage)) is not None:
        return named
    if not isinstance(stage, tuple):
        return str(stage)
    pipeline_id, status_id = stage
    return reader.say(sentence("name.stage_unknown", pipeline=pipeline_id, stage=status_id))


def _rule(rule_id: str, reader: Reader) -> str:
    return reader.rule(rule_id) or rule_id


def _thing(kind: LinkedKind, reader: Reader) -> str:
    return reader.say(sentence(f"thing.{kind}"))


def _credit(units: int, reader: Reader) -> str:
    return _number(signed(units), reader)


def _leads(units: int, reader: Reader) -> str:
    return _number(unsigned(units), reader)


def _number(text: str, reader: Reader) -> str:
    return text.replace(".", DECIMAL_MARKS[reader.language])


def _person(by: str, reader: Reader) -> str:
    if (named := reader.person(by)) is not None:
        return named
    manager_id = by.removeprefix("kommo:")
    return _manager(int(manager_id), reader) if manager_id.isdecimal() else by


def _instant(at: datetime | str, reader: Reader) -> str:
    return _zoned(at, INSTANT, reader)


def _minute(at: datetime | str, reader: Reader) -> str:
    return _zoned(at, MINUTE, reader)


def _zoned(at: datetime | str, form: str, reader: Reader) -> str:
    # Text: an instant that lay in an event's arguments, which are JSON.
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    here = instant.astimezone(reader.zone)
    return reader.form.time(instant, f"{here:{form}} {offset(here)}")


def offset(at: datetime) -> str:
    """`UTC`, `UTC-3`, `UTC+5:30`: abbreviations of zones mean several things, and few know them."""
    minutes = (at.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "-"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"


def _weekday(at: datetime, reader: Reader) -> str:
    from babel.dates import format_datetime

    return format_datetime(at, WEEKDAY, tzinfo=at.tzinfo, locale=reader.language)


def _duration(seconds: int, reader: Reader) -> str:
    from babel.units import format_unit

    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    counted = [(hours, "duration-hour"), (minutes, "duration-minute"), (rest, "duration-second")]
    told = [format_unit(n, unit, locale=reader.language) for n, unit in counted if n]
    return " ".join(told or [format_unit(0, "duration-minute", locale=reader.language)])


def _brief(seconds: int, reader: Reader) -> str:
    from babel.units import format_unit

    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    counted = [(hours, "duration-hour"), (minutes, "duration-minute"), (rest, "duration-second")]
    largest = [(n, unit) for n, unit in counted if n][:2] or counted[2:]
    told = [format_unit(n, unit, length="narrow", locale=reader.language) for n, unit in largest]
    return " ".join(told[:1] if hours and not minutes else told)


# Which kind goes with which type is the sentence's to know; a test says every sentence once.
KINDS: Mapping[str, Callable[[Any, Reader], str]] = {
    "": _plain,
    "manager": _manager,
    "person": _person,
    "stage": _stage,
    "rule": _rule,
    "credit": _credit,
    "leads": _leads,
    "instant": _instant,
    "minute": _minute,
    "weekday": _weekday,
    "duration": _duration,
    "brief": _brief,
    "thing": _thing,
}
