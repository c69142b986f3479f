"""The spool's file: SQLite, every call blocking; `spool.py` calls it from a thread of its own.

Write-ahead journal with `synchronous=FULL`: a commit is one sync of one file, and it is on the
disk when `append` returns. A rollback journal is as safe and needs three syncs for a commit; a
reader beside us (`fairlead doctor`) would also hold up the writer. Both settings are read back.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from services.shared.errors import Unavailable
from services.shared.private_files import private

log = structlog.get_logger()

SPOOL_FILE = "spool.db"
FORMAT = 1
FULL = 2  # what `PRAGMA synchronous` answers
ROW_OVERHEAD_BYTES = 64
TRIAL_BYTES = 65_536
BUSY_WAIT_S = 1.0  # only a person with another tool can hold the file
# Beside the file itself: SQLite would take a left-over journal for the new file's.
JOURNALS = ("-wal", "-shm", "-journal")

SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE spooled (
    place INTEGER PRIMARY KEY AUTOINCREMENT, -- a place is never used again
    queue TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE INDEX spooled_in_order ON spooled (queue, place);
PRAGMA user_version = {FORMAT};
COMMIT;
"""
INSERT = "INSERT INTO spooled (queue, account_id, at_ms, value) VALUES (?, ?, ?, ?)"
SELECT_HEAD = """
SELECT place, account_id, value FROM spooled WHERE queue = ? AND place > ? ORDER BY place LIMIT ?
"""
DELETE = "DELETE FROM spooled WHERE queue = ? AND place <= ?"
SELECT_TALLIES = """
SELECT queue, account_id, count(*), sum(length(value)) FROM spooled WHERE queue <> ''
GROUP BY queue, account_id
"""
# As much as a webhook of some size, in a queue that nobody reads.
TRIAL = "INSERT INTO spooled (queue, account_id, at_ms, value) VALUES ('', 0, 0, zeroblob(?))"
END_TRIAL = "DELETE FROM spooled WHERE queue = ''"
SELECT_STATE = """
SELECT count(*), coalesce(sum(length(value)), 0), min(at_ms) FROM spooled WHERE queue <> ''
"""


class SpoolRefused(Exception):
    """The file cannot be used as it has to be; the message says why. Nothing was touched."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something to keep; the order among those of one account is kept."""

    account_id: int
    value: bytes

    @property
    def size(self) -> int:
        """What it counts in the bound of the spool."""
        return len(self.value) + ROW_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class SpooledItem:
    """An item with its place in the file."""

    place: int
    item: Item


@dataclass(frozen=True, slots=True)
class Tally:
    """How much of one account lies in one queue."""

    queue: str
    account_id: int
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class SpoolStanding:
    """What another process sees of the spool.

    Attributes:
        set_aside: Names of damaged files of before.
    """

    rows: int
    size: int
    oldest_at: datetime | None
    set_aside: tuple[str, ...]


