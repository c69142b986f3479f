"""An installation as a command sees it: in a data folder, or distributed over processes.

The one in a folder is all in one process (`fairlead up`), with a database of its own. The
distributed one is where `FAIRLEAD_DATABASE_URL` and `FAIRLEAD_KAFKA_SERVERS` say.
"""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from contracts.topics import INBOUND
from services.cli.environment import from_environment
from services.cli.wrong import Wrong
from services.embedded import EmbeddedDatabase, holder
from services.gateway.postgres import ensure_schema
from services.log.kafka import KafkaSettings
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import LogWriter
from services.log.postgres import PostgresLogWriter
from services.logs import hide
from services.projector import schema
from services.projector.registry import PROJECTIONS
from services.secrets import Vault, load_vault
from services.settings import InstallationSettings
from services.storage.accounts import Account, AccountRegistry
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from services.storage.migrate import migrate
from services.storage.wakeup import Wakeup

__all__ = [
    "RUNTIME_FILE",
    "Installation",
    "Log",
    "Wrong",
    "is_distributed",
    "must_exist",
    "open_distributed",
    "open_installation",
]

RUNTIME_FILE = "runtime.json"
# What a person, or a result that cannot be taken back, can wait for.
PATIENT_S = 10.0


class Log(LogWriter, Protocol):
    """The inbound log, for who publishes a command and waits until it took effect."""

    async def end(self, account_id: int) -> tuple[str, int]:
        """The source that the account's messages are in, and the position of its last message.

        Raises:
            services.errors.Unavailable: The log does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command works with.

    Attributes:
        data: The folder; of the distributed one, this machine's part.
        database: The embedded one; None in the distributed installation.
        kafka: Of the distributed installation; None in the embedded one.
    """

    data: Path
    database: EmbeddedDatabase | None
    pool: Any
    wakeup: Wakeup
    events: EventStore
    accounts: AccountRegistry
    dead_letters: DeadLetters
    log: Log
    kafka: KafkaSettings | None = None

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

    def is_at_rest(self) -> bool:
        """Whether nothing acts on what is published now; of other machines nobody knows that."""
        return self.kafka is None and self.running() is None

    def running(self) -> dict[str, Any] | None:
        """Process id and address of the fairlead that runs in the folder, None if none does."""
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
    """See that there is an installation: a mistyped folder must not become one.

    Raises:
        Wrong: The folder holds none; nothing was made.
    """
    if is_distributed() or (data.expanduser() / "postgres").exists():
        return
    start = f"fairlead up --data {shlex.quote(str(data))}"
    raise Wrong(f"no installation in {data}; start one: {start}")


def is_distributed() -> bool:
    """Whether the environment names a distributed installation."""
    return from_environment(InstallationSettings).database_url is not None


@asynccontextmanager
async def open_installation(
    data: Path, *, exclusive: bool = False, connections: int = 6
) -> AsyncIterator[Installation]:
    """Open the distributed installation if the environment names one, else that of the folder.

    Args:
        data: The data folder; made if missing.
        exclusive: Be the one fairlead of the folder, not a command beside it.
        connections: To the database, at most.

    Raises:
        services.embedded.EmbeddedDatabaseError: The folder cannot be used.
        services.storage.migrate.SchemaRefused: The database is of a newer release.
        services.errors.Unavailable: The database does not answer.
        services.secrets.MasterKeyRefused: There is no usable master key.
        Wrong: The environment is not what a distributed installation needs.
    """
    settings = from_environment(InstallationSettings)
    if settings.database_url is not None and not exclusive:
        async with open_distributed(
            data,
            settings.database_url,
            from_environment(KafkaSettings),
            # Of the environment alone: a file would be another one on each machine.
            load_vault(),
            connections=connections,
        ) as installation:
            yield installation
        return
    async with (
        EmbeddedDatabase(data, exclusive=exclusive) as database,
        _opened(database.dsn, connections) as (pool, wakeup),
    ):
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


@asynccontextmanager
async def open_distributed(
    data: Path, url: SecretStr, kafka: KafkaSettings, vault: Vault, *, connections: int
) -> AsyncIterator[Installation]:
    """Open the distributed installation; its database is brought up to date.

    Raises:
        services.storage.migrate.SchemaRefused: The database is of a newer release.
        services.errors.Unavailable: The database does not answer.
        Wrong: The address of the database is none.
    """
    async with (
        _opened(_checked(url), connections) as (pool, wakeup),
        KafkaLogWriter(kafka, INBOUND, answer_within_s=PATIENT_S) as writer,
    ):
        yield Installation(
            data=await asyncio.to_thread(lambda: data.expanduser().resolve()),
            database=None,
            kafka=kafka,
            pool=pool,
            wakeup=wakeup,
            events=EventStore(pool),
            accounts=AccountRegistry(pool, vault),
            dead_letters=DeadLetters(pool),
            log=writer,
        )


@asynccontextmanager
async def _opened(dsn: str, connections: int) -> AsyncIterator[tuple[Any, Wakeup]]:
    """A pool on a database that is up to date, and its wake-ups."""
    pool = await open_pool(dsn, size_max=connections)
    try:
        async with pool.acquire() as connection:
            await migrate(connection)
            await ensure_schema(connection)
        await schema.prepare(pool, PROJECTIONS)
        async with Wakeup(dsn) as wakeup:
            yield pool, wakeup
    finally:
        await pool.close()


def _checked(url: SecretStr) -> str:
    """The address, its password never to be seen in a line of ours."""
    text = url.get_secret_value()
    expected = "FAIRLEAD_DATABASE_URL: expected postgresql://user:password@host/database"
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise Wrong(expected) from error
    if parts.scheme not in ("postgresql", "postgres"):
        raise Wrong(expected)
    if parts.password:
        hide(parts.password)
    return text
