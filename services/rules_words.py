"""What is wrong with a field of the rules file, in the words of a sales administrator."""

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from contracts.rules import RulesFile

SHOWN_CHARS_MAX = 60
LISTED_MAX = 12

_PATTERNS = {  # by what only that pattern contains
    "24:00": "must be hours like 09:00-18:00",
    "{1,64}": "may have letters, digits, _ and -, at most 64 of them",
    "(/": "must be working and free days in turn, like 2/2 or 3/1/2/2",
}
_BOUNDS = {
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "decimal_max_places": "must have at most {decimal_places} decimals",
    "too_short": "needs at least {min_length} entry",
    "too_long": "may have at most {max_length} entries",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "may have at most {max_length} characters",
}
_KINDS = {
    "int": "must be a whole number",
    "decimal": "must be a number",
    "string": "must be text",
    "list": "must be a list, one line with a dash for each entry",
    "dict": "must be a section with a line `name: value` for each entry",
    "model": "must be a section with a line `name: value` for each field",
    "bool": "must be true or false",
    "date": "must be a date like 2026-05-01",
    "datetime": "must be a date like 2026-05-01, or a time like 2026-05-01T09:00+02:00",
}


def words_for(error: ErrorDetails, path: tuple[str | int, ...]) -> str:
    """One line for a validation error at a path of the data."""
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"unknown field{suggestion(str(path[-1]), _fields_at(path[:-1]))}"
    return f"{_expectation(kind, ctx, path)}, {_got(error['input'])}"


def suggestion(given: str, known: Iterable[str]) -> str:
    """What was probably meant, and what else there is."""
    known = list(known)
    near = difflib.get_close_matches(given.casefold(), [k.casefold() for k in known], n=1)
    meant = next((k for k in known if near and k.casefold() == near[0]), None)
    hint = "" if meant is None else f"; did you mean {meant}?"
    return f"{hint} (known: {listed(known)})"


def listed(known: Iterable[str]) -> str:
    """A bounded list."""
    known = list(known)
    more = len(known) - LISTED_MAX
    shown = ", ".join(known[:LISTED_MAX]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown


def _expectation(kind: str, ctx: dict[str, Any], path: tuple[str | int, ...]) -> str:
    if kind in _BOUNDS:
        return _BOUNDS[kind].format_map(ctx)
    if kind == "literal_error":
        return f"must be {str(ctx['expected']).replace('True', 'true')}"
    if kind == "string_pattern_mismatch":
        pattern = str(ctx["pattern"])
        return next(words for sign, words in _PATTERNS.items() if sign in pattern)
    if path and path[-1] in {"from", "to"}:
        return _KINDS["datetime"]
    return _KINDS.get(kind.split("_", maxsplit=1)[0], "cannot be used")


def _got(value: object) -> str:
    if value is None:
        return "but nothing is given"
    if isinstance(value, dict):
        return "got a section"
    if isinstance(value, list):
        return "got a list" if value else "got an empty list"
    text = str(value)
    text = text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}..."
    return f"got {text!r}" if isinstance(value, str) else f"got {text}"


def _fields_at(path: tuple[str | int, ...]) -> list[str]:
    """The names a section may use, found by following the path through the models."""
    annotation: Any = RulesFile
    for step in path:
        annotation = _inside(annotation, step)
    model = _bare(annotation)
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _inside(annotation: Any, step: str | int) -> Any:  # noqa: ANN401  # annotations are of any kind
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        for name, field in bare.model_fields.items():
            if step in {name, field.alias}:
                return field.annotation
        return None
    return get_args(bare)[-1] if get_origin(bare) in {list, dict} else None


def _bare(annotation: Any) -> Any:  # noqa: ANN401  # annotations are of any kind
    """Without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {typing.Union, types.UnionType}:
        arms = [arm for arm in get_args(annotation) if arm is not type(None)]
        return _bare(arms[0])
    return annotation


def is_for(annotation: Any, wanted: type) -> bool:  # noqa: ANN401  # annotations are of any kind
    """Whether a field's values are of this type, after all wrapping."""
    bare = _bare(annotation)
    if get_origin(bare) is Literal:
        return any(type(value) is wanted for value in get_args(bare))
    return bare is wanted


def field_at(path: tuple[str | int, ...]) -> Any:  # noqa: ANN401  # annotations are of any kind
    """The annotation of the field at a path, None where the models have none."""
    annotation: Any = RulesFile
    for step in path:
        annotation = _inside(annotation, step)
    return annotation
