"""A value of the rules as texts of a form, and back; what was not touched is not written anew."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from services.console.rules.fields import RuleField
from services.rules_file.fields import default_at
from services.rules_file.yaml import Document, Path

YES = "yes"
_WHOLE = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"-?\d{1,18}[.,]\d{1,9}")


def shown(field: RuleField, document: Document, path: Path) -> list[str]:
    """What a form shows: one text, or one for each choice of several."""
    value = document.at(path)
    if field.kind == "kinds":
        return _kind_shown(value, document, path)
    value = default_at(path) if value is None else value
    match value:
        case None | False:
            return []
        case True:
            return [YES]
        case list() if field.kind == "stages":
            return [f"{_of(each, 'pipeline')}:{_of(each, 'stage')}" for each in value]
        case list():
            return [_spelled(document, (*path, n), each) for n, each in enumerate(value)]
        case _:
            text = "" if isinstance(value, dict) else _spelled(document, path, value)
            return [text] if text else []


def typed(field: RuleField, values: Sequence[str]) -> list[str]:
    """What came back, in the same form."""
    text = "\n".join(values).replace("\r\n", "\n")
    match field.kind:
        case "kinds":
            return [each.strip() for each in text.split("\n") if each.strip()]
        case "numbers":
            return [each.strip() for each in text.split(",") if each.strip()]
        case "text":
            said = text.strip()
            return [said] if said else []
        case _:
            return list(dict.fromkeys(each.strip() for each in text.split("\n") if each.strip()))


def is_untouched(field: RuleField, before: Sequence[str], now: Sequence[str]) -> bool:
    """Whether it says the same; boxes come back in the order of the page."""
    if field.kind in {"stages", "people"}:
        return sorted(before) == sorted(now)
    return list(before) == list(now)


def meant(field: RuleField, before: Sequence[str], now: Sequence[str]) -> Any:  # noqa: ANN401, PLR0911 - a kind each
    """The data that was typed; None for nothing. What is no number stays as it was typed."""
    if field.kind == "tick":
        return YES in now
    if not now:
        return None
    match field.kind:
        case "stages":
            return [_stage(each) for each in _in_order(before, now)]
        case "people":
            return [number(each) for each in _in_order(before, now)]
        case "ids" | "numbers":
            return [number(each) for each in now]
        case "lines" | "ordered":
            return list(now)
        case "number" | "person":
            return number(now[0])
        case "kinds":
            return _kind(now)
        case _:
            return now[0]


def number(text: str) -> int | Decimal | str:
    """A number, or the text that is none."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) else text


def _in_order(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """As they stood, the new ones last."""
    return [each for each in before if each in now] + [each for each in now if each not in before]


def _stage(text: str) -> dict[str, Any]:
    pipeline, _, stage = text.partition(":")
    return {"pipeline": number(pipeline), "stage": number(stage)}


def _of(value: Any, name: str) -> Any:  # noqa: ANN401 - any data
    return value.get(name, "") if isinstance(value, dict) else ""


def _spelled(document: Document, path: Path, value: Any) -> str:  # noqa: ANN401 - any data
    """As it was written: a tag `0800` is not the tag `800`."""
    return document.spellings.get(path, str(value))


def _kind(said: Sequence[str]) -> Any:  # noqa: ANN401 - a word or a section
    what, rest = said[0], list(said[1:])
    match what:
        case "tags":
            return {"tags": rest}
        case "price":
            return {"price": [number(each) for each in rest]}
        case "field":
            return {"field": {"id": number(rest[0]) if rest else "", "values": rest[1:]}}
        case _:
            return what


def _kind_shown(value: Any, document: Document, path: Path) -> list[str]:  # noqa: ANN401 - any data
    """Its word first, then what it has."""
    match value:
        case str():
            return [value]
        case {"field": {"id": int() as field, "values": list() as values}}:
            at: Path = (*path, "field", "values")
            return ["field", str(field), *_all_spelled(document, at, values)]
        case {"tags": list() as values}:
            return ["tags", *_all_spelled(document, (*path, "tags"), values)]
        case {"price": list() as values}:
            return ["price", *_all_spelled(document, (*path, "price"), values)]
        case _:
            return []


def _all_spelled(document: Document, path: Path, values: Sequence[Any]) -> list[str]:
    return [_spelled(document, (*path, n), each) for n, each in enumerate(values)]
