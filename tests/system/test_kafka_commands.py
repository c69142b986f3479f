"""Commands and the API on a distributed installation, and `web` killed in the middle of each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from random import Random

import asyncpg
import httpx
import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from contracts.events import CreditMoved, Recorded
from contracts.topics import ALLOCATIONS
from services.access.roles import Scope
from services.application.installation import WEB_FILE
from services.log.kafka import key_of
from services.shared.codec import EVENT_NAMES
from services.shared.failpoints import POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE
from tests.services.cli.conftest import Said, process
from tests.support.cluster import Cluster, cluster
from tests.support.sse import Reader, Told, told
from tests.support.waiting import until
from tests.system.checks import all_set

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = "web-1"
KILLS = 3
LEADS = 12
PLACES = 12
WITHIN_S = 120.0
CORRECTION = {"credit_units": 1_000_000_000, "reason": "was ill"}
# A replay keeps that it looks before it begins: it waits here as long as somebody holds this.
HOLD = "LOCK TABLE access_log IN ACCESS EXCLUSIVE MODE"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A process of each role, `web` too."""
    folder = tmp_path_factory.mktemp("kafka")
    counts, environment = {"allocator": 1, "web": 1}, {"FAIRLEAD_WEB_PORT": "0"}
    async with cluster(folder, counts=counts, environment=environment) as found:
        yield found


