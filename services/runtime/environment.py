"""Settings from the environment, refused in a line for each variable that is not what it may be."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from services.runtime.wrong import Wrong
from services.shared.settings import Settings

M = TypeVar("M", bound=BaseModel)

SIGNS = {Ge: ("from", "ge"), Gt: ("above", "gt"), Le: ("to", "le"), Lt: ("below", "lt")}
NUMBERS = {int: "a whole number", float: "a number"}


def from_environment(kind: type[M], **given: Any) -> M:  # noqa: ANN401 - whatever its fields are
    """Settings of this kind, or a group of several; what is given is not read.

    Raises:
        Wrong: Values are out of bounds or of the wrong kind; all of them are told.
    """
    problems: list[str] = []
    found = _read(kind, given, problems)
    if found is None:
        raise Wrong("\n".join(problems))
    return found


def parts_of(group: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    """The settings in a group of them, by name."""
    found = []
    for name, field in group.model_fields.items():
        kind = field.annotation
        assert isinstance(kind, type), f"a part of a group is a class: {name}"  # noqa: S101
        assert issubclass(kind, BaseModel), f"a group holds settings only: {name}"  # noqa: S101
        found.append((name, kind))
    return found


def variable_of(kind: type[Settings], name: str) -> str:
    """The environment variable of a field."""
    return f"{kind.model_config['env_prefix']}{name.upper()}"


def bounds_of(field: FieldInfo) -> str:
    """Between what a value has to be, in words; empty for any."""
    chosen = _choices(field)
    if chosen:
        return f"one of {', '.join(chosen)}"
    return " ".join(
        f"{word} {getattr(rule, name)}"
        for rule in field.metadata
        if type(rule) in SIGNS
        for word, name in [SIGNS[type(rule)]]
    )


def _read(kind: type[M], given: dict[str, Any], problems: list[str]) -> M | None:
    """The settings, or None with what is wrong with them."""
    if not issubclass(kind, Settings):
        parts = {name: _read(part, {}, problems) for name, part in parts_of(kind)}
        return None if None in parts.values() else kind(**(parts | given))
    try:
        return kind(**(EnvSettingsSource(kind)() | given))
    except ValidationError as error:
        problems += _told(kind, error)
        return None


def _told(kind: type[Settings], error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_input=False, include_url=False):
        if not detail["loc"]:  # about several fields, which it names
            yield str(detail["ctx"]["error"])
        for name in detail["loc"]:
            expected = _expected(kind.model_fields[str(name)], detail)
            yield f"{variable_of(kind, str(name))}: {expected}"


def _expected(field: FieldInfo, detail: ErrorDetails) -> str:
    """What would have been right; never the value, which may be a secret in the wrong place."""
    if detail["type"] == "value_error":  # of a validator of ours, in our words
        return str(detail["ctx"]["error"])
    number = next((NUMBERS[each] for each in _types(field) if each in NUMBERS), "")
    words = " ".join(word for word in (number, bounds_of(field)) if word)
    return f"expected {words}" if words else detail["msg"]


def _types(field: FieldInfo) -> tuple[Any, ...]:
    kind = field.annotation
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _choices(field: FieldInfo) -> list[str]:
    return [
        str(choice)
        for kind in _types(field)
        if get_origin(kind) is Literal
        for choice in get_args(kind)
    ]
