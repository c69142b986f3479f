"""What is wrong with a single field of the rules file, told for a sales administrator."""

import difflib
import re
import types
import typing
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from contracts.rules import RulesFile
from contracts.sentences import Argument, Sentence, sentence

SHOWN_CHARS_MAX = 60
LISTED_MAX = 12
# More than the models have; names of schedules and the like are steps, too.
PATHS_MAX = 4_096

_PATTERNS = {  # by what only that pattern contains
    "24:00": sentence("field.hours"),
    "{1,64}": sentence("field.name"),
    "(/": sentence("field.pattern"),
    "mon|": sentence("field.weekdays"),
}
_KINDS = {
    "int": sentence("field.whole_number"),
    "decimal": sentence("field.number"),
    "string": sentence("field.text"),
    "list": sentence("field.list"),
    "dict": sentence("field.entries"),
    "model": sentence("field.section"),
    "bool": sentence("field.true_or_false"),
    "date": sentence("field.date"),
}
_CHOICE = re.compile(r"'([^']*)'|(\d+|True|False)")


def told(error: ErrorDetails, path: tuple[str | int, ...]) -> Sentence:
    """What a validation error at a path of the data says."""
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "missing":
        return sentence("field.missing")
    if kind == "extra_forbidden":
        return sentence("field.unknown", hint=suggestion(str(path[-1]), _fields_at(path[:-1])))
    return sentence("field.other", expected=_expected(kind, ctx, path), got=_got(error["input"]))


def suggestion(given: str, known: Iterable[str]) -> Sentence:
    """What was probably meant, and what else there is."""
    known = list(known)
    near = difflib.get_close_matches(given.casefold(), [k.casefold() for k in known], n=1)
    meant = next((k for k in known if near and k.casefold() == near[0]), None)
    if not known:
        return sentence("hint.none")
    if meant is None:
        return sentence("hint.known", known=listed(known))
    return sentence("hint.meant", meant=meant, known=listed(known))


def listed(known: Sequence[str]) -> Argument:
    """A bounded list."""
    shown, more = tuple(known[:LISTED_MAX]), len(known) - LISTED_MAX
    return sentence("hint.and_more", known=shown, count=more) if more > 0 else shown


def _expected(  # noqa: PLR0911 - a kind each
    kind: str, ctx: dict[str, Any], path: tuple[str | int, ...]
) -> Sentence:
    bound = _bound(kind, ctx)
    if bound is not None:
        return bound
    if path and path[-1] == "on" and "exceptions" in path:
        return sentence("field.date_or_yearly")
    if path[-2:-1] == ("kinds",):
        return sentence("field.kind")
    if kind == "literal_error":
        return _one_of(str(ctx["expected"]))
    if kind == "string_pattern_mismatch":
        pattern = str(ctx["pattern"])
        return next(told for sign, told in _PATTERNS.items() if sign in pattern)
    if path and path[-1] in {"from", "to"} and "exceptions" not in path:
        return sentence("field.instant")
    return _KINDS.get(kind.split("_", maxsplit=1)[0], sentence("field.unusable"))


def _bound(kind: str, ctx: dict[str, Any]) -> Sentence | None:  # noqa: PLR0911 - a kind each
    match kind:
        case "greater_than_equal":
            return sentence("field.at_least", bound=str(ctx["ge"]))
        case "greater_than":
            return sentence("field.more_than", bound=str(ctx["gt"]))
        case "less_than_equal":
            return sentence("field.at_most", bound=str(ctx["le"]))
        case "less_than":
            return sentence("field.less_than", bound=str(ctx["lt"]))
        case "decimal_max_places":
            return sentence("field.decimals", count=ctx["decimal_places"])
        case "too_short":
            return sentence("field.entries_at_least", count=ctx["min_length"])
        case "too_long":
            return sentence("field.entries_at_most", count=ctx["max_length"])
        case "string_too_short":
            return sentence("field.characters_at_least", count=ctx["min_length"])
        case "string_too_long":
            return sentence("field.characters_at_most", count=ctx["max_length"])
        case _:
            return None


def _one_of(expected: str) -> Sentence:
    """The choices, taken out of the library's English: `'a', 'b' or 'c'`."""
    choices = tuple((text or other).lower() for text, other in _CHOICE.findall(expected))
    if len(choices) == 1:
        return sentence("field.fixed", value=choices[0])
    return sentence("field.one_of", choices=choices)


def _got(value: object) -> Sentence:
    if value is None:
        return sentence("got.nothing")
    if isinstance(value, dict):
        return sentence("got.section")
    if isinstance(value, list):
        return sentence("got.list") if value else sentence("got.empty_list")
    text = str(value)
    text = text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}..."
    if isinstance(value, str):
        return sentence("got.text", text=text)
    return sentence("got.value", value=text)


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
    return _field_at(tuple(0 if isinstance(step, int) else step for step in path))


@lru_cache(PATHS_MAX)
def _field_at(path: tuple[str | int, ...]) -> Any:  # noqa: ANN401  # annotations are of any kind
    return _inside(_field_at(path[:-1]), path[-1]) if path else RulesFile


def default_at(path: tuple[str | int, ...]) -> Any:  # noqa: ANN401  # defaults are of any kind
    """What holds where the field at a path is left out; None for nothing."""
    field = _field_of(tuple(0 if isinstance(step, int) else step for step in path))
    return None if field is None else field.get_default(call_default_factory=True)


@lru_cache(PATHS_MAX)
def _field_of(path: tuple[str | int, ...]) -> FieldInfo | None:
    """One that may be left out."""
    section = _bare(_field_at(path[:-1]))
    if not isinstance(section, type) or not issubclass(section, BaseModel):
        return None
    for name, field in section.model_fields.items():
        if path[-1] in {name, field.alias}:
            return None if field.is_required() else field
    return None
