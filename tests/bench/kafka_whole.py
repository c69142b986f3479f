"""From the webhook to the responsible manager in Kommo, at several rates of leads.

The whole distributed installation, each role a process, beside a local Kommo whose limit is
lifted; ours with it. Only the trigger tells of a lead, so that the local Kommo, one process on the
same cores, keeps up with the highest rate.
"""

import asyncio
import statistics
from pathlib import Path

import orjson

from tests.bench.figures import Figure
from tests.support.cluster import Cluster, cluster
from tests.support.waiting import until
from tests.system.checks import is_known

RATES_PER_S = (50, 500, 1_000)
LASTING_S = 5
PORTIONS_PER_S = 10
RUNS = 3
WITHIN_S = 600.0
KNOBS = {"requests_per_second": 1_000_000, "hook_timeout_s": 60.0}
LIFTED = {
    "FAIRLEAD_GATEWAY_RATE_PER_S": "1000",
    "FAIRLEAD_GATEWAY_BURST": "100",
    "FAIRLEAD_GATEWAY_PUSH_BATCH_SIZE": "250",
    "FAIRLEAD_GATEWAY_SWEEP_INTERVAL_S": "3600",
}


async def measure_whole(folder: Path) -> list[Figure]:
    """Per rate: the middle and the slowest hundredth, and what came through in all."""
    figures: list[Figure] = []
    async with cluster(folder, knobs=KNOBS, environment=LIFTED) as system:
        await until(lambda: is_known(system))
        await _unsubscribe(system)
        await _offer(system, 50)  # warms up
        for rate_per_s in RATES_PER_S:
            runs = [await _offer(system, rate_per_s) for _ in range(RUNS)]
            name = f"webhook to responsible set, {rate_per_s:,} leads/s offered"
            figures += [
                Figure(f"{name}: median", [middle for middle, _, _ in runs], "s"),
                Figure(f"{name}: p99", [worst for _, worst, _ in runs], "s"),
                Figure(f"{name}: came through", [per_s for _, _, per_s in runs], "leads/s"),
            ]
    return figures


async def _offer(system: Cluster, rate_per_s: int) -> tuple[float, float, float]:
    lead_ids = await system.new_leads(rate_per_s * LASTING_S)
    goal = await _count_set(system) + len(lead_ids)
    size = rate_per_s // PORTIONS_PER_S
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number, first in enumerate(range(0, len(lead_ids), size)):
        await asyncio.sleep(started + number / PORTIONS_PER_S - loop.time())
        await system.move(lead_ids[first : first + size])
    await until(lambda: _are_set(system, goal), within_s=WITHIN_S)
    told, done = await _told(system), await _done(system)
    took = [done[lead_id] - told[lead_id] for lead_id in lead_ids]
    span_s = max(map(done.__getitem__, lead_ids)) - min(map(told.__getitem__, lead_ids))
    return statistics.median(took), statistics.quantiles(took, n=100)[98], len(took) / span_s


async def _are_set(system: Cluster, leads: int) -> bool:
    return await _count_set(system) >= leads


async def _count_set(system: Cluster) -> int:
    """Cheaper than a list of the leads, on the cores that are measured."""
    count: int = (await system.kommo.get("/summary"))["leads_patched_by_api"]
    return count


async def _told(system: Cluster) -> dict[int, float]:
    """Lead to when its first hook was on its way."""
    rows = await system.kommo.rows("deliveries")
    return {lead_id: row["monotonic"] for row in reversed(rows) for lead_id in row["lead_ids"]}


async def _done(system: Cluster) -> dict[int, float]:
    """Lead to when Kommo had its responsible."""
    rows = await system.kommo.rows("requests", method="PATCH")
    return {
        item["id"]: row["monotonic"] + row["took_ms"] / 1_000
        for row in reversed(rows)
        if row["status"] == 200
        for item in orjson.loads(row["body"])
    }


async def _unsubscribe(system: Cluster) -> None:
    answer = await system.kommo.http.request(
        "DELETE",
        "/api/v4/webhooks",
        json={"destination": system.hook_url.get_secret_value()},
        headers={"authorization": f"Bearer {system.kommo.token_file.read_text()}"},
    )
    answer.raise_for_status()
