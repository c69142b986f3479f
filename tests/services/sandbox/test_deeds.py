"""Notes, calls, messages and tasks: their hooks, and the list of events (1.6, 1.7, 6.9)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contracts.kommo.notifications import DeedNotification, TaskNotification
from contracts.kommo.webhooks import read_body
from services.sandbox.app import Sandbox
from services.sandbox.sample import INBOX, SALES
from tests.services.sandbox.conftest import Receiver
from tests.support.waiting import until

FIRST = 900_001
ANN = 501
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        await client.post("/sandbox/cards", json={"contacts": [{"responsible_user_id": ANN}]})
        lead = {"pipeline_id": SALES, "status_id": INBOX, "contact_ids": [800_001]}
        await client.post("/sandbox/leads", json={"leads": [lead, lead]})
        yield client


async def do(api: httpx.AsyncClient, kind: str, *, user_id: int = ANN, **rest: Any) -> int:
    order = {"lead_ids": [FIRST], "kind": kind, "user_id": user_id, **rest}
    return (await api.post("/sandbox/leads/deeds", json=order)).status_code


async def events(api: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    answer = await api.get(f"/api/v4/events?{query}")
    if answer.status_code == 204:
        return []
    found: list[dict[str, Any]] = answer.json()["_embedded"]["events"]
    return found


async def test_what_was_done_to_a_lead_is_in_its_events_the_newest_first(
    api: httpx.AsyncClient,
) -> None:
    await do(api, "note")
    await do(api, "call")
    move = {"lead_ids": [FIRST], "pipeline_id": SALES, "status_id": 61_000_003, "user_id": ANN}
    await api.post("/sandbox/leads/move", json=move)

    found = await events(api, f"filter[entity]=lead&filter[entity_id][]={FIRST}")
    assert [event["type"] for event in found] == [
        "lead_status_changed",
        "outgoing_call",
        "common_note_added",
        "lead_added",
    ]
    newest = found[0]
    assert (newest["created_by"], newest["entity_type"], newest["entity_id"]) == (
        ANN,
        "lead",
        FIRST,
    )
    assert newest["value_before"] == [{"lead_status": {"id": INBOX, "pipeline_id": SALES}}]
    assert newest["value_after"] == [{"lead_status": {"id": 61_000_003, "pipeline_id": SALES}}]


async def test_a_message_is_found_by_its_contact_only_and_shown_as_the_leads(
    api: httpx.AsyncClient,
) -> None:
    await do(api, "message")

    by_lead = await events(api, f"filter[entity]=lead&filter[entity_id][]={FIRST}")
    (message,) = await events(api, "filter[entity]=contact&filter[entity_id][]=800001")
    assert [event["type"] for event in by_lead] == ["lead_added"]
    assert (message["type"], message["entity_type"], message["entity_id"]) == (
        "outgoing_chat_message",
        "lead",
        FIRST,
    )
    assert message["linked_talk_contact_id"] == 800_001


@pytest.mark.parametrize(
    "query",
    [
        "filter[entity_id][]=1",
        "filter[entity][]=lead&filter[entity][]=contact&filter[entity_id][]=1",
        "filter[entity]=lead" + "".join(f"&filter[entity_id][]={i}" for i in range(1, 12)),
        "".join(f"&filter[created_by][]={i}" for i in range(1, 12)),
    ],
)
async def test_filters_of_events_have_the_documented_bounds(
    api: httpx.AsyncClient, query: str
) -> None:
    assert (await api.get(f"/api/v4/events?{query}")).status_code == 400


async def test_events_are_filtered_by_type_author_and_time(api: httpx.AsyncClient) -> None:
    await do(api, "note")
    await do(api, "note", user_id=0)

    assert len(await events(api, "filter[type][]=common_note_added")) == 2
    assert len(await events(api, f"filter[created_by][]={ANN}")) == 1
    assert await events(api, "filter[created_at][from]=2000000000") == []
    assert len(await events(api, "limit=1&page=2")) == 1
    assert (await api.get("/api/v4/events?limit=101")).status_code == 422


async def test_hooks_of_deeds_have_the_documented_fields(
    api: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    body = {"destination": f"{receiver.base_url}/a/", "settings": ["note_lead", "add_task"]}
    await api.post(
        "/api/v4/webhooks", json={**body, "settings": [*body["settings"], "update_task"]}
    )
    for kind in ("note", "call", "task", "task_completed", "message"):
        assert await do(api, kind) == 200
    await do(api, "note", silent=True)

    await until(lambda: len(receiver.hooks) == 4)
    read = [n for hook in receiver.hooks for n in read_body(hook.body, FORM).notifications]
    deeds = sorted(each.deed for each in read if isinstance(each, DeedNotification))
    tasks = [
        (each.is_open, None if each.deed is None else each.deed.deed)
        for each in read
        if isinstance(each, TaskNotification)
    ]
    assert deeds == ["call", "note"]
    # Who closed a task is not told, so that hook counts as no deed of anybody.
    assert tasks == [(True, "task_added"), (False, None)]
    assert sandbox.crm.deliveries.pending == 0


async def test_only_an_open_task_can_be_completed(api: httpx.AsyncClient) -> None:
    assert await do(api, "task_completed") == 409
    await do(api, "task")
    assert await do(api, "task_completed") == 200
    assert await do(api, "task_completed") == 409
