"""Brings a database to the schema this release knows; numbered SQL files, each applied once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from services.storage.database import Connection, mapping

LOCK_KEY = 0x0FA1_41EA_D000_0001

CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
IS_THERE = "SELECT to_regclass('schema_migrations') IS NOT NULL"
SELECT_APPLIED = "SELECT number, sha256 FROM schema_migrations ORDER BY number"
INSERT_APPLIED = "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)"


class SchemaRefused(Exception):
    """The database does not fit this release; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0001_initial.sql`."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """Proves that an applied file was not edited afterwards."""
        return hashlib.sha256(self.sql.encode()).digest()


def known_migrations() -> tuple[Migration, ...]:
    """The files of this release in order, numbered 1, 2, 3, ... without gap."""
    folder = resources.files("services.storage") / "migrations"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    migrations = tuple(
        Migration(int(file.name[:4]), file.name, file.read_text("utf-8")) for file in found
    )
    numbers = [migration.number for migration in migrations]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise SchemaRefused(f"the release's migrations are incomplete: {numbers}")
    return migrations


async def migrate(
    connection: Connection,
    migrations: Sequence[Migration] | None = None,
) -> int:
    """Apply what is missing, each file in a transaction of its own; how many were applied.

    Safe when several processes start at once: an advisory lock lets one through at a time. Where
    nothing is missing, nothing is done that only the owner of the database may do.

    Raises:
        SchemaRefused: The database is newer than this release (F81), or an applied file was
            edited.
    """
    todo = known_migrations() if migrations is None else tuple(migrations)
    count = 0
    while await _missing(connection, todo):
        count += await _apply_next(connection, todo)
    return count


async def _missing(
    connection: Connection, migrations: tuple[Migration, ...]
) -> tuple[Migration, ...]:
    is_there = await connection.fetchval(IS_THERE)
    applied = mapping(await connection.fetch(SELECT_APPLIED)) if is_there else {}
    _check(applied, migrations)
    return tuple(each for each in migrations if each.number not in applied)


async def _apply_next(connection: Connection, migrations: tuple[Migration, ...]) -> bool:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
        await connection.execute(CREATE_TABLE)
        missing = await _missing(connection, migrations)
        if not missing:  # somebody was faster
            return False
        await connection.execute(missing[0].sql)
        await connection.execute(
            INSERT_APPLIED, missing[0].number, missing[0].name, missing[0].sha256
        )
        return True


def _check(applied: dict[int, bytes], migrations: tuple[Migration, ...]) -> None:
    known = {m.number: m for m in migrations}
    newest = max(applied, default=0)
    if newest > max(known, default=0):
        raise SchemaRefused(
            f"the database is at migration {newest}, this release knows {max(known, default=0)}:"
            f" install the newer release"
        )
    for number, sha256 in applied.items():
        if known[number].sha256 != sha256:
            raise SchemaRefused(f"{known[number].name} differs from what was applied")
