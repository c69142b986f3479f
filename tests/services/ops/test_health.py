"""Whether it lives and is ready, as a monitor sees it over HTTP."""

import asyncio

import httpx
import pytest
from structlog.testing import capture_logs

from services.ops import health as healths
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.server import serving
from services.ops.settings import OpsSettings
from services.shared.errors import Unavailable
from services.shared.logs import hide
from tests.services.ops.harness import ops

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healths, "FRESH_S", 0.0)


async def test_a_process_in_which_nothing_has_begun_lives_and_is_not_ready() -> None:
    async with ops() as here:
        assert (await here.http.get("/livez")).status_code == 200
        assert await here.ready() == (503, {"process": "nothing has begun yet"})


async def test_it_is_ready_when_every_part_is_and_says_which_is_not() -> None:
    health = Health()
    database, allocator = health.word_of("database"), health.word_of("allocator")
    async with ops(health) as here:
        assert await here.ready() == (503, {"allocator": "starting", "database": "starting"})
        database.ready()
        assert await here.ready() == (503, {"allocator": "starting", "database": None})
        allocator.ready()
        assert await here.ready() == (200, {"allocator": None, "database": None})
        database.not_ready("gone")
        assert await here.ready() == (503, {"allocator": None, "database": "gone"})


async def test_a_check_that_fails_or_never_ends_is_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(healths, "CHECK_WITHIN_S", 0.05)

    async def away() -> None:
        raise Unavailable("database: ConnectionRefusedError")

    async def never() -> None:
        await asyncio.Event().wait()

    async def wrong() -> None:
        raise LookupError("with who knows what in it")

    health = Health()
    health.register("away", away)
    health.register("never", never)
    health.register("wrong", wrong)
    with capture_logs() as logs:
        async with ops(health) as here:
            said = await here.ready()

    assert said == (
        503,
        {
            "away": "database: ConnectionRefusedError",
            "never": "no answer within 0 s",
            "wrong": "the check itself failed: LookupError",
        },
    )
    assert [line["part"] for line in logs if line["event"] == "health_check_failed"] == ["wrong"]


async def test_I13_however_many_ask_the_parts_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(healths, "FRESH_S", 60.0)
    looks = 0

    async def counted() -> None:
        nonlocal looks
        looks += 1

    health = Health()
    health.register("part", counted)
    async with ops(health) as here:
        await asyncio.gather(*(here.ready() for _ in range(20)))

    assert looks == 1


async def test_S19_S20_a_reason_names_no_secret_and_steers_no_terminal() -> None:
    hide("canary-of-a-token-81aa")
    health = Health()
    health.word_of("peer").not_ready("refused canary-of-a-token-81aa\x1b[2J" + "x" * 5_000)
    async with ops(health) as here:
        _, parts = await here.ready()

    reason = parts["peer"]
    assert reason is not None
    assert reason.startswith("refused ***\\u001b[2Jxxx")
    assert len(reason) == healths.REASON_CHARACTERS_MAX


async def test_S25_it_listens_on_loopback_and_knows_three_paths() -> None:
    assert OpsSettings().host == "127.0.0.1"
    async with ops() as here:
        answers = {
            path: (await here.http.get(path)).status_code
            for path in ("/livez", "/metrics", "/", "/docs", "/healthz", "/kommo/x/", "/metrics/x")
        }
        posted = await here.http.post("/metrics")
        metrics = await here.http.get("/metrics")

    assert [path for path, status in answers.items() if status == 200] == ["/livez", "/metrics"]
    assert {status for status in answers.values() if status != 200} == {404}
    assert posted.status_code == 405
    assert "server" not in metrics.headers
    assert metrics.headers["x-content-type-options"] == "nosniff"


async def test_a_port_that_is_taken_is_told_before_anything_runs() -> None:
    async with ops() as here:
        port = httpx.URL(here.address).port
        with pytest.raises(OSError, match="in use"):
            async with serving(OpsSettings(port=port), health=Health(), metrics=Metrics()):
                raise AssertionError("unreachable")
