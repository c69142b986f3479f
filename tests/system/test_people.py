"""What people do in Kommo while leads are being distributed."""

import asyncio
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.events import (
    AssignmentWithdrawn,
    LeadAssigned,
    LeadSeen,
    LookupRequested,
    RequestDeferred,
    RequestOpened,
)
from contracts.stage import WON, Stage
from projections import requests
from services.application.installation import Installation
from services.demo.sample import NEW_REQUEST, SALES
from services.rules_file.file import dump
from services.runtime.installation import open_installation
from services.storage.database import borrow
from tests.support.running import Running, apply_rules, running
from tests.support.waiting import until
from tests.system.checks import agrees, all_set, are_set, settled

LEADS = 500
PERSON = 509  # in no position to be given a lead: they are on vacation


@pytest.mark.parametrize("author", ["robot", "token_user"])
async def test_F60_what_a_person_sets_while_pushes_are_under_way_stays(
    tmp_path: Path, author: str
) -> None:
    chance = random.Random(60)
    # Answers come late, so that people are at work before, during and after our writes.
    knobs = {"api_author": author, "answer_delay_ms": 150, "latency_max_ms": 150}
    async with running(tmp_path, knobs=knobs) as system:
        lead_ids = await system.new_leads(LEADS)
        taken = chance.sample(lead_ids, LEADS // 10)
        moving = asyncio.create_task(system.move(lead_ids))
        for number, lead_id in enumerate(taken):
            # From the first push to the last, one by one.
            await until(lambda n=number + 1: are_set(system, n * LEADS // len(taken) // 2))
            await _hand_over(system, [lead_id], PERSON)
        await moving
        await until(lambda: all_set(system, lead_ids))
        await until(lambda: agrees(system, lead_ids), every_s=0.5)

        events = await settled(system)
        owners = await system.owners()
        overwritten = await _writes_after_a_person(system, taken)

        # Kommo has no lock: a write that is on its way lands. It is the only one, ever.
        assert max((await system.writes()).values()) == 1
        assert {lead_id for lead_id in taken if owners[lead_id] != PERSON} == overwritten
        assert len(overwritten) < len(taken)
        # Once a person's choice is known, nothing more is decided about the lead. Of one that is
        # read for the first time it is known if it has changed since the hook: most leads come
        # with a responsible whom nobody chose.
        known: set[int] = set()
        told: dict[int, datetime | None] = {}
        for recorded in events:
            match recorded.event:
                case LookupRequested(lead_id=lead_id, modified_at=told_at):
                    told[lead_id] = told_at
                case LeadSeen(lead_id=lead_id, responsible_id=509, was_stage=Stage()):
                    known.add(lead_id)
                case LeadSeen(lead_id=lead_id, responsible_id=509, modified_at=read_at):
                    told_at = told.get(lead_id)
                    if told_at is not None and read_at is not None and read_at > told_at:
                        known.add(lead_id)
                case LeadAssigned(lead_id=lead_id):
                    assert lead_id not in known
        assert set(taken) - known <= overwritten


async def test_F59_the_leads_of_a_manager_who_is_deactivated_meanwhile_go_to_others(
    tmp_path: Path,
) -> None:
    # All are decided, and some are certain to be left when one of those who got them is gone.
    async with running(tmp_path, knobs={"patched_max": LEADS // 5}) as system:
        lead_ids = await system.new_leads(LEADS)
        await system.move(lead_ids)
        await until(lambda: are_set(system, LEADS // 5))
        async with open_installation(system.fairlead.data) as installation:
            await until(lambda: _counted(installation, assigned=LEADS))
        await system.kommo.post("/users/501/deactivate", {})
        await system.kommo.turn({"refuse_user_ids": [501], "patched_max": 0})
        await until(lambda: all_set(system, lead_ids))
        await until(lambda: agrees(system, lead_ids), every_s=0.5)

        events = await settled(system)
        withdrawn = [
            (r.event.manager_id, r.event.reason)
            for r in events
            if isinstance(r.event, AssignmentWithdrawn)
        ]
        assert withdrawn
        assert set(withdrawn) == {(501, "manager_refused")}
        again = [
            r.event for r in events if isinstance(r.event, LeadAssigned) and r.event.attempt > 1
        ]
        assert len(again) == len(withdrawn)
        assert 501 not in {event.manager_id for event in again}
        # What they had been given before is theirs; the last word on each lead is in Kommo.
        last = {r.event.lead_id: r.event for r in events if isinstance(r.event, LeadAssigned)}
        owners = await system.owners()
        assert {i: owners[i] for i in lead_ids} == {i: last[i].manager_id for i in lead_ids}


async def test_D5_3_what_finds_no_place_waits_and_is_served_in_order_as_places_get_free(
    tmp_path: Path,
) -> None:
    managers, limit = (501, 502), 5
    async with running(tmp_path) as system:
        async with open_installation(system.fairlead.data) as installation:
            await _apply(installation, managers, limit)
            lead_ids = await system.new_leads(30)
            for lead_id in lead_ids:  # one after another, so that there is an order
                await system.move([lead_id])
            await until(lambda: _counted(installation, assigned=10, waiting=20))
            served = await _served(system, lead_ids)
            deferred = [
                r.event
                for r in await _events(installation, system)
                if isinstance(r.event, RequestDeferred)
            ]
            assert len({event.request_id for event in deferred}) == 20
            verdicts = {s.verdict for event in deferred for s in event.standings}
            assert verdicts == {"at_limit"}

            for round_ in range(1, 5):
                await _close(system, served[-10:][:5])
                await until(lambda n=round_: _counted(installation, assigned=10 + 5 * n))
                served = await _served(system, lead_ids)

            decided = [
                r.event.lead_id
                for r in await _events(installation, system)
                if isinstance(r.event, LeadAssigned)
            ]
        opened = [lead_id for lead_id in await _requested(system) if lead_id in set(lead_ids)]
        assert decided == opened
        assert sorted(decided) == sorted(lead_ids)
        await settled(system)


async def _hand_over(system: Running, lead_ids: list[int], user_id: int) -> None:
    await system.kommo.post(
        "/leads/responsible", {"lead_ids": lead_ids, "responsible_user_id": user_id}
    )


async def _writes_after_a_person(system: Running, lead_ids: list[int]) -> set[int]:
    """Leads that were written after a person's change."""
    by_person: set[int] = set()
    found: set[int] = set()
    for row in await system.kommo.rows("responsibles"):
        if row["lead_id"] in lead_ids and row["new"] == PERSON:
            by_person.add(row["lead_id"])
        elif row["lead_id"] in by_person:
            found.add(row["lead_id"])
    assert by_person == set(lead_ids)
    return found


async def _apply(installation: Installation, managers: tuple[int, ...], limit: int) -> None:
    rule = {
        "id": "site",
        "stages": [{"pipeline": SALES, "stage": NEW_REQUEST}],
        "limit": {"max": limit},
        "participants": [{"manager": manager_id} for manager_id in managers],
    }
    await apply_rules(installation, dump({"version": 1, "rules": [rule]}))


async def _counted(installation: Installation, **expected: int) -> bool:
    async with borrow(installation.pool) as connection:
        tallies = await requests.counts(connection, (await installation.account(None)).account_id)
    found = {state: sum(t.requests for t in tallies if t.state == state) for state in expected}
    return found == expected


async def _events(installation: Installation, system: Running) -> list[Any]:
    found: list[Any] = []
    while page := await installation.events.stream(system.account_id, len(found), 5_000):
        found.extend(page)
    return found


async def _requested(system: Running) -> list[int]:
    async with open_installation(system.fairlead.data) as installation:
        return [
            r.event.lead_id
            for r in await _events(installation, system)
            if isinstance(r.event, RequestOpened)
        ]


async def _served(system: Running, lead_ids: list[int]) -> list[int]:
    """Leads that somebody has, in the order in which they got them."""
    async with open_installation(system.fairlead.data) as installation:
        found = [
            r.event.lead_id
            for r in await _events(installation, system)
            if isinstance(r.event, LeadAssigned)
        ]
    await until(lambda: all_set(system, found))
    assert set(found) <= set(lead_ids)
    return found


async def _close(system: Running, lead_ids: list[int]) -> None:
    body = {"lead_ids": lead_ids, "pipeline_id": SALES, "status_id": WON}
    await system.kommo.post("/leads/move", body)