class SpoolFile:
    """One open file; all calls from the thread that made it."""

    def __init__(self, path: Path, *, now: Callable[[], datetime]) -> None:
        """Open the file, or a new one if there is none or it is damaged.

        A damaged file is set aside under its own name with an ending, never deleted.

        Raises:
            SpoolRefused: It cannot be opened, is of another format, or would not be synced.
        """
        self._now = now
        self._connection = _open(path)

    def append(self, queue: str, items: Sequence[Item]) -> None:
        """Keep all items, in this order, on the disk when this returns; or none.

        Raises:
            services.shared.errors.Unavailable: The disk does not take them.
        """
        at_ms = round(self._now().timestamp() * 1_000)
        rows = [(queue, item.account_id, at_ms, item.value) for item in items]
        with self._transaction() as connection:
            connection.executemany(INSERT, rows)

    def head(self, queue: str, *, after: int, rows_max: int, bytes_max: int) -> list[SpooledItem]:
        """The oldest behind a place, in order; one at least, however large.

        Raises:
            services.shared.errors.Unavailable: The file cannot be read.
        """
        found: list[SpooledItem] = []
        size = 0
        with _translated():
            for place, account_id, value in self._connection.execute(
                SELECT_HEAD, (queue, after, rows_max)
            ):
                item = Item(account_id, value)
                size += item.size
                if found and size > bytes_max:
                    break
                found.append(SpooledItem(place, item))
        return found

    def delete(self, queue: str, *, up_to: int) -> None:
        """Forget what lies at the place and before it.

        Raises:
            services.shared.errors.Unavailable: All of it is there still.
        """
        with self._transaction() as connection:
            connection.execute(DELETE, (queue, up_to))

    def try_out(self) -> None:
        """Keep something and forget it: only that tells whether there is room (F75).

        Raises:
            services.shared.errors.Unavailable: There is none.
        """
        with self._transaction() as connection:
            connection.execute(TRIAL, (TRIAL_BYTES,))
        with self._transaction() as connection:
            connection.execute(END_TRIAL)

    def tallies(self) -> list[Tally]:
        """What there is.

        Raises:
            services.shared.errors.Unavailable: The file cannot be read.
        """
        with _translated():
            return [
                Tally(queue, account_id, rows, size + rows * ROW_OVERHEAD_BYTES)
                for queue, account_id, rows, size in self._connection.execute(SELECT_TALLIES)
            ]

    def shrink(self) -> None:
        """Give room back to the disk, and what was in it; for an empty spool.

        Raises:
            services.shared.errors.Unavailable: It keeps its room for now.
        """
        with _translated():
            # It frees a page at each step and has no rows: `execute` would stop after the first.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _translated():
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                roll_back(self._connection)
                raise


def roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction that failed, without an error of its own.

    A full disk has rolled it back already; "no transaction is active" must not hide that (F75).
    """
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def look(folder: Path) -> SpoolStanding | None:
    """What lies in the spool of a data folder, for another process; None if there is no spool.

    Raises:
        services.shared.errors.Unavailable: The file cannot be read.
    """
    path = folder / SPOOL_FILE
    set_aside = tuple(
        sorted(
            file.name
            for file in folder.glob(f"{SPOOL_FILE}.damaged-*")
            if not file.name.endswith(JOURNALS)
        )
    )
    if not path.exists():
        return SpoolStanding(0, 0, None, set_aside) if set_aside else None
    with _translated(), contextlib.closing(_connected(f"{path.absolute().as_uri()}?mode=ro")) as db:
        rows, size, oldest_ms = db.execute(SELECT_STATE).fetchone()
    oldest_at = None if oldest_ms is None else datetime.fromtimestamp(oldest_ms / 1_000, UTC)
    return SpoolStanding(rows, size, oldest_at, set_aside)


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _checked(path)
    except sqlite3.OperationalError as error:  # no right to it, no room, no such folder
        raise SpoolRefused(f"the spool {path} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        log.error("spool_damaged", set_aside=str(aside), reason=str(error))  # noqa: TRY400  # no bug
    try:
        return _checked(path)
    except sqlite3.Error as error:
        raise SpoolRefused(f"the spool {path} cannot be made anew: {error}") from error


def _checked(path: Path) -> sqlite3.Connection:
    if not path.exists():
        # SQLite's own would be everybody's to read; its journals have the rights of their file.
        with contextlib.suppress(OSError), open(path, "xb", opener=private):
            pass
    connection = _connected(path.absolute().as_uri())
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    (journal,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if (journal, synchronous) != ("wal", FULL):
        raise SpoolRefused(
            f"the spool {path} would not be synced: journal_mode {journal},"
            f" synchronous {synchronous}; put the data folder on a local disk"
        )
    if version == 0:
        connection.executescript(SCHEMA)
        _sync_folder(path.parent)
    elif version != FORMAT:
        raise SpoolRefused(f"the spool {path} has format {version}, this release knows {FORMAT}")
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(damage)


def _connected(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=BUSY_WAIT_S, isolation_level=None)


def _set_aside(path: Path) -> Path:
    """Rename the file and its journals, so that SQLite's tools still find them together."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for ending in JOURNALS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return aside


def _sync_folder(folder: Path) -> None:
    """A new file's name has to survive a power loss, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or type(error).__name__
        raise Unavailable(f"spool: {name}") from error
