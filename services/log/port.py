"""The log as the roles know it: ordered per account, at least once, read in batches.

An implementation keeps the order of one key, loses nothing that `publish` returned for, and may
deliver a message twice. It never decides where a reader continues: the reader's own database
says so, because its position is stored in the same transaction as what it made of the messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A message to publish; the key decides its order among others."""

    account_id: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """A message as read back, with its place in its source."""

    account_id: int
    position: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one source, never empty.

    Attributes:
        source: Names the ordered sequence the positions count in; the reader's position is
            stored under it.
    """

    source: str
    records: tuple[Record, ...]

    @property
    def position(self) -> int:
        """The position to store once the whole batch took effect."""
        return self.records[-1].position


class LogWriter(Protocol):
    """Where messages enter."""

    async def publish(self, entries: Sequence[Entry]) -> None:
        """Make all entries durable, in this order per account, or none.

        Raises:
            services.shared.errors.Unavailable: The outcome is unknown; publishing again is safe.
        """
        ...


class LogReader(Protocol):
    """Where one consumer gets its messages from."""

    async def read(self, *, limit: int, wait_s: float) -> list[Batch]:
        """The next batches, at most one per source and `limit` records each.

        Returns an empty list when nothing came within `wait_s` seconds. Messages are handed out
        once; `rewind` makes a source start again from the stored position.

        Raises:
            services.shared.errors.Unavailable: The log does not answer; call again later.
        """
        ...

    def rewind(self, source: str) -> None:
        """Forget what was handed out of `source`: continue from the stored position."""
        ...
