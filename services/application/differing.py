"""What one piece of plain data has otherwise than another one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChange:
    """What is another one.

    Attributes:
        path: Where, as `leads.900016.responsible_id` or `rules.0.stages`.
        before: None where there was nothing.
        after: None where there is nothing any more.
    """

    path: str
    before: Any
    after: Any


def differences(path: str, before: Any, after: Any) -> Iterator[DataChange]:  # noqa: ANN401 - any data
    """Everything that differs, in the order of its names; lists are compared place by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            here = f"{path}.{key}" if path else str(key)
            yield from differences(here, before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and _have_parts(before, after):
        for place in range(max(len(before), len(after))):
            old, new = (each[place] if place < len(each) else None for each in (before, after))
            yield from differences(f"{path}.{place}", old, new)
    elif before != after:
        yield DataChange(path=path, before=before, after=after)


def _have_parts(*lists: list[Any]) -> bool:
    """Whether there is something inside to be compared; ids and names are told as a whole."""
    return all(isinstance(each, dict) for found in lists for each in found)
