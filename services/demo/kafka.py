"""The demo on the distributed installation, and the proof that it decides as the embedded one.

The messages are taken from Apache Kafka in their order and handed to the embedded log and its
allocator on a fresh database. Both logs of events must be the same byte for byte, and so must the
digests of the states that they lead to.
"""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from domain import snapshot
from services.allocator.accounts import Stores, load
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.application.installation import Installation
from services.demo.local_cluster import as_environment, make_cluster, prepared, running_cluster
from services.history.kafka_side import InboundTopic
from services.history.our_side import ALLOCATOR
from services.log.kafka import KafkaSettings, declared_topics
from services.log.port import Entry
from services.log.postgres import PostgresLogReader, PostgresLogWriter
from services.log.topics import apply
from services.runtime.installation import open_distributed
from services.runtime.settings import OpeningSettings
from services.shared.codec import encode_inbound
from services.shared.secrets import KEY_BYTES, Vault
from services.shared.settings import InstallationSettings
from services.storage.database import borrow, open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.events import EventStore
from services.storage.migrate import migrate
from services.storage.snapshots import SnapshotStore

PARTITIONS = 8
# Each process has a pool of its own.
DATABASE = {"max_connections": "200"}
FRESH = "decided_again"
ENTRIES_MAX = 1_000
REST_WITHIN_S = 60.0
LOOK_EVERY_S = 0.2
SELECT_EVENTS = """
SELECT originator_version, topic, state FROM account_events
WHERE originator_id = 'account-' || $1::bigint ORDER BY originator_version
"""


@dataclass(frozen=True, slots=True)
class Distributed:
    """The installation of a demo, its database's server, and where it receives webhooks."""

    installation: Installation
    database: EmbeddedDatabase
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the two engines made of the same messages.

    Attributes:
        first_difference: Version of the first event that differs, None if none does.
        digests: Of the states, of the distributed installation and of the embedded engine.
    """

    messages: int
    events: int
    first_difference: int | None
    digests: tuple[str, str]

    @property
    def is_same(self) -> bool:
        """Whether they decided the same."""
        return self.first_difference is None and self.digests[0] == self.digests[1]


@asynccontextmanager
async def distributed(
    folder: Path, servers: str, environment: Mapping[str, str]
) -> AsyncIterator[Distributed]:
    """Run one with a process per role, on topics of its own making and a database in the folder."""
    kafka = KafkaSettings(servers=servers, partitions=PARTITIONS, replication=1, in_sync_min=1)
    await apply(kafka, declared_topics(kafka))
    key = base64.b64encode(os.urandom(32)).decode()
    async with EmbeddedDatabase(folder / "database", settings=DATABASE) as database:
        told = {**as_environment(kafka), "FAIRLEAD_MASTER_KEY": key}
        addresses = await prepared(database)
        where = InstallationSettings(
            database_url=SecretStr(addresses["commands"]), master_key=SecretStr(key)
        )
        settings = OpeningSettings(installation=where, kafka=kafka)
        cluster = make_cluster(folder / "processes", {**told, **environment}, addresses)
        async with (
            running_cluster(cluster),
            open_distributed(folder, settings, connections=6) as installation,
        ):
            (ingress,) = cluster.of("ingress")
            yield Distributed(installation, database, await ingress.address())


async def compare(here: Distributed, account_id: int) -> Comparison:
    """Decide the account's messages again, by the embedded engine.

    Raises:
        TimeoutError: Messages came in without end.
    """
    messages, events = await _at_rest(here.installation, account_id)
    digest = await _digest(here.installation.pool, account_id)
    async with _fresh_pool(here) as pool:
        writer = PostgresLogWriter(pool)
        for start in range(0, len(messages), ENTRIES_MAX):
            part = messages[start : start + ENTRIES_MAX]
            await writer.publish([Entry(account_id, message) for message in part])
        reader = PostgresLogReader(pool, CONSUMER)
        stores = Stores(EventStore(pool), SnapshotStore(pool))
        letters = DeadLetters(pool, Vault((os.urandom(KEY_BYTES),)))
        allocator = Allocator(
            reader, stores, AllocatorSettings(), on_stored=_nothing, seal=letters.sealed
        )
        while await allocator.step():
            pass
        await allocator.snapshotter.finish()
        again = await _events(pool, account_id)
        digests = digest, await _digest(pool, account_id)
    return Comparison(
        messages=len(messages),
        events=len(events),
        first_difference=_first_difference(events, again),
        digests=digests,
    )


async def _at_rest(installation: Installation, account_id: int) -> tuple[list[bytes], list[Any]]:
    """All messages and all events, at a moment when every message is decided."""
    assert installation.kafka is not None, "a distributed one"  # noqa: S101
    topic = InboundTopic(installation.kafka)
    async with asyncio.timeout(REST_WITHIN_S):
        while True:
            position = await installation.events.position(ALLOCATOR, topic.source_of(account_id))
            events = await _events(installation.pool, account_id)
            messages = await topic.messages(account_id, position or 0)
            if messages is not None:  # so nothing came in meanwhile
                return [encode_inbound(message) for message in messages], events
            await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _fresh_pool(here: Distributed) -> AsyncIterator[asyncpg.Pool]:
    owner = await asyncpg.connect(here.database.dsn)
    try:
        await owner.execute(f"CREATE DATABASE {FRESH}")
    finally:
        await owner.close()
    pool = await open_pool(here.database.dsn_of(FRESH))
    try:
        async with borrow(pool) as connection:
            await migrate(connection)
        yield pool
    finally:
        await pool.close()


async def _events(pool: asyncpg.Pool, account_id: int) -> list[Any]:
    async with borrow(pool) as connection:
        return [tuple(row) for row in await connection.fetch(SELECT_EVENTS, account_id)]


async def _digest(pool: asyncpg.Pool, account_id: int) -> str:
    account = await load(Stores(EventStore(pool), SnapshotStore(pool)), account_id)
    return snapshot.digest(account).hex()


def _first_difference(events: list[Any], again: list[Any]) -> int | None:
    for number in range(max(len(events), len(again))):
        if events[number : number + 1] != again[number : number + 1]:
            return number + 1
    return None


def _nothing() -> None:
    """Tell nobody."""
