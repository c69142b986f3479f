"""An installation as a command sees it: in a data folder, or distributed over processes.

The one in a folder is all in one process (`fairlead up`), with a database of its own. The
distributed one is where `FAIRLEAD_DATABASE_URL` and `FAIRLEAD_KAFKA_SERVERS` say.
"""

import asyncio
import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from contracts.topics import INBOUND
from services.application.installation import Installation
from services.log.postgres import PostgresLogWriter
from services.runtime.connections import opened, refuse_pooler, url_of
from services.runtime.environment import from_environment
from services.runtime.production import refuse_unsafe, refuse_unsafe_accounts
from services.runtime.settings import OpeningSettings
from services.runtime.wrong import Wrong
from services.shared.secrets import Vault, load_vault
from services.shared.settings import InstallationSettings
from services.storage.accounts import AccountRegistry, count
from services.storage.dead_letters import DeadLetters
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.events import EventStore

# What a person, or a result that cannot be taken back, can wait for.
PATIENT_S = 10.0


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
async def open_installation(data: Path, *, connections: int = 6) -> AsyncIterator[Installation]:
    """Open, for a command, the distributed installation if the environment names one.

    Args:
        data: Else that of this folder; made if missing.
        connections: To the database, at most.

    Raises:
        services.storage.embedded.database.EmbeddedDatabaseError: The folder cannot be used.
        services.storage.migrate.SchemaRefused: The database is of a newer release.
        services.shared.errors.Unavailable: The database does not answer.
        services.shared.secrets.MasterKeyRefused: There is no usable master key.
        Wrong: The environment is not what an installation needs.
    """
    settings = from_environment(OpeningSettings)
    refuse_unsafe(settings, os.environ)
    is_embedded = settings.installation.database_url is None
    opener = open_embedded if is_embedded else open_distributed
    async with opener(data, settings, connections=connections) as installation:
        yield installation


@asynccontextmanager
async def open_embedded(
    data: Path,
    settings: OpeningSettings,
    *,
    connections: int,
    exclusive: bool = False,
    new_key: bool = False,
) -> AsyncIterator[Installation]:
    """Open the installation of a folder.

    Args:
        data: The folder; made if missing.
        settings: They may hold a master key, instead of the one in the folder.
        connections: To the database, at most.
        exclusive: Be the one fairlead of the folder, not a command beside it.
        new_key: Make a new master key if that of the folder is gone, though tokens need it.

    Raises:
        services.storage.embedded.database.EmbeddedDatabaseError: The folder cannot be used.
        services.storage.migrate.SchemaRefused: The database is of a newer release.
        services.shared.secrets.MasterKeyRefused: There is no usable master key.
        Wrong: An account has an address that production refuses.
    """
    async with (
        EmbeddedDatabase(data, exclusive=exclusive) as database,
        opened(database.dsn, connections) as (pool, _, wakeup),
    ):
        vault = load_vault(
            settings.installation.master_key,
            database.data_folder,
            sealed_accounts=await count(pool),
            new_key=new_key,
        )
        yield Installation(
            data=database.data_folder,
            database=database,
            pool=pool,
            wakeup=wakeup,
            log=PostgresLogWriter(pool, wakeup),
            **await _stores(pool, vault, settings),
        )


@asynccontextmanager
async def open_distributed(
    data: Path, settings: OpeningSettings, *, connections: int
) -> AsyncIterator[Installation]:
    """Open the distributed installation; its database is brought up to date.

    Raises:
        services.storage.migrate.SchemaRefused: The database is of a newer release.
        services.shared.errors.Unavailable: The database does not answer.
        services.shared.secrets.MasterKeyRefused: There is no master key.
        Wrong: The database does not let us in, or an account has an address that production
            refuses.
    """
    # Half a second of imports, which a command in a folder does not wait for.
    from services.log.kafka_writer import KafkaLogWriter  # noqa: PLC0415

    url = settings.installation.database_url
    assert url is not None, "a distributed installation has one"  # noqa: S101
    # Of the settings alone: a file would be another one on each machine.
    vault = load_vault(settings.installation.master_key)
    await refuse_pooler(url_of(url))
    async with (
        opened(url_of(url), connections, settings.installation.database_pooler_url) as (
            pool,
            direct,
            wakeup,
        ),
        KafkaLogWriter(settings.kafka, INBOUND, answer_within_s=PATIENT_S) as writer,
    ):
        yield Installation(
            data=await asyncio.to_thread(lambda: data.expanduser().resolve()),
            database=None,
            direct=direct,
            kafka=settings.kafka,
            pool=pool,
            wakeup=wakeup,
            log=writer,
            **await _stores(pool, vault, settings),
        )


async def _stores(pool: asyncpg.Pool, vault: Vault, settings: OpeningSettings) -> dict[str, Any]:
    """What is the same in both kinds of installation."""
    accounts, here = AccountRegistry(pool, vault), settings.installation
    if here.is_production:
        await refuse_unsafe_accounts(accounts)
    return {
        "events": EventStore(pool),
        "accounts": accounts,
        "dead_letters": DeadLetters(pool, vault, settings.dead_letters),
        "public_url": here.public_url,
        "is_production": here.is_production,
        "kommo_address": here.kommo_address,
        "access_settings": settings.access,
        "raw_body_settings": settings.raw_bodies,
    }
