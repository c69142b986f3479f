"""Commands on a distributed installation, as a person gives them: by the environment alone."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from contracts.topics import ALLOCATIONS
from services.log.kafka import key_of
from tests.services.cli.conftest import Said, process
from tests.support.cluster import Cluster, cluster
from tests.support.waiting import until
from tests.system.checks import all_set


async def test_F33_commands_reach_the_processes_and_poison_is_listed_tried_and_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(tmp_path, counts={"allocator": 1}) as system:
        for name, value in system.process("clock-1").environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("FAIRLEAD_DATABASE_URL", system.addresses["commands"])

        async def say(*words: object) -> Said:
            return await asyncio.to_thread(process, tmp_path / "elsewhere", *words)

        (lead_id,) = await system.new_leads(1)
        await system.move([lead_id])
        await until(lambda: all_set(system, [lead_id]))
        explained = await say("explain", lead_id)
        assert f'got lead {lead_id} under rule "site"' in explained.out
        assert "the same decision" in explained.out

        assert (await say("pause", 501, "--reason", "lunch")).out == "Ana Souza is paused.\n"
        assert (await say("pause", 501, "--reason", "lunch")).out == (
            "Ana Souza was already paused like that.\n"
        )
        assert (await say("resume", 501)).out == "Ana Souza takes leads again.\n"
        assert (await say("rules", "show")).out.startswith("# Revision 1, applied by")
        assert "loads is rebuilt from" in (await say("projections", "rebuild", "loads")).out

        await _publish(system, b'{"v":9}')
        await until(lambda: _is_kept(system))
        listed = await say("dead", "list")
        assert "fairlead.allocations.v1/" in listed.out
        doctor = await say("doctor")
        assert (doctor.status, "look at them: fairlead dead list" in doctor.out) == (1, True)
        assert "topics as declared" in doctor.out
        assert "not running" not in doctor.out
        tried = await say("dead", "retry", 1)
        assert "Dead letter 1 is still not understood: allocation: " in tried.err
        dropped = await say("dead", "drop", 1, "--reason", "a test")
        assert dropped.out == "Dead letter 1 is dropped.\n"

        (another,) = await system.new_leads(1)  # nothing is blocked
        await system.move([another])
        await until(lambda: all_set(system, [another]))
        assert not (tmp_path / "elsewhere").exists()


async def _publish(system: Cluster, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=system.kafka.servers)
    await producer.start()
    await producer.send_and_wait(ALLOCATIONS, value, key=key_of(system.account_id))
    await producer.stop()


async def _is_kept(system: Cluster) -> bool:
    async with system.opened() as installation:
        return await installation.dead_letters.count() == 1
