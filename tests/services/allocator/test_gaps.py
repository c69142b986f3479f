"""The inbound log loses its positions, its messages or itself: never "latest" without a word."""

import asyncio
import base64
import getpass
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import NoError
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import TopicPartition
from structlog.testing import capture_logs

from contracts.topics import ALLOCATIONS
from services.allocator.gaps import sweeps_after_gaps
from services.allocator.run import CONSUMER
from services.application import gaps
from services.application.refused import Refused
from services.demo.local_cluster import as_environment
from services.log.kafka import partition_of, source_of
from services.log.kafka_reader import KafkaLogReader
from services.log.topics import apply
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.runtime import distributed
from services.runtime.listening import Address
from services.runtime.roles import ROLES, Process
from services.runtime.settings import EverySetting
from services.shared.secrets import KEY_BYTES, Vault
from services.shared.tracing import UNTRACED
from services.storage.accounts import AccountRegistry
from services.storage.asked_sweeps import AskedSweeps
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from tests.services.cli.conftest import command
from tests.support.campaign import Tally
from tests.support.engine import ACCOUNTS, Engine, allocating
from tests.support.kafka import PARTITIONS, topic_of
from tests.support.running import TESTER
from tests.support.waiting import until

pytestmark = pytest.mark.fault

CONNECT = """
INSERT INTO accounts
    (account_id, subdomain, base_url, token_encrypted, webhook_secret_sha256, timezone)
SELECT n, 'acme', 'http://127.0.0.1:9', '', sha256(n::text::bytea), 'UTC'
FROM unnest($1::bigint[]) AS n
"""


@asynccontextmanager
async def administrator(engine: Engine) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=engine.settings.servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def test_F22_without_its_groups_positions_it_goes_on_where_the_events_end(
    engine: Engine, judged: Callable[[Tally], None]
) -> None:
    first = await engine.start()
    await engine.tell(200)
    await engine.everything_decided()
    assert await first.stop() == 0
    await engine.tell(100)
    await _delete_group(engine, f"fairlead.{CONSUMER}")
    second = await engine.start()
    await engine.everything_decided()
    await engine.tell(100)
    await engine.everything_decided()

    judged(await engine.tally())
    assert second.count("batch_decided") > 0
    assert second.count("batch_recorded_before") == 0  # nothing was even read again


