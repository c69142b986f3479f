"""Everything breaks under load: roles, brokers and the database; nothing is lost, nothing twice."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from contracts.topics import INBOUND
from deploy.kafka.broker import Broker
from tests.support.campaign import Tally, rounds
from tests.support.cluster import Cluster, cluster
from tests.support.waiting import lasting, until
from tests.system.checks import agrees, all_set, decided, settled

pytestmark = pytest.mark.fault

# The long form has a thousand leads.
LEADS = 200 if rounds() == 1 else 1_000
NODES = (1, 3)
PORTIONS = 20
PAUSE_MAX_S = 0.5
WITHIN_S = 300.0
# What ingress cannot take while it is dead comes again soon.
KNOBS = {
    "duplicate_fraction": 0.2,
    "time_scale": 0.004,
    "disable_after": 1_000_000,
}


@asynccontextmanager
async def under_load(
    folder: Path, judged: Callable[[Tally], None], **others: Any
) -> AsyncIterator[Cluster]:
    """Leads come all the while; in the end all are set, and the records prove I1 to I10."""
    async with cluster(folder, knobs=KNOBS, **others) as system:
        await _keep_the_address(system)
        lead_ids = await system.new_leads(LEADS)
        moving = asyncio.create_task(_move(system, lead_ids))
        yield system
        await moving
        await until(lambda: all_set(system, lead_ids), within_s=WITHIN_S)
        await until(lambda: agrees(system, lead_ids), within_s=WITHIN_S, every_s=0.5)
        judged(await _tally(system, lead_ids))
        await settled(system, lead_ids)
        # The one that was started last may be told before it can listen.
        assert set((await system.roles.stop()).values()) <= {0, -signal.SIGTERM}


async def test_F12_F13_F14_roles_that_die_end_and_freeze_under_load_cost_nothing(
    tmp_path: Path, chance: random.Random, judged: Callable[[Tally], None]
) -> None:
    async with under_load(tmp_path, judged, counts={"allocator": 3, "gateway": 2}) as system:
        names = sorted(system.roles.processes)
        for name in chance.sample(names, len(names)):
            process = system.process(name)
            match chance.choice(("kill", "stop", "freeze")):
                case "kill":
                    await process.kill()
                case "stop":
                    await process.stop()
                case _:
                    process.freeze()
            await lasting(chance.uniform(0, PAUSE_MAX_S))
            if process.is_running:
                process.thaw()
            else:
                await process.start()
    assert "Traceback" not in system.logs()


@pytest.mark.parametrize("nodes", NODES)
async def test_F16_F38_brokers_and_the_database_that_die_under_load_cost_nothing(
    tmp_path: Path, chance: random.Random, judged: Callable[[Tally], None], nodes: int
) -> None:
    async with under_load(tmp_path, judged, counts={"allocator": 3}, nodes=nodes) as system:
        blows = [Broker.kill, Broker.stop, None]
        for blow in chance.sample(blows, len(blows)):
            if blow is None:
                await _database_dies(system)
            else:
                broker = await _leader(system, chance)
                await asyncio.to_thread(blow, broker)
                await lasting(chance.uniform(0, PAUSE_MAX_S))
                await asyncio.to_thread(broker.start)


async def _move(system: Cluster, lead_ids: Sequence[int]) -> None:
    size = len(lead_ids) // PORTIONS
    for first in range(0, len(lead_ids), size):
        await system.move(list(lead_ids[first : first + size]))
        await lasting(PAUSE_MAX_S)


async def _tally(system: Cluster, lead_ids: list[int]) -> Tally:
    """What Kommo's own journal and our log say."""
    async with system.opened() as installation:
        events = await installation.events.stream(system.account_id, 0, 1_000_000)
    chosen, writes = decided(events), await system.writes()
    return Tally(
        accepted=len(lead_ids),
        decided=len(chosen),
        confirmed=len(writes),
        lost=len(set(lead_ids) - (set(chosen) & set(writes))),
        twice=sum(max(chosen[lead_id], writes[lead_id]) > 1 for lead_id in lead_ids),
    )


async def _keep_the_address(system: Cluster) -> None:
    """Kommo sends its hooks where ingress was at first."""
    ingress = system.process("ingress-1")
    port = (await ingress.address()).rpartition(":")[2]
    ingress.options = (f"--port={port}",)


async def _database_dies(system: Cluster) -> None:
    """No commit is waited for."""
    pid = system.database.pid()
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)

    async def is_gone() -> bool:
        process = system.database._process
        return process is None or process.poll() is not None

    await until(is_gone)
    await asyncio.to_thread(system.database.revive)


async def _leader(system: Cluster, chance: random.Random) -> Broker:
    """The broker that leads some partition of the inbound log."""
    admin = AIOKafkaAdminClient(bootstrap_servers=system.kafka.servers)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([INBOUND])
    finally:
        await admin.close()
    node_id = topic["partitions"][chance.randrange(system.kafka.partitions)]["leader"]
    return system.brokers[node_id - 1]
