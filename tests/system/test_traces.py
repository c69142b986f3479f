"""A lead's way from the webhook to the PATCH, as a collector of traces sees it."""

from pathlib import Path

from tests.support.running import running
from tests.support.traces import check_way, collector, decide_at_once, to_collector
from tests.support.waiting import until
from tests.system.checks import agrees, all_set, is_known


async def test_S19_one_trace_leads_from_the_webhook_to_the_patch(tmp_path: Path) -> None:
    knobs = {"requests_per_second": 1_000}
    async with collector() as (address, spans):
        context = running(tmp_path, knobs=knobs, environment=to_collector(address))
        async with context as system:
            await until(lambda: is_known(system))
            await decide_at_once(system)
            (lead_id,) = await system.new_leads(1)
            # One that nobody knows is read first, and its reading begins a trace of its own.
            await until(lambda: agrees(system, [lead_id]))
            await system.move([lead_id])
            await until(lambda: all_set(system, [lead_id]))
            assert await system.fairlead.stop() == 0  # what is left is sent at the end
            check_way(spans, system, lead_id)
