"""What durability costs a webhook: the same ingress over the real log and over none."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.kommo.forms import encode_form
from services.ingress.app import serve
from services.ingress.settings import IngressSettings
from services.log.port import Entry, LogWriter
from services.log.postgres import PostgresLogWriter
from services.sandbox.sender import Sender
from services.secrets import digest_of, new_webhook_secret
from services.storage.dead_letters import DeadLetters
from tests.bench.database import bench_pool
from tests.bench.figures import Figure, ratio

ACCOUNT_ID = 1
HOOKS = 1_000
IN_FLIGHT = 256
RUNS = 5
HEADERS = b"Content-Type: application/x-www-form-urlencoded\r\n"


class NoLog:
    """Forgets everything at once."""

    async def publish(self, entries: Sequence[Entry]) -> None:
        del entries


async def measure_ingress(folder: Path) -> list[Figure]:
    """1,000 webhooks at once, durable and not."""
    durable: list[float] = []
    fleeting: list[float] = []
    latencies: list[float] = []
    async with bench_pool(folder) as pool:
        for _ in range(RUNS + 1):
            took, p99 = await webhooks(pool, PostgresLogWriter(pool))
            durable.append(took)
            latencies.append(p99 * 1_000)
            fleeting.append((await webhooks(pool, NoLog()))[0])
    # The first round warms up.
    return [
        ratio("ingress: durable / not durable, 1,000 webhooks at once", durable[1:], fleeting[1:]),
        Figure("ingress: p99 of a durable answer, 1,000 at once", latencies[1:], "ms"),
        Figure("ingress: durable webhooks", [HOOKS / each for each in durable[1:]], "per s"),
    ]


async def webhooks(pool: Any, log_writer: LogWriter) -> tuple[float, float]:
    """A thousand at once; the seconds of all of them, and the 99th percentile of one."""
    secret = new_webhook_secret()

    class Accounts:
        async def webhook_digests(self) -> Mapping[bytes, int]:
            return {digest_of(secret): ACCOUNT_ID}

    stop, bound = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            log_writer=log_writer,
            dead_letters=DeadLetters(pool),
            accounts=Accounts(),
            settings=IngressSettings(burst=1_000_000),
            host="127.0.0.1",
            port=0,
            stop=stop,
            on_bound=bound.set_result,
        )
    )
    url = f"http://127.0.0.1:{await bound}/kommo/{secret.get_secret_value()}/"
    sender = Sender()
    waiting = asyncio.Semaphore(IN_FLIGHT)

    async def post(lead_id: int) -> float:
        async with waiting:
            started = time.perf_counter()
            status = await sender.post(url, HEADERS, _body(lead_id), limit_s=10)
            assert status == 200
            return time.perf_counter() - started

    started = time.perf_counter()
    each = await asyncio.gather(*(post(lead_id) for lead_id in range(1, HOOKS + 1)))
    took = time.perf_counter() - started
    sender.close()
    stop.set()
    await serving
    return took, statistics.quantiles(each, n=100)[98]


def _body(lead_id: int) -> bytes:
    lead = {"id": lead_id, "status_id": 2, "pipeline_id": 1, "old_status_id": 1}
    return encode_form(
        {
            "leads": {"status": {"0": {**lead, "old_pipeline_id": 1}}},
            "account": {"id": ACCOUNT_ID, "subdomain": "acme"},
        }
    )
