"""What an operator sees of a whole installation after real traffic, over HTTP."""

from pathlib import Path

import httpx
import orjson

from services.application.installation import RUNTIME_FILE
from tests.services.ops.harness import Samples, read_samples
from tests.support.running import Running, running
from tests.support.waiting import until
from tests.system.checks import all_set, is_known, settled

LEADS = 30


async def test_S19_metrics_tell_of_real_traffic_and_no_secret(tmp_path: Path) -> None:
    async with running(tmp_path, knobs={"requests_per_second": 1_000}) as system:
        await until(lambda: is_known(system))
        before = read_samples(await _page(system, "/metrics"))
        lead_ids = await system.new_leads(LEADS)
        await system.move(lead_ids)
        await until(lambda: all_set(system, lead_ids))
        events = await settled(system)
        # What is read from tables may be as it was some seconds ago.
        await until(lambda: _shows(system, fairlead_pushes_pending_leads=0))
        page, ready = await _page(system, "/metrics"), await _page(system, "/readyz")
        token = system.kommo.token_file.read_text().strip()

    after = read_samples(page)
    webhooks = 'fairlead_webhooks_answered_total{answer="200"}'
    pushed = 'fairlead_kommo_calls_total{method="PATCH",outcome="answered"}'
    assert after[webhooks] - before[webhooks] >= LEADS
    assert after[pushed] - before[pushed] >= 1
    assert after["fairlead_batch_messages_sum"] - before["fairlead_batch_messages_sum"] >= LEADS
    assert after["fairlead_events_recorded_total"] >= len(events) - 50
    assert after["fairlead_connected_accounts"] == 1
    assert after["fairlead_tables_readable"] == after["fairlead_spool_usable"] == 1
    never = (
        "ledger_sum_units",
        "unaccounted_requests",
        "sources_stopped",
        "dead_letters_kept_messages",
        "limiter_blocked",
        "spool_messages",
        "inbound_lag_messages",
    )
    assert {name: after[f"fairlead_{name}"] for name in never} == dict.fromkeys(never, 0)
    secrets = {token, system.hook_url.get_secret_value().rstrip("/").rpartition("/")[2]}
    people = {"Ana", "Souza", "@"}
    assert [word for word in secrets | people if word in page or word in ready] == []
    assert orjson.loads(ready)["ready"] is True


async def _page(system: Running, path: str) -> str:
    runtime = orjson.loads((system.fairlead.data / RUNTIME_FILE).read_bytes())
    async with httpx.AsyncClient(base_url=runtime["ops"], timeout=30) as http:
        return (await http.get(path)).text


async def _shows(system: Running, **wanted: float) -> bool:
    samples: Samples = read_samples(await _page(system, "/metrics"))
    return all(samples.get(name) == value for name, value in wanted.items())
