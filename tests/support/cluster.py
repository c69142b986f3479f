"""The distributed installation on this machine: broker, database, each role a process.

    async with cluster(tmp_path) as system:
        lead_ids = await system.new_leads(200)
        await system.move(lead_ids)
        await system.process("allocator-1").kill()
        await system.process("allocator-1").start()

Processes are killed, frozen and started by name (`LocalProcess`), the broker and the database by
their own handles; whatever a test leaves in whichever state is ended afterwards.
"""

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from deploy.kafka.broker import Broker
from services.application.installation import Installation
from services.demo.kommo_process import local_kommo
from services.demo.local_cluster import (
    LocalCluster,
    LocalProcess,
    as_environment,
    make_cluster,
    prepared,
)
from services.history.kafka_side import InboundTopic
from services.log.kafka import KafkaSettings, declared_topics
from services.log.topics import apply
from services.runtime.installation import open_distributed
from services.runtime.settings import OpeningSettings
from services.shared.settings import InstallationSettings
from services.storage.embedded.database import EmbeddedDatabase
from tests.support.kafka import own_cluster, settings_of
from tests.support.running import FAST, LOG_CHARACTERS, System, connect_sample

# Each process has a pool of its own.
DATABASE = {"max_connections": "200"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(System):
    """All of it, connected, the sample rules in force and the trigger on its stage.

    Attributes:
        addresses: Of the database: every role, and commands, with a user of its own (S27).
    """

    folder: Path
    roles: LocalCluster
    brokers: tuple[Broker, ...]
    database: EmbeddedDatabase
    kafka: KafkaSettings
    settings: OpeningSettings
    addresses: Mapping[str, str]

    def opened(self) -> AbstractAsyncContextManager[Installation]:
        return open_distributed(self.folder, self.settings, connections=4)

    def topic(self) -> InboundTopic:
        return InboundTopic(self.kafka)

    def process(self, name: str) -> LocalProcess:
        """One process: `ingress-1`, `allocator-2`, ..."""
        return self.roles.processes[name]

    def logs(self) -> str:
        """What all processes have said."""
        return "".join(process.log() for process in self.roles.processes.values())


@asynccontextmanager
async def cluster(
    folder: Path,
    *,
    counts: Mapping[str, int] | None = None,
    knobs: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    kafka: Mapping[str, Any] | None = None,
    nodes: int = 1,
) -> AsyncIterator[Cluster]:
    """Start everything, connect the sample account, apply the sample rules.

    Args:
        folder: Of the test.
        counts: How many processes of a role, where it is neither one nor, of allocators, two.
        knobs: Of the local Kommo.
        environment: Of the processes.
        kafka: Fields of `KafkaSettings` that differ from the tests' own.
        nodes: Brokers; of three, each message has three copies.
    """
    knobs = {"retry_after_s": 1, **(knobs or {})}
    key = base64.b64encode(os.urandom(32)).decode()
    async with AsyncExitStack() as stack:
        opening = own_cluster(folder / "kafka", nodes=nodes)
        kafka_cluster = await asyncio.to_thread(stack.enter_context, opening)
        database = EmbeddedDatabase(folder / "database", settings=DATABASE)
        await stack.enter_async_context(database)
        copies = {"replication": min(nodes, 3), "in_sync_min": min(nodes, 2)}
        settings = settings_of(kafka_cluster.address, **copies, **(kafka or {}))
        await apply(settings, declared_topics(settings))
        kommo = await stack.enter_async_context(local_kommo(folder, leads=0, knobs=knobs))
        addresses = await prepared(database)
        roles = make_cluster(
            folder / "processes",
            {
                "FAIRLEAD_MASTER_KEY": key,
                **as_environment(settings),
                **FAST,
                **(environment or {}),
            },
            addresses,
            counts=counts,
        )
        stack.push_async_callback(roles.stop)
        await roles.start()
        address = await roles.of("ingress")[0].address()
        where = InstallationSettings(
            database_url=SecretStr(addresses["commands"]), master_key=SecretStr(key)
        )
        opening_settings = OpeningSettings(installation=where, kafka=settings)
        try:
            async with open_distributed(folder, opening_settings, connections=4) as installation:
                connected = await connect_sample(kommo, installation, address)
            system = Cluster(
                kommo=kommo,
                account_id=connected.account_id,
                hook_url=connected.hook_url,
                folder=folder,
                roles=roles,
                brokers=kafka_cluster.brokers,
                database=database,
                kafka=settings,
                settings=opening_settings,
                addresses=addresses,
            )
            yield system
        except BaseException:
            for name, process in roles.processes.items():  # the folder goes, this is shown
                sys.stderr.write(f"{name}:\n{process.log()[-LOG_CHARACTERS:]}\n")
            raise
