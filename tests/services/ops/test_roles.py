"""What the roles count, shown for what really happened to them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.allocator import run
from services.gateway import app
from services.gateway.settings import GatewaySettings, PushSettings
from services.kommo.limiter import Limiter, Priority
from services.kommo.settings import LimiterSettings
from services.log.postgres import PostgresLogWriter
from services.ops.metrics import Metrics
from services.ops.roles import AllocatorMetrics, GatewayMetrics, IngressMetrics
from services.projector.schema import prepare
from services.sandbox.sample import ACCOUNT_ID
from tests.services.allocator.kit import Desk, drain, leads
from tests.services.gateway.test_app import decide
from tests.services.gateway.world import ScaledTiming, running, world
from tests.services.ingress.harness import (
    SECRET,
    MemoryLog,
    ingress,
    plain_trigger,
    request,
)
from tests.services.ops.harness import Samples, samples_of, samples_when
from tests.support.waiting import until


def answered(samples: Samples) -> dict[str, float]:
    prefix = 'fairlead_webhooks_answered_total{answer="'
    return {
        name.removeprefix(prefix).removesuffix('"}'): value
        for name, value in samples.items()
        if name.startswith(prefix) and value
    }


@pytest.mark.server
async def test_F31_webhooks_are_counted_by_their_answer() -> None:
    metrics = Metrics()
    async with ingress(meter=IngressMetrics(metrics.registry), body_bytes_max=1_024) as here:
        before = answered(await samples_of(metrics))
        for _ in range(3):
            await here.post(plain_trigger())
        await here.post(plain_trigger(), secret="unknown")  # noqa: S106 - opens nothing
        await here.post(b"x" * 2_000)
        await here.client.get(f"/kommo/{SECRET}/")
        _, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(request(plain_trigger())[:-10])
        await writer.drain()
        writer.close()
        after = answered(await samples_when(metrics, lambda s: answered(s).get("none")))

    assert before == {}
    assert after == {"200": 3, "404": 1, "413": 1, "none": 1}


@pytest.mark.server
async def test_F15_F75_the_spool_shows_what_waits_and_how_full_it_is(tmp_path: Path) -> None:
    metrics, log = Metrics(), MemoryLog(is_down=True)
    meter = IngressMetrics(metrics.registry)
    assert (await samples_of(metrics))["fairlead_spool_usable"] == 0
    async with ingress(
        log=log,
        meter=meter,
        spool_file=tmp_path / "spool.db",
        spool_rows_max=4,
        drain_pause_min_ms=10,
        drain_pause_max_ms=10,
    ) as here:
        empty = await samples_of(metrics)
        for lead_id in (1, 2, 3):
            assert (await here.post(plain_trigger(lead_id))).status_code == 200
        three = await samples_of(metrics)
        assert (await here.post(plain_trigger(4))).status_code == 200
        full = await samples_of(metrics)
        log.is_down = False
        await until(lambda: len(log.messages()) >= 4)
        drained = await samples_when(metrics, lambda s: not s["fairlead_spool_messages"])

    def spool(samples: Samples) -> list[float]:
        names = ("usable", "messages", "filled_ratio")
        return [samples[f"fairlead_spool_{name}"] for name in names]

    assert [spool(s) for s in (empty, three, full, drained)] == [
        [1, 0, 0],
        [1, 3, 0.75],
        [0, 4, 1],
        [1, 0, 0],
    ]
    assert full["fairlead_spool_bytes"] > three["fairlead_spool_bytes"] > 0
    assert drained["fairlead_spool_bytes"] == 0


async def test_batches_of_the_allocator_their_size_and_time(pool: Any) -> None:
    metrics, desk = Metrics(), Desk(pool)
    allocator = desk.allocator(meter=AllocatorMetrics(metrics.registry))
    await desk.open()
    await desk.tell(*leads(8))
    await drain(allocator)
    samples = await samples_of(metrics)
    events = len(await desk.log())

    assert samples["fairlead_batch_messages_count"] == 1
    assert samples["fairlead_batch_messages_sum"] == 10
    assert samples['fairlead_batch_messages_bucket{le="5.0"}'] == 0
    assert samples['fairlead_batch_messages_bucket{le="10.0"}'] == 1
    assert samples["fairlead_batch_decision_seconds_count"] == 1
    assert samples["fairlead_batch_decision_seconds_sum"] > 0
    assert samples["fairlead_events_recorded_total"] == events
    assert samples["fairlead_sources_stopped"] == 0


async def test_F33_a_source_that_stopped_is_shown_until_it_goes_on(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    metrics, desk, now = Metrics(), Desk(pool), 0.0
    await desk.tell(*leads(3))
    with capture_logs(), monkeypatch.context() as patch:
        patch.setattr(run, "decide", broken)
        allocator = desk.allocator(
            meter=AllocatorMetrics(metrics.registry),
            monotonic=lambda: now,
            poisonous_in_row_max=1,
            stopped_s=30,
        )
        await drain(allocator)
    stopped = await samples_of(metrics)
    now = 31.0
    await drain(allocator)

    assert stopped["fairlead_sources_stopped"] == 1
    assert (await samples_of(metrics))["fairlead_sources_stopped"] == 0


def called(method: str, outcome: str) -> str:
    return f'fairlead_kommo_calls_total{{method="{method}",outcome="{outcome}"}}'


async def test_F54_F58_calls_to_kommo_by_outcome_and_accounts_that_do_not_let_us_in(
    pool: Any,
) -> None:
    await prepare(pool)
    metrics = Metrics()
    stopped = f'fairlead_stopped_accounts{{account="{ACCOUNT_ID}",status="402"}}'
    async with world(3) as here:
        await decide(pool, here.lead_ids)
        here.sandbox.knobs.turn({"error_next": 1_000_000, "error_status": 402})
        work = app.run(
            GatewaySettings(
                limiter=LimiterSettings(rate_per_s=100), push=PushSettings(stopped_s=10)
            ),
            pool=pool,
            accounts=here.accounts,
            writer=PostgresLogWriter(pool),
            timing=here.timing,
            meter=GatewayMetrics(metrics.registry),
        )
        async with running(work):
            unpaid = await samples_when(metrics, lambda s: stopped in s)
            here.sandbox.knobs.turn({"error_next": 0})
            paid = await samples_when(
                metrics, lambda s: stopped not in s and s[called("PATCH", "answered")]
            )

    assert unpaid[stopped] == 1
    assert unpaid[called("PATCH", "answered")] == 0
    assert unpaid[called("PATCH", "stopped")] + unpaid[called("GET", "stopped")] > 0
    assert paid[called("PATCH", "answered")] == len(here.requests("PATCH")) - sum(
        row.status == 402 for row in here.requests("PATCH")
    )


async def test_F47_the_limiter_shows_its_pause_and_who_waits() -> None:
    metrics = Metrics()
    limiter = Limiter(LimiterSettings(rate_per_s=1_000.0), ScaledTiming(1.0))
    GatewayMetrics(metrics.registry).gateway_built(limiter, Nobody())

    def state(samples: Samples) -> tuple[float, float, float]:
        waiting, closed_s, blocked = (
            samples[f"fairlead_limiter_{name}"]
            for name in ("waiting_calls", "closed_seconds", "blocked")
        )
        return waiting, closed_s, blocked

    assert state(await samples_of(metrics)) == (0, 0, 0)
    async with limiter.turn(Priority.PUSH) as turn:
        await turn.start()
        await turn.limited(300)
    async with running(_take(limiter)):
        await asyncio.sleep(0)
        waits, closed_s, blocked = state(await samples_of(metrics))
        assert (waits, blocked) == (1, 0)
        assert 0 < closed_s <= 300


async def test_F48_a_blocked_address_is_shown() -> None:
    metrics, limiter = Metrics(), Limiter()
    GatewayMetrics(metrics.registry).gateway_built(limiter, Nobody())
    async with limiter.turn(Priority.PUSH) as turn:
        await turn.start()
        await turn.blocked()

    assert (await samples_of(metrics))["fairlead_limiter_blocked"] == 1


async def _take(limiter: Limiter) -> None:
    async with limiter.turn(Priority.PUSH):
        pass


class Nobody:
    """No account is stopped."""

    stopped: dict[int, int] = {}  # noqa: RUF012 - never changed
