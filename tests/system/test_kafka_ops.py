"""What each process of the distributed installation tells of itself, after real traffic."""

import re
from pathlib import Path

import httpx

from services.demo.local_cluster import LocalProcess
from tests.services.ops.harness import Samples, read_samples
from tests.support.cluster import cluster
from tests.support.traces import STEPS, check_way, collector, decide_at_once, to_collector
from tests.support.waiting import until
from tests.system.checks import agrees, all_set, is_known

OWN = {
    "ingress-1": "fairlead_spool_messages",
    "allocator-1": "fairlead_inbound_lag_messages",
    "gateway-1": "fairlead_limiter_waiting_calls",
}


async def test_F18_S19_each_process_tells_its_own_and_one_trace_leads_through_them(
    tmp_path: Path,
) -> None:
    async with collector() as (address, spans):
        context = cluster(tmp_path, counts={"allocator": 1}, environment=to_collector(address))
        async with context as system:
            await until(lambda: is_known(system))
            await decide_at_once(system)
            (lead_id,) = await system.new_leads(1)
            # One that nobody knows is read first, and its reading begins a trace of its own.
            await until(lambda: agrees(system, [lead_id]))
            await system.move([lead_id])
            await until(lambda: all_set(system, [lead_id]))
            for process in system.roles.processes.values():
                await until(lambda process=process: _is_ready(process))
            pages = {name: await _samples(p) for name, p in system.roles.processes.items()}
            assert set((await system.roles.stop()).values()) == {0}
            check_way(spans, system, lead_id)

    assert {span.name for span in spans} == set(STEPS)
    for process_name, metric in OWN.items():
        assert {name for name, page in pages.items() if metric in page} == {process_name}
    assert {page["fairlead_tables_readable"] for page in pages.values()} == {1}
    assert pages["allocator-1"]["fairlead_kafka_readable"] == 1
    assert pages["allocator-1"]["fairlead_batch_messages_sum"] > 0
    patched = 'fairlead_kommo_calls_total{method="PATCH",outcome="answered"}'
    assert pages["gateway-1"][patched] == 1
    answered = 'fairlead_webhooks_answered_total{answer="200"}'
    assert pages["ingress-1"][answered] > 0


async def _get(process: LocalProcess, path: str) -> httpx.Response:
    found = re.search(r"roles_up.* ops=(http://\S+)", process.log())
    assert found is not None, process.log()
    async with httpx.AsyncClient(base_url=found[1], timeout=30) as http:
        return await http.get(path)


async def _is_ready(process: LocalProcess) -> bool:
    return (await _get(process, "/readyz")).status_code == 200


async def _samples(process: LocalProcess) -> Samples:
    return read_samples((await _get(process, "/metrics")).text)
