"""The inbound log loses its positions, its messages or itself: never "latest" without a word."""

import asyncio
import base64
import getpass
import re
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

from services.allocator.gaps import sweeps_after_gaps
from services.allocator.run import CONSUMER
from services.cli import gaps, roles
from services.cli.installation import Wrong
from services.log.kafka import partition_of, source_of
from services.log.kafka_reader import KafkaLogReader
from services.log.topics import apply
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.secrets import KEY_BYTES, Vault
from services.storage.accounts import AccountRegistry
from services.storage.asked_sweeps import AskedSweeps
from services.storage.events import EventStore
from services.tracing import UNTRACED
from tests.services.cli.conftest import command
from tests.support.campaign import Tally
from tests.support.engine import ACCOUNTS, Engine, allocating
from tests.support.kafka import PARTITIONS, topic_of
from tests.support.running import until

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
    await apply(engine.settings.servers, [topic_of(roles.ALLOCATIONS, engine.settings)])
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
    ((found, accounts),) = await gaps.stopped(installation)
    assert (found.partition, found.position, found.held.earliest) == (0, 0, 5)
    assert str(accounts) == "2 connected, 2 not yet read in full"

    await _refused(gaps.plan(installation, PARTITIONS, "earliest"), "expected 0 to 3")
    await _refused(gaps.plan(installation, 0, "latest"), "--at latest: expected earliest, or")
    await _refused(gaps.plan(installation, 0, "4"), f"--at 4: the log holds {found.holds}; nothing")
    await _refused(gaps.plan(installation, 1, "99999"), "partition 1 is not stopped: its position")
    planned = await gaps.plan(installation, 0, "earliest")
    assert isinstance(planned, gaps.Plan)
    assert planned.question == "Let partition 0 go on at 5?"
    assert "goes on at 5" in await gaps.resume(installation, planned)
    await _refused(gaps.resume(installation, planned), "partition 0 is no longer at 0")
    again = await gaps.plan(installation, 0, "earliest")
    assert again == "Partition 0 goes on already, it is at 5."
    assert await gaps.stopped(installation) == []
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
    await apply(engine.settings.servers, [topic_of(engine.topic, engine.settings)])
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
        assert told.out.count(f"administrator {getpass.getuser()}") == PARTITIONS
        await engine.everything_decided()

    tally = await engine.tally()
    assert (tally.decided, tally.lost, tally.twice) == (88, 0, 0)


def _installation(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine's database and topic, as a command and a process of roles see them."""
    for module in (gaps, roles):
        monkeypatch.setattr(module, "INBOUND", engine.topic)
    monkeypatch.setattr(roles, "ALLOCATIONS", f"{engine.topic}-allocations")
    return SimpleNamespace(
        kafka=engine.settings,
        pool=engine.pool,
        events=EventStore(engine.pool),
        accounts=AccountRegistry(engine.pool, Vault((bytes(KEY_BYTES),))),
    )


def _distributed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the same for commands."""
    monkeypatch.setattr(gaps, "INBOUND", engine.topic)
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", engine.dsn)
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", base64.b64encode(bytes(KEY_BYTES)).decode())
    for name, value in engine.settings.model_dump().items():
        monkeypatch.setenv(f"FAIRLEAD_KAFKA_{name.upper()}", str(value))


@asynccontextmanager
async def _role(installation: Any) -> AsyncIterator[Metrics]:
    """The allocator as `fairlead run` wires it."""
    metrics = Metrics()
    role = roles.Roles(
        installation, installation.kafka, Health().register, metrics, UNTRACED, asyncio.Event()
    )
    running = asyncio.create_task(role.allocator())
    yield metrics
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _are_stopped(metrics: Metrics, count: int) -> bool:
    return metrics.registry.get_sample_value("fairlead_sources_stopped") == count


async def _refused(asked: Coroutine[Any, Any, object], words: str) -> None:
    with pytest.raises(Wrong, match=re.escape(words)):
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
