"""An installation in a data folder, opened by a command: its database and what is stored there."""

import json
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.embedded import EmbeddedDatabase, holder
from services.gateway.postgres import ensure_schema
from services.log.postgres import PostgresLogWriter
from services.projector import schema
from services.projector.registry import PROJECTIONS
from services.secrets import load_vault
from services.storage.accounts import Account, AccountRegistry
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from services.storage.migrate import migrate
from services.storage.wakeup import Wakeup

RUNTIME_FILE = "runtime.json"


class Wrong(Exception):
    """A command cannot be carried out; the message tells the person what to do."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command works with."""

    data: Path
    database: EmbeddedDatabase
    pool: Any
    wakeup: Wakeup
    events: EventStore
    accounts: AccountRegistry
    dead_letters: DeadLetters
    log: PostgresLogWriter

    async def account(self, account_id: int | None) -> Account:
        """The account a command is about; it must be named only when there are several.

        Raises:
            Wrong: None is connected, none has that id, or several are connected and none is named.
        """
        found = await self.accounts.all()
        if account_id is not None:
            found = [account for account in found if account.account_id == account_id]
            if not found:
                raise Wrong(f"account {account_id} is not connected; see: fairlead doctor")
        if not found:
            raise Wrong("no account is connected yet; connect one: fairlead connect ADDRESS")
        if len(found) > 1:
            listed = ", ".join(str(account.account_id) for account in found)
            raise Wrong(f"several accounts are connected, name one: --account ID, of {listed}")
        return found[0]

    def running(self) -> dict[str, Any] | None:
        """Process id and address of the fairlead that runs here, None if none does."""
        pid = holder(self.data)
        if pid is None:
            return None
        try:
            runtime: dict[str, Any] = json.loads((self.data / RUNTIME_FILE).read_text())
        except (OSError, ValueError):
            return None
        # Of another process: the one that holds the folder now is still starting.
        return runtime if runtime.get("pid") == pid else None


def must_exist(data: Path) -> None:
    """See that the folder holds an installation: a mistyped one must not become one.

    Raises:
        Wrong: It holds none; nothing was made.
    """
    if not (data.expanduser() / "postgres").exists():
        start = f"fairlead up --data {shlex.quote(str(data))}"
        raise Wrong(f"no installation in {data}; start one: {start}")


@asynccontextmanager
async def open_installation(
    data: Path, *, exclusive: bool = False, connections: int = 6
) -> AsyncIterator[Installation]:
    """Start or join the database of the folder, bring its tables up to date, and open it.

    Args:
        data: The data folder; made if missing.
        exclusive: Be the one fairlead of the folder, not a command beside it.
        connections: To the database, at most.

    Raises:
        services.embedded.EmbeddedDatabaseError: The folder cannot be used.
        services.storage.migrate.SchemaRefused: The folder belongs to a newer release.
        services.errors.Unavailable: The database does not answer.
    """
    async with EmbeddedDatabase(data, exclusive=exclusive) as database:
        pool = await open_pool(database.dsn, size_max=connections)
        try:
            async with pool.acquire() as connection:
                await migrate(connection)
                await ensure_schema(connection)
            await schema.prepare(pool, PROJECTIONS)
            async with Wakeup(database.dsn) as wakeup:
                yield Installation(
                    data=database.data_folder,
                    database=database,
                    pool=pool,
                    wakeup=wakeup,
                    events=EventStore(pool),
                    accounts=AccountRegistry(pool, load_vault(database.data_folder)),
                    dead_letters=DeadLetters(pool),
                    log=PostgresLogWriter(pool, wakeup),
                )
        finally:
            await pool.close()
