"""What one account's flood costs the others: their p95 with it and without, in turn (F70)."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from contracts.kommo.forms import encode_form
from services.ingress.app import serve
from services.ingress.settings import IngressSettings
from services.log.postgres import PostgresLogWriter
from services.sandbox.sender import Sender
from services.shared.secrets import digest_of, new_webhook_secret
from services.storage.accounts import WebhookOwner
from services.storage.dead_letters import DeadLetters
from tests.bench.database import bench_pool
from tests.bench.figures import Figure, ratio
from tests.support.vault import VAULT

QUIET = 16
HOOKS_OF_EACH = 20
EVERY_S = 0.05
RUNS = 5
HEADERS = b"Content-Type: application/x-www-form-urlencoded\r\n"
NOISY_ID = 1
ITEMS = 7_000
MIB = 1_024 * 1_024

Flood = tuple[str, bytes, int]


async def measure_neighbours(folder: Path) -> list[Figure]:
    """Sixteen accounts with 20 webhooks a second each, beside one that floods."""
    floods: list[Flood] = [
        (f"bodies of {ITEMS:,} items on 2 connections", _body(NOISY_ID, ITEMS), 2),
        ("1 MB of garbage on 2 connections", b"leads[add][0][id]=x&" * (MIB // 20), 2),
        ("small bodies on 32 connections", _body(NOISY_ID, 1), 32),
    ]
    figures: list[Figure] = []
    async with bench_pool(folder) as pool, _running(pool) as (post, url_of):
        await _p95_ms(post)  # warms up
        for name, body, connections in floods:
            alone: list[float] = []
            beside: list[float] = []
            for _ in range(RUNS):
                alone.append(await _p95_ms(post))
                async with _flooded(url_of(NOISY_ID), body, connections):
                    beside.append(await _p95_ms(post))
            figures += [
                ratio(f"neighbours: p95 beside / without {name}", beside, alone),
                Figure(f"neighbours: p95 beside {name}", beside, "ms"),
            ]
    return figures


Post = Callable[[int, bytes], Any]


async def _p95_ms(post: Post) -> float:
    """Of the quiet ones; each must be answered 200."""

    async def quiet(account_id: int) -> list[float]:
        took: list[float] = []
        for _ in range(HOOKS_OF_EACH):
            started = time.perf_counter()
            status = await post(account_id, _body(account_id, 1))
            took.append((time.perf_counter() - started) * 1_000)
            assert status == 200, f"a quiet one was answered {status}"
            await asyncio.sleep(EVERY_S)
        return took

    each = await asyncio.gather(*(quiet(NOISY_ID + 1 + n) for n in range(QUIET)))
    return statistics.quantiles([took for one in each for took in one], n=20)[18]


@asynccontextmanager
async def _flooded(url: str, body: bytes, connections: int) -> AsyncIterator[None]:
    """From a process of its own: what a flood costs its sender is not ours."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.neighbours", url, str(connections)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018
    process.stdin.write(len(body).to_bytes(8, "big") + body)
    await process.stdin.drain()
    await process.stdout.readline()  # the first was answered
    try:
        yield
    finally:
        process.kill()
        await process.communicate()


async def _flood(url: str, connections: int, body: bytes) -> None:
    sender, told = Sender(), asyncio.Event()

    async def post_for_ever() -> None:
        while True:
            await sender.post(url, HEADERS, body, limit_s=20)
            if not told.is_set():
                sys.stdout.write("\n")
                sys.stdout.flush()
                told.set()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(post_for_ever())


@asynccontextmanager
async def _running(pool: Any) -> AsyncIterator[tuple[Post, Callable[[int], str]]]:
    secrets = {n: new_webhook_secret() for n in range(NOISY_ID, NOISY_ID + QUIET + 1)}

    class Accounts:
        async def webhook_owners(self) -> Mapping[bytes, WebhookOwner]:
            return {digest_of(secret): WebhookOwner(n, "acme") for n, secret in secrets.items()}

    plenty = {"burst": 10**9, "items_quota": 10**9, "bytes_quota": 10**12}
    stop, bound = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            log_writer=PostgresLogWriter(pool),
            dead_letters=DeadLetters(pool, VAULT),
            accounts=Accounts(),
            settings=IngressSettings(**plenty),
            host="127.0.0.1",
            port=0,
            stop=stop,
            on_bound=bound.set_result,
        )
    )
    port, sender = await bound, Sender()

    def url_of(account_id: int) -> str:
        return f"http://127.0.0.1:{port}/kommo/{secrets[account_id].get_secret_value()}/"

    async def post(account_id: int, body: bytes) -> int:
        return await sender.post(url_of(account_id), HEADERS, body, limit_s=20)

    yield post, url_of
    sender.close()
    stop.set()
    await serving


def _body(account_id: int, items: int) -> bytes:
    lead = {"status_id": 2, "pipeline_id": 1}
    leads = {str(n): {"id": n + 1, **lead} for n in range(items)}
    account = {"id": account_id, "subdomain": "acme"}
    return encode_form({"leads": {"status": leads}, "account": account})


if __name__ == "__main__":
    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    asyncio.run(_flood(sys.argv[1], int(sys.argv[2]), sys.stdin.buffer.read(size)))
