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
from services.cli.installation import Installation, open_distributed
from services.cli.kommo_process import local_kommo
from services.cli.local_cluster import LocalCluster, LocalProcess, as_environment, make_cluster
from services.cli.roles import Role
from services.embedded import EmbeddedDatabase
from services.history.kafka_side import InboundTopic
from services.log.kafka import KafkaSettings, declared_topics
from services.log.topics import apply
from services.secrets import Vault
from tests.support.kafka import own_cluster, settings_of
from tests.support.running import FAST, LOG_CHARACTERS, System, connect_sample

# Each process has a pool of its own.
DATABASE = {"max_connections": "200"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(System):
    """All of it, connected, the sample rules in force and the trigger on its stage."""

    folder: Path
    roles: LocalCluster
    brokers: tuple[Broker, ...]
    database: EmbeddedDatabase
    kafka: KafkaSettings
    vault: Vault

    def opened(self) -> AbstractAsyncContextManager[Installation]:
        url = SecretStr(self.database.dsn)
        return open_distributed(self.folder, url, self.kafka, self.vault, connections=4)

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
    counts: Mapping[Role, int] | None = None,
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
    key = os.urandom(32)
    async with AsyncExitStack() as stack:
        opening = own_cluster(folder / "kafka", nodes=nodes)
        kafka_cluster = await asyncio.to_thread(stack.enter_context, opening)
        database = EmbeddedDatabase(folder / "database", settings=DATABASE)
        await stack.enter_async_context(database)
        copies = {"replication": min(nodes, 3), "in_sync_min": min(nodes, 2)}
        settings = settings_of(kafka_cluster.address, **copies, **(kafka or {}))
        await apply(settings.servers, declared_topics(settings))
        kommo = await stack.enter_async_context(local_kommo(folder, leads=0, knobs=knobs))
        roles = make_cluster(
            folder / "processes",
            {
                "FAIRLEAD_DATABASE_URL": database.dsn,
                "FAIRLEAD_MASTER_KEY": base64.b64encode(key).decode(),
                **as_environment(settings),
                **FAST,
                **(environment or {}),
            },
            counts=counts,
        )
        stack.push_async_callback(roles.stop)
        await roles.start()
        address = await roles.of("ingress")[0].address()
        vault, url = Vault((key,)), SecretStr(database.dsn)
        try:
            async with open_distributed(
                folder, url, settings, vault, connections=4
            ) as installation:
                connected = await connect_sample(kommo, installation, address, folder)
            system = Cluster(
                kommo=kommo,
                account_id=connected.account_id,
                hook_url=connected.hook_url,
                folder=folder,
                roles=roles,
                brokers=kafka_cluster.brokers,
                database=database,
                kafka=settings,
                vault=vault,
            )
            yield system
        except BaseException:
            for name, process in roles.processes.items():  # the folder goes, this is shown
                sys.stderr.write(f"{name}:\n{process.log()[-LOG_CHARACTERS:]}\n")
            raise
