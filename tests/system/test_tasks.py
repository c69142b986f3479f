"""A manager with too many open tasks, in a whole installation (D5.6)."""

import asyncio
import json
from pathlib import Path
from typing import Any

from services.demo.sample import NEW_REQUEST, SALES
from services.rules_file.file import dump
from services.runtime.installation import open_installation
from tests.services.cli.conftest import Said, command
from tests.support.running import Running, apply_rules, running
from tests.support.waiting import until
from tests.system.checks import all_set

ANN = 501
POLL = {"FAIRLEAD_GATEWAY_TASKS_POLL_MS": "100"}
RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": "site",
            "stages": [{"pipeline": SALES, "stage": NEW_REQUEST}],
            "participants": [{"manager": ANN}],
            "limit_tasks": {"max": 1},
        }
    ],
}


async def test_D5_6_a_task_keeps_leads_away_until_it_is_done(tmp_path: Path) -> None:
    async with running(tmp_path, environment=POLL) as system:
        async with open_installation(system.fairlead.data) as installation:
            await apply_rules(installation, dump(RULES))
        await until(lambda: _is_known(system))
        first, second = await system.new_leads(2)

        await _work(system, first, "task")
        await until(lambda: _has(system, tasks=1))
        await system.move([second])
        await until(lambda: _is_full(system, second))

        await _work(system, first, "task_completed")
        await until(lambda: all_set(system, [second]))
        assert (await system.owners())[second] == ANN
        await until(lambda: _has(system, tasks=0))
        table = (await _say(system, "loads")).out
        assert all(word in table for word in ("open leads", "tasks", "overdue", "Ana Souza"))


async def _work(system: Running, lead_id: int, kind: str) -> None:
    await system.kommo.post("/leads/deeds", {"lead_ids": [lead_id], "kind": kind, "user_id": ANN})


async def _say(system: Running, *words: str) -> Said:
    return await asyncio.to_thread(command, system.fairlead.data, *words)


async def _ann(system: Running) -> dict[str, Any]:
    said = await _say(system, "loads", "--json")
    assert said.status == 0, said
    managers = json.loads(said.out)["managers"]
    return next((each for each in managers if each["manager_id"] == ANN), {})


async def _has(system: Running, *, tasks: int) -> bool:
    return bool((await _ann(system)).get("tasks") == tasks)


async def _is_known(system: Running) -> bool:
    return "tasks_listed" in system.fairlead.log()


async def _is_full(system: Running, lead_id: int) -> bool:
    why = "as many open tasks as the limit allows"
    return why in (await _say(system, "explain", str(lead_id))).out
