"""Filters that lists have in common; one that a list does not know is an error."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from starlette.datastructures import QueryParams

from services.sandbox.answers import ApiProblem
from services.sandbox.paging import numbers, span

Test = Callable[[Any], bool]
_NAME: Final = re.compile(r"filter\[([^\]]*)\]")
_FIELD: Final = re.compile(r"filter\[custom_fields_values\]\[(\d+)\](?:\[(from|to|\d*)\])?$")


def known_filters(params: QueryParams, names: Collection[str]) -> None:
    """Refuse what cannot be filtered by.

    Raises:
        ApiProblem: A filter is none of these.
    """
    for key in params:
        if not key.startswith("filter"):
            continue
        match = _NAME.match(key)
        if match is None or match[1] not in names:
            raise ApiProblem(400, f"Unknown filter {key[:100]}")


def membership(params: QueryParams, name: str, *, attribute: str | None = None) -> Iterable[Test]:
    """Pass what has one of the given numbers."""
    wanted = numbers(params, f"filter[{name}]")
    if wanted is not None:
        key = attribute or name
        yield lambda each: getattr(each, key, None) in wanted


def within(params: QueryParams, name: str) -> Iterable[Test]:
    """Pass what lies between two numbers, both included, or is the one given."""
    low, high = span(params, f"filter[{name}]")
    if low is None and high is None and (exact := numbers(params, f"filter[{name}]")):
        yield lambda each: getattr(each, name) in exact
    if low is not None or high is not None:
        yield lambda each: _is_within(getattr(each, name), low, high)


def _is_within(value: int | None, low: int | None, high: int | None) -> bool:
    if value is None:
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def field_tests(params: QueryParams) -> Iterable[Test]:
    """Pass what has one of the given values, or one between two numbers, in each named field.

    Raises:
        ApiProblem: A filter names no field, or a bound is no number.
    """
    wanted: dict[int, set[str]] = {}
    bounded: set[int] = set()
    for key, value in params.multi_items():
        if not key.startswith("filter[custom_fields_values]"):
            continue
        match = _FIELD.match(key)
        if match is None:
            raise ApiProblem(400, f"Unknown filter {key[:100]}")
        if match[2] in {"from", "to"}:
            bounded.add(int(match[1]))
        else:
            wanted.setdefault(int(match[1]), set()).add(value)
    for field_id, values in wanted.items():
        yield _has_value(field_id, values)
    for field_id in bounded:
        low, high = span(params, f"filter[custom_fields_values][{field_id}]")
        yield _has_number(field_id, low, high)


def _has_value(field_id: int, wanted: Collection[str]) -> Test:
    return lambda each: any(
        str(value.get("value")) in wanted or str(value.get("enum_id")) in wanted
        for value in _values(each, field_id)
    )


def _has_number(field_id: int, low: int | None, high: int | None) -> Test:
    return lambda each: any(
        _is_within(_number(value.get("value")), low, high) for value in _values(each, field_id)
    )


def _number(value: object) -> int | None:
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return None


def _values(each: Any, field_id: int) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - any card
    for field in each.custom_fields_values or ():
        if field["field_id"] == field_id:
            yield from field["values"]
