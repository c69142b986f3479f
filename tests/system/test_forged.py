"""Who has learnt the address of an account's webhooks, and forges them (S2)."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from contracts.events import (
    AssignmentWithdrawn,
    LeadDeleted,
    LeadSeen,
    LookupRequested,
    Recorded,
)
from contracts.kommo.forms import FormValue, encode_form
from contracts.stage import Stage
from domain.leads.report import UNREAD_MAX
from services.demo.sample import NEW_REQUEST, SALES
from services.demo.sample.team import OPEN_DEAL
from services.rules_file.file import dump
from tests.support.running import Running, apply_rules, running
from tests.support.waiting import until
from tests.system.checks import agrees, all_set, decided, settled

# Nobody is in both: whoever has a lead here gets none there, or a true move would change nothing.
TEAMS = {
    Stage(SALES, NEW_REQUEST): (501, 502, 503),
    OPEN_DEAL: (504, 505, 506),
}
RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": f"stage-{stage.status_id}",
            "stages": [{"pipeline": stage.pipeline_id, "stage": stage.status_id}],
            "participants": [{"manager": manager} for manager in team],
        }
        for stage, team in TEAMS.items()
    ],
}
INVENTED_PER_BODY = 7_500
BODIES = 5


async def forge(system: Running, action: str, lead_ids: Sequence[int], **fields: FormValue) -> int:
    """Post a body as Kommo would, about leads that are not where it says; what is answered."""
    items: list[FormValue] = [
        {
            "id": lead_id,
            "status_id": OPEN_DEAL.status_id,
            "pipeline_id": OPEN_DEAL.pipeline_id,
            **fields,
        }
        for lead_id in lead_ids
    ]
    body = encode_form({"account": {"id": system.account_id}, "leads": {action: items}})
    assert len(body) <= 1_048_576
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with httpx.AsyncClient(timeout=60) as http:
        url = system.hook_url.get_secret_value()
        return (await http.post(url, content=body, headers=headers)).status_code


async def test_attack_S2_forged_webhooks_give_no_lead_a_new_responsible(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        await _apply(system)
        lead_ids = await system.new_leads(16)
        served, unserved = lead_ids[:12], lead_ids[12:]
        await system.move(served)
        await until(lambda: all_set(system, served))
        await until(lambda: agrees(system, lead_ids))
        before = await system.owners()
        forged, true = [*served[:4], *unserved], served[4:]

        # Later than anything that is known of them, within what clocks may differ by.
        now = int(time.time()) + 30
        for action in ("status", "add"):
            told = {"last_modified": now, "date_create": now - 9_000}
            assert await forge(system, action, forged, **told) == 200
        moved = {"lead_ids": true, "pipeline_id": SALES, "status_id": OPEN_DEAL.status_id}
        await system.kommo.post("/leads/move", moved)
        await until(lambda: _written(system, true, 2))
        await until(lambda: agrees(system, lead_ids))
        events = await settled(system)

        owners = await system.owners()
        assert {each: owners[each] for each in forged} == {each: before[each] for each in forged}
        assert await system.writes() == Counter([*served, *true])
        withdrawn = [e.event for e in events if isinstance(e.event, AssignmentWithdrawn)]
        assert {each.lead_id for each in withdrawn} == set(forged)
        assert {each.reason for each in withdrawn} == {"not_there"}

        async def are_put_right() -> bool:
            seen = [e.event for e in await settled(system) if isinstance(e.event, LeadSeen)]
            last = {each.lead_id: each.stage for each in seen}
            return OPEN_DEAL not in {last[each] for each in forged}

        # They are looked up once more after what was decided is withdrawn.
        await until(are_put_right, every_s=0.5)


async def test_attack_S2_S4_invented_leads_keep_no_real_ones_waiting(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        await _apply(system)
        known = await system.new_leads(5)
        await until(lambda: agrees(system, known))
        first = 5_000_000
        for number in range(BODIES):
            start = first + number * INVENTED_PER_BODY
            # A machine that is busy may not have all of it on the disk in time; then a part is.
            invented = range(start, start + INVENTED_PER_BODY)
            assert await forge(system, "add", invented) in (200, 503)
        fresh = await system.new_leads(5)
        await system.move([*known, *fresh])
        await until(lambda: all_set(system, [*known, *fresh]), within_s=240)
        events = await settled(system)

        assert decided(events) == Counter([*known, *fresh])
        assert await system.writes() == Counter([*known, *fresh])
        assert _most_unread(events) <= UNREAD_MAX + 1
        # A known lead is not read before it is decided.
        read = [e.event.lead_id for e in events if isinstance(e.event, LookupRequested)]
        assert len(read) > UNREAD_MAX / 2
        assert not set(read) & set(known)


def _most_unread(events: Sequence[Recorded]) -> int:
    """How many leads were to be read at the same time at most."""
    unread: set[int] = set()
    most = 0
    for recorded in events:
        match recorded.event:
            case LookupRequested(lead_id=lead_id):
                unread.add(lead_id)
            case LeadSeen(lead_id=lead_id) | LeadDeleted(lead_id=lead_id):
                unread.discard(lead_id)
            case _:
                pass
        most = max(most, len(unread))
    return most


async def _apply(system: Running) -> None:
    async with system.opened() as installation:
        await apply_rules(installation, dump(RULES))


async def _written(system: Running, lead_ids: list[int], times: int) -> bool:
    writes = await system.writes()
    return all(writes[lead_id] == times for lead_id in lead_ids)