async def test_F22_F24_what_was_deleted_unread_stops_its_partition_until_a_person_lets_it_go_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = _installation(engine, monkeypatch)
    await apply(engine.settings, [topic_of(ALLOCATIONS, engine.settings)])
    await engine.pool.execute(CONNECT, ACCOUNTS)
    await engine.tell(80)
    async with administrator(engine) as admin:
        place = TopicPartition(engine.topic, 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=5)})
    with capture_logs() as lines:
        async with _role(installation) as metrics:
            await engine.decided(80 * (PARTITIONS - 1) // PARTITIONS)  # the others go on
            await until(lambda: _are_stopped(metrics, 1))

    (stopped,) = [line for line in lines if line["event"] == "source_stopped"]
    assert stopped["reason"] == (
        "messages 0 to 4 were deleted before they were read; when you know why:"
        " fairlead gaps resume 0"
    )
    assert await _asked(engine) == _accounts_in(0)
    (found,) = await gaps.stopped(installation, TESTER)
    assert (found.place.partition, found.place.position, found.place.held.earliest) == (0, 0, 5)
    assert (found.gap.is_deleted, found.accounts, found.unswept) == (True, 2, 2)

    await _refused(gaps.plan(installation, TESTER, PARTITIONS), "partition_unknown")
    await _refused(gaps.plan(installation, TESTER, 0, at=4), "offset_not_held")
    await _refused(gaps.plan(installation, TESTER, 1, at=99_999), "partition_not_stopped")
    planned = await gaps.plan(installation, TESTER, 0)
    assert (planned.gap, planned.position, planned.passed_over) == (found.gap, 5, 0)
    assert await gaps.resume(installation, TESTER, planned) == len(_accounts_in(0))
    await _refused(gaps.resume(installation, TESTER, planned), "partition_moved")
    again = await gaps.plan(installation, TESTER, 0)
    assert (again.gap, again.place.position) == (None, 5)
    assert await gaps.stopped(installation, TESTER) == []
    async with _role(installation):
        await engine.everything_decided()


async def test_F22_a_topic_made_anew_stops_what_was_ahead_of_it_until_a_person_has_seen_to_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _distributed(engine, monkeypatch)
    await engine.pool.execute(CONNECT, ACCOUNTS)
    async with allocating(engine):
        await engine.tell(80)
        await engine.everything_decided()
    async with administrator(engine) as admin:
        await admin.delete_topics([engine.topic])
    await until(lambda: _is_gone(engine))
    await apply(engine.settings, [topic_of(engine.topic, engine.settings)])
    await engine.tell(8)  # fewer than were there before
    async with allocating(engine, **_impatient(engine)) as reader:
        for partition in range(PARTITIONS):
            await until(lambda p=partition: _is_stopped(reader, engine, p))
        assert await _asked(engine) == sorted(ACCOUNTS)
        none_yet = await asyncio.to_thread(command, tmp_path, "gaps", "history")
        assert none_yet.out == "No partition was ever resumed.\n"
        listed = await asyncio.to_thread(command, tmp_path, "gaps", "list")
        assert listed.out.count("was made anew or restored from an older backup") == PARTITIONS
        asked = await asyncio.to_thread(command, tmp_path, "gaps", "resume", 0, typed="n\n")
        assert "Partition 0: the log ends at " in asked.out
        assert asked.out.endswith("Let partition 0 go on at 0? [y/N]: n\nNothing was changed.\n")
        for partition in range(PARTITIONS):
            said = await asyncio.to_thread(command, tmp_path, "gaps", "resume", partition, "--yes")
            assert f"Partition {partition} goes on at 0 when the allocator looks" in said.out
        again = await asyncio.to_thread(command, tmp_path, "gaps", "list")
        assert again.out == "No gaps.\n"
        told = await asyncio.to_thread(command, tmp_path, "gaps", "history")
        assert told.out.count(f"cli:{getpass.getuser()}") == PARTITIONS
        await engine.everything_decided()

    tally = await engine.tally()
    assert (tally.decided, tally.lost, tally.twice) == (88, 0, 0)


def _installation(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine's database and topic, as a command and a process of roles see them."""
    for module in (gaps, distributed):
        monkeypatch.setattr(module, "INBOUND", engine.topic)
    monkeypatch.setattr(distributed, "ALLOCATIONS", f"{engine.topic}-allocations")
    vault = Vault((bytes(KEY_BYTES),))
    return SimpleNamespace(
        kafka=engine.settings,
        pool=engine.pool,
        events=EventStore(engine.pool),
        accounts=AccountRegistry(engine.pool, vault),
        dead_letters=DeadLetters(engine.pool, vault),
    )


def _distributed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the same for commands."""
    monkeypatch.setattr(gaps, "INBOUND", engine.topic)
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", engine.dsn)
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", base64.b64encode(bytes(KEY_BYTES)).decode())
    for name, value in as_environment(engine.settings).items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def _role(installation: Any) -> AsyncIterator[Metrics]:
    """The allocator as `fairlead run` wires it."""
    metrics = Metrics()
    settings = EverySetting(kafka=installation.kafka)
    process = Process(
        settings=settings,
        peers=distributed.KafkaPeers(installation, settings),
        address=Address("127.0.0.1", 0, lambda _port: None),
        on_listening=lambda _role, _address: None,
        stop=asyncio.Event(),
        register=Health().register,
        metrics=metrics,
        traces=UNTRACED,
    )
    running = asyncio.create_task(ROLES["allocator"].work(process))
    yield metrics
    if running.done():
        running.result()  # it ended by itself: why
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _are_stopped(metrics: Metrics, count: int) -> bool:
    return metrics.registry.get_sample_value("fairlead_sources_stopped") == count


async def _refused(asked: Coroutine[Any, Any, object], code: str) -> None:
    with pytest.raises(Refused, match=code):
        await asked


def _impatient(engine: Engine) -> dict[str, Any]:
    on_gap = sweeps_after_gaps(engine.pool, engine.settings, engine.topic)
    return {"behind_for_s": 0.2, "look_again_s": 0.1, "on_gap": on_gap}


async def _is_stopped(reader: KafkaLogReader, engine: Engine, partition: int) -> bool:
    return source_of(engine.topic, partition) in reader.stopped


async def _is_gone(engine: Engine) -> bool:
    async with administrator(engine) as admin:
        return engine.topic not in await admin.list_topics()


async def _asked(engine: Engine) -> list[int]:
    return sorted(await AskedSweeps(engine.pool).open())


def _accounts_in(partition: int) -> list[int]:
    return sorted(each for each in ACCOUNTS if partition_of(each, PARTITIONS) == partition)


async def _delete_group(engine: Engine, group: str) -> None:
    async with administrator(engine) as admin:
        coordinator = await admin.find_coordinator(group)
        answer = await admin._send_request_to_node(coordinator, DeleteGroupsRequest([group]))
    assert answer.results == [(group, NoError.errno)]
