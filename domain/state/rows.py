"""How the records of the state are written: rows of plain values, instants as microseconds."""

from datetime import UTC, datetime, timedelta
from typing import Any, overload

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S = 24 * 60 * 60

Row = list[Any]
Pairs = tuple[tuple[int, int], ...]  # of manager and units


class Unchanging(msgspec.Struct, frozen=True, gc=False):
    """What a state holds many of: it never changes, and refers to nothing that leads back to it.

    An account of 100,000 leads is thus nothing that Python's collector has to look through.
    """


class WrittenRow(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A row as it was written, each value of the type that it must have."""


def micros(at: datetime | None) -> int | None:
    """An instant as whole microseconds since 1970."""
    if at is None:
        return None
    since = at - EPOCH
    return (since.days * _DAY_S + since.seconds) * 1_000_000 + since.microseconds


@overload
def instant(written: int) -> datetime: ...
@overload
def instant(written: int | None) -> datetime | None: ...
def instant(written: int | None) -> datetime | None:
    """The instant that was written."""
    return None if written is None else EPOCH + timedelta(0, 0, written)