async def test_F33_commands_reach_the_processes_and_poison_is_listed_tried_and_dropped(
    system: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in system.process("clock-1").environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", system.addresses["commands"])

    async def say(*words: object) -> Said:
        return await asyncio.to_thread(process, tmp_path / "elsewhere", *words)

    (lead_id,) = await system.new_leads(1)
    await system.move([lead_id])
    await until(lambda: all_set(system, [lead_id]))
    explained = await say("explain", lead_id)
    told = " ".join(explained.out.split())
    assert f'got lead {lead_id} under rule "Requests from the site"' in told
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


async def test_A8_1_F11_a_feed_is_resumed_whole_whenever_its_process_is_killed(
    system: Cluster,
) -> None:
    """What a reader gets of one stream after the other is the store: no gap, nothing twice."""
    key = await _key(system, "read")
    found: list[Told] = []
    following = asyncio.create_task(_follow(system, key, found))

    def has_come(count: int) -> bool:
        return following.done() or len(found) >= count

    try:
        for _ in range(KILLS):
            leads, before = await system.new_leads(LEADS), len(found)
            await system.move(leads)
            # In the middle: some of it has come, and more is on its way.
            await until(lambda before=before: has_come(before + 1), WITHIN_S)
            await system.process(WEB).kill()
            await system.process(WEB).start()
            await until(lambda leads=leads: all_set(system, leads), WITHIN_S)
        head = len(await _stored(system))
        await until(lambda: has_come(head), WITHIN_S)
    finally:
        following.cancel()
        await asyncio.wait({following})
    stored = _names(await _stored(system))

    assert len(found) >= head
    assert [(each.id, each.event) for each in found] == stored[: len(found)]
    chance = Random(8)
    for version in (0, *chance.sample(range(1, head), PLACES)):
        async with await _asking(system, key) as http:
            again = await _up_to(http, after=version, last=head)
        assert [(each.id, each.event) for each in again] == stored[version:head]


async def test_A5_2_F11_a_command_whose_process_is_killed_before_it_answers_took_effect_once(
    system: Cluster,
) -> None:
    key, web = await _key(system, "ledger"), system.process(WEB)
    before, plain = await _moved(system), web.environment
    await web.kill()
    web.environment = {
        **plain,
        PROFILE_VARIABLE: TEST_PROFILE,
        POINTS_VARIABLE: "api.after_commit@1=kill",
    }
    await web.start()
    async with await _asking(system, key) as http:
        with pytest.raises(httpx.TransportError):
            await _correct(http)
    await web.wait()
    web.environment = plain
    await web.start()
    async with await _asking(system, key) as http:
        again = await _correct(http)

    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json()["command"]["effect"] == "done"
    assert await _moved(system) == before + 1


async def test_A2_1_F11_a_job_whose_process_is_killed_is_done_by_the_next_one(
    system: Cluster,
) -> None:
    key, web = await _key(system, "read", "audit"), system.process(WEB)
    owner = await asyncpg.connect(system.database.dsn)
    place = ""

    async def state() -> tuple[str, int]:
        async with await _asking(system, key) as http:
            job = (await http.get(place)).raise_for_status().json()
        return job["state"], job["attempts"]

    async def is_under_way() -> bool:
        return await state() == ("running", 1)

    async def is_over() -> bool:
        return (await state())[0] not in ("queued", "running")

    try:
        async with owner.transaction():
            await owner.execute(HOLD)
            async with await _asking(system, key) as http:
                given = await http.post(
                    "jobs", json={"kind": "replay"}, headers={"idempotency-key": "a-job"}
                )
            place = f"jobs/{given.raise_for_status().json()['job_id']}"
            await until(is_under_way, WITHIN_S)
            await web.kill()
        await web.start()
        await until(is_over, WITHIN_S)
    finally:
        await owner.close()
    async with await _asking(system, key) as http:
        audited = (await http.get(f"{place}/result")).raise_for_status().json()

    assert await state() == ("finished", 2)
    assert audited["fault"] is None
    assert audited["events"] > 0


async def _follow(system: Cluster, key: str, found: list[Told]) -> None:
    """Read for ever, as browsers do: after a cut, from the last id on."""
    last_id = "0"
    while True:
        with suppress(httpx.TransportError):
            async with (
                await _asking(system, key) as http,
                http.stream("GET", "feed", headers={"last-event-id": last_id}) as answer,
            ):
                answer.raise_for_status()
                async for event in told(answer.aiter_raw(), Reader(last_id=last_id)):
                    found.append(event)
                    last_id = event.id


async def _up_to(http: httpx.AsyncClient, *, after: int, last: int) -> list[Told]:
    found: list[Told] = []
    async with http.stream("GET", "feed", params={"after": after}) as answer:
        async for event in told(answer.aiter_raw()):
            found.append(event)
            if event.id == str(last):
                return found
    raise AssertionError(f"it ended before {last}")


async def _asking(system: Cluster, key: str) -> httpx.AsyncClient:
    """A client of the account's part of the API, as soon as the process of now serves it."""
    web, address = system.process(WEB), ""

    async def is_served() -> bool:
        nonlocal address
        file = web.folder / WEB_FILE
        found = orjson.loads(file.read_bytes()) if file.exists() else {}
        address = found.get("address", "")
        if web.process is None or found.get("pid") != web.process.pid:
            return False
        async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
            with suppress(httpx.TransportError):
                return (await http.get("/api/v1/openapi.json")).status_code == httpx.codes.OK
        return False

    await until(is_served, WITHIN_S)
    return httpx.AsyncClient(
        base_url=f"{address}/api/v1/accounts/{system.account_id}/",
        headers={"authorization": f"Bearer {key}"},
        trust_env=False,
        timeout=WITHIN_S,
    )


async def _key(system: Cluster, *scopes: Scope) -> str:
    """As whoever is at the machine makes one."""
    async with system.opened() as installation:
        _, text = await installation.who_may().keys.make(
            label="a test",
            account_id=system.account_id,
            scopes=scopes,
            person_id=None,
            made_by="cli:root",
        )
    return text.get_secret_value()


async def _correct(http: httpx.AsyncClient) -> httpx.Response:
    headers = {"idempotency-key": "a-correction", "prefer": "wait=10"}
    return await http.post("managers/501/corrections", json=CORRECTION, headers=headers)


async def _stored(system: Cluster) -> list[Recorded]:
    async with system.opened() as installation:
        return await installation.events.stream(system.account_id, 0, 1_000_000)


async def _moved(system: Cluster) -> int:
    return sum(isinstance(each.event, CreditMoved) for each in await _stored(system))


def _names(events: list[Recorded]) -> list[tuple[str, str]]:
    return [(str(each.version), EVENT_NAMES[type(each.event)]) for each in events]


async def _publish(system: Cluster, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=system.kafka.servers)
    await producer.start()
    await producer.send_and_wait(ALLOCATIONS, value, key=key_of(system.account_id))
    await producer.stop()


async def _is_kept(system: Cluster) -> bool:
    async with system.opened() as installation:
        return await installation.dead_letters.count() == 1
