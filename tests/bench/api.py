"""Pages and explanations of a long history, and what a hundred streams cost webhooks (A14).

The role `web` is a process of its own, as it is beside a real ingress; who listens to its streams
and asks it is in there, too. `BURSTS=30 make bench ONLY=api` measures webhooks in as many pairs: it
takes some to tell a tenth of a p99 from chance.
"""

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx

from services.api.cursors import Cursor, seal
from services.log.postgres import PostgresLogWriter
from tests.bench.figures import Figure, ratio
from tests.bench.ingress import NotKept, webhooks
from tests.bench.listeners import ASKED_PER_S, OF_ONE, STREAMS
from tests.bench.million import LARGE_ID, Million, million
from tests.services.access.kit import grant
from tests.services.api.kit import client, key_for

RUNS = 20
COLD, WARM = 3, 20
BURSTS = int(os.environ.get("BURSTS", "12"))
BASE = f"/api/v1/accounts/{LARGE_ID}"
# List to what identifies the last row but a page's, by its table.
MOVED = (
    "SELECT version AS key FROM fairness.movements"
    " WHERE account_id = $1 AND 507 = ANY (manager_ids)"
)
LISTS: dict[str, tuple[str, str, str]] = {
    "decisions": (
        "list_decisions",
        "",
        "SELECT version AS key FROM decisions.feed WHERE account_id = $1",
    ),
    "requests": (
        "list_requests",
        "",
        "SELECT opened_version AS key FROM requests.requests WHERE account_id = $1",
    ),
    "a manager's statement": (
        "list_statement",
        "/managers/507",
        MOVED,
    ),
}
PATHS = {
    "list_decisions": "/decisions",
    "list_requests": "/requests",
    "list_statement": "/statement",
}
PAGE = 50


async def measure_api(folder: Path) -> list[Figure]:
    """All of it, on one history."""
    async with million(folder) as there:
        key = await key_for(there.access, grant("administrator", LARGE_ID))
        async with client(there.address, key) as asking:
            asking.base_url = httpx.URL(there.address)
            figures = [await _ends(there, asking, name) for name in LISTS]
            figures += await _explained(there, asking)
        return [*figures, *await _beside_streams(there)]


async def _ends(there: Million, asking: httpx.AsyncClient, name: str) -> Figure:
    """The time of the last page by that of the first, in turn."""
    operation, of, keys = LISTS[name]
    path = f"{BASE}{of}{PATHS[operation]}"
    (before,) = await there.pool.fetch(
        f"SELECT key FROM ({keys}) AS rows ORDER BY key OFFSET {PAGE} LIMIT 1",  # noqa: S608 - ours
        LARGE_ID,
    )
    cursor = await seal(
        there.access.digests,
        json.dumps([operation, path, []]),
        Cursor(key=(before["key"],), is_back=False, at=there.now),
    )

    async def page(query: str) -> float:
        started = time.perf_counter()
        answer = await asking.get(f"{path}?limit={PAGE}{query}")
        took = time.perf_counter() - started
        assert len(answer.raise_for_status().json()["items"]) == PAGE
        return took

    first, last = list[float](), list[float]()
    for number in range(-5, RUNS):  # some to warm up
        pair = await page(""), await page(f"&cursor={cursor}")
        if number >= 0:
            first.append(pair[0])
            last.append(pair[1])
    return ratio(f"api: last page of {name} / first", last, first)


async def _explained(there: Million, asking: httpx.AsyncClient) -> list[Figure]:
    """Decisions anywhere, each decided again; the first ones in a process that knows nothing."""
    random = Random(16)
    rows = await there.pool.fetch(
        "SELECT version FROM decisions.feed WHERE account_id = $1 AND kind = 'assigned'", LARGE_ID
    )
    took = list[float]()
    for row in random.sample(rows, COLD + WARM):
        started = time.perf_counter()
        answer = await asking.get(f"{BASE}/decisions/{row['version']}")
        took.append(time.perf_counter() - started)
        assert answer.raise_for_status().json()["explanation"]["is_reproduced"] is True
    return [
        Figure("api: an explanation, the first ones of a process", took[:COLD], "s"),
        Figure("api: an explanation, of a process that has made some", took[COLD:], "s"),
    ]


async def _beside_streams(there: Million) -> list[Figure]:
    """The p99 of webhooks while streams are open and people ask, by without, in turn."""
    keys = [
        await key_for(there.access, grant("administrator", LARGE_ID))
        for _ in range(STREAMS // OF_ONE)
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.listeners", there.web_dsn, *keys,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def have(order: str) -> str:
        stdin.write(f"{order}\n".encode())
        line = (await stdout.readline()).decode()
        name, _, value = line.strip().partition(" ")
        assert name == order, line or "the process of the API has ended"
        return value

    log = PostgresLogWriter(there.pool)
    alone, beside, lost = list[float](), list[float](), 0
    await have("off")
    for number in range(-1, BURSTS):  # one to warm up
        pair = dict[str, float]()
        for order in ("off", "on") if number % 2 else ("on", "off"):
            await have(order)
            with suppress(NotKept):
                pair[order] = (await webhooks(there.pool, log)).p99_s
        if len(pair) == len(("on", "off")) and number >= 0:
            beside.append(pair["on"])
            alone.append(pair["off"])
        elif number >= 0:
            lost += 1
    await have("on")
    ended_s = float(await have("end"))
    await process.wait()
    name = f"{STREAMS} streams and {ASKED_PER_S} requests/s"
    figures = []
    if alone:  # else no pair was kept whole, as the next line tells
        named = f"api: p99 of 1,000 webhooks at once beside {name} / without"
        figures += [
            ratio(named, beside, alone),
            Figure("api: that p99 without", [1_000 * each for each in alone], "ms"),
        ]
    return [
        *figures,
        Figure("api: pairs left out, the machine being too busy to keep all", [lost]),
        Figure(f"api: the role web ends with {STREAMS} streams open", [ended_s], "s"),
    ]
