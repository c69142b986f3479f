"""Thirty leads under a clock of one minute: touched, let lie, taken by people (D7)."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from contracts.events import LeadAssigned, LeadLapsed, LeadTouched
from services.application import explain
from services.application.rules import users_of
from services.demo.sample import NEW_REQUEST, SALES
from services.rules_file.file import dump
from services.runtime.installation import open_installation
from services.storage.database import borrow
from services.words.catalogue import Words
from tests.support.running import TESTER, Running, apply_rules, running
from tests.support.waiting import until
from tests.system.checks import agrees, all_set, settled

LEADS = 30
MANAGERS = (501, 502, 503)
PERSON = 509
KINDS = ("note", "call", "task", "message", "move")
CLOCKS = "SELECT count(*) FROM timers.timers WHERE timer_id LIKE 'lapse/%' AND due_at IS NOT NULL"
RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": "site",
            "stages": [{"pipeline": SALES, "stage": NEW_REQUEST}],
            "participants": [{"manager": manager_id} for manager_id in MANAGERS],
            "redistribution": {"after_minutes": 1},
        }
    ],
}


async def test_D7_3_what_is_worked_on_stays_what_lies_is_passed_on_and_a_person_wins(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as system:
        await _apply(system)
        contact = await system.kommo.post("/cards", {"contacts": [{"responsible_user_id": PERSON}]})
        answer = await system.kommo.post(
            "/leads",
            {
                "leads": [{"contact_ids": contact["contacts"]} for _ in range(LEADS)],
                "silent": True,
            },
        )
        lead_ids: list[int] = answer["lead_ids"]
        await system.move(lead_ids)
        await until(lambda: all_set(system, lead_ids))
        await until(lambda: _second_is_over(system))
        first = await system.owners()
        touched, lying, taken = lead_ids[0::3], lead_ids[1::3], lead_ids[2::3]

        for number, lead_id in enumerate(touched):
            # Every other hook is lost, and messages have none: Kommo has to be asked.
            is_lost = number % 2 == 1
            await _work(system, lead_id, KINDS[number % 5], by=first[lead_id], silent=is_lost)
        for lead_id in lying:
            colleague = next(each for each in MANAGERS if each != first[lead_id])
            await _work(system, lead_id, "note", by=colleague)
            await _work(system, lead_id, "call", by=0)
        body = {"lead_ids": taken, "responsible_user_id": PERSON, "user_id": 500}
        await system.kommo.post("/leads/responsible", body)

        await until(lambda: _are_passed_on(system, lying, first), within_s=180, every_s=0.5)
        await until(lambda: _second_is_over(system))
        second = await system.owners()
        for lead_id in lying:
            await _work(system, lead_id, "note", by=second[lead_id])
        await until(lambda: _no_clock_runs(system), within_s=180, every_s=2)
        await until(lambda: agrees(system, lead_ids), every_s=0.5)

        owners = await system.owners()
        assert {i: owners[i] for i in touched} == {i: first[i] for i in touched}
        assert {i: owners[i] for i in lying} == {i: second[i] for i in lying}
        assert {owners[i] for i in taken} == {PERSON}
        writes = await system.writes()
        assert writes == Counter(lead_ids) + Counter(lying)
        assert await _written_after_a_person(system) == []

        events = [recorded.event for recorded in await settled(system)]
        lapses = [event for event in events if isinstance(event, LeadLapsed)]
        assert Counter(event.lead_id for event in lapses) == Counter(lying)
        assert {event.is_read for event in lapses} == {True}
        stopped = Counter(event.lead_id for event in events if isinstance(event, LeadTouched))
        assert stopped == Counter(touched + lying)
        hops = [event for event in events if isinstance(event, LeadAssigned) and event.attempt == 2]
        for event in hops:
            verdicts = {standing.manager_id: standing.verdict for standing in event.standings}
            assert verdicts[first[event.lead_id]] == "already_tried"
        told = await _explained(system, lying[0])
        assert "did nothing with it within 1 minute of" in told
        assert "wrote a note" in told


async def _apply(system: Running) -> None:
    async with open_installation(system.fairlead.data) as installation:
        await apply_rules(installation, dump(RULES))


async def _work(system: Running, lead_id: int, kind: str, *, by: int, silent: bool = False) -> None:
    if kind == "move":
        body = {"lead_ids": [lead_id], "pipeline_id": SALES, "status_id": 61_000_004}
        await system.kommo.post("/leads/move", {**body, "user_id": by})
        return
    body = {"lead_ids": [lead_id], "kind": kind, "user_id": by, "silent": silent}
    await system.kommo.post("/leads/deeds", body)


async def _second_is_over(system: Running) -> bool:
    """Whether what is done now has a later time than all writes: Kommo tells whole seconds."""
    leads = (await system.kommo.get("/leads"))["leads"]
    return datetime.now(UTC).timestamp() >= max(row[4] for row in leads) + 1


async def _are_passed_on(system: Running, lead_ids: list[int], first: dict[int, int]) -> bool:
    owners = await system.owners()
    return all(owners[lead_id] != first[lead_id] for lead_id in lead_ids)


async def _no_clock_runs(system: Running) -> bool:
    async with (
        open_installation(system.fairlead.data) as installation,
        borrow(installation.pool) as connection,
    ):
        running_clocks: int = await connection.fetchval(CLOCKS)
    return running_clocks == 0


async def _written_after_a_person(system: Running) -> list[int]:
    """Leads that a PATCH of ours changed after a person had made somebody responsible."""
    by_person = {
        row["lead_id"]: row["seq"]
        for row in await system.kommo.rows("responsibles")
        if row["new"] == PERSON
    }
    return [
        item["id"]
        for row in await system.kommo.rows("requests", method="PATCH")
        for item in orjson.loads(row["body"])
        if row["seq"] > by_person.get(item["id"], row["seq"])
    ]


async def _explained(system: Running, lead_id: int) -> str:
    async with open_installation(system.fairlead.data) as installation:
        account = await installation.account(None)
        found = await explain.explain_lead(installation, account, TESTER, lead_id)
    words = Words(name=(users_of(account) or {}).get)
    return "\n".join(line for each in found for line in words.lines(each.sentences))
