"""Notes and tasks that integrations write, in the documented shapes, over real HTTP (6.7, 6.10)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.sandbox.app import Sandbox
from services.sandbox.sample import INBOX, SALES
from tests.services.sandbox.conftest import Receiver
from tests.support.waiting import until

FIRST, SECOND = 900_001, 900_002
NOTES, TASKS = "/api/v4/leads/notes", "/api/v4/tasks"
SERVICE = {"service": "Robot", "text": "Hello"}


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        leads = [{"pipeline_id": SALES, "status_id": INBOX}] * 2
        await client.post("/sandbox/leads", json={"leads": leads})
        yield client


def note(lead_id: int = FIRST, **rest: Any) -> dict[str, Any]:
    return {
        "entity_id": lead_id,
        "note_type": "extended_service_message",
        "params": SERVICE,
        **rest,
    }


async def test_notes_are_written_in_bulk_and_read_by_lead(api: httpx.AsyncClient) -> None:
    answer = await api.post(NOTES, json=[note(request_id="a"), note(SECOND)])
    made = answer.json()["_embedded"]["notes"]

    assert [(each["entity_id"], each["request_id"]) for each in made] == [
        (FIRST, "a"),
        (SECOND, "1"),
    ]
    of_second = (await api.get(f"/api/v4/leads/{SECOND}/notes")).json()["_embedded"]["notes"]
    assert [each["id"] for each in of_second] == [made[1]["id"]]
    assert of_second[0]["params"] == SERVICE
    found = await api.get(f"{NOTES}?filter[entity_id][]={FIRST}&filter[note_type][]=common")
    assert found.status_code == 204


async def test_a_note_of_a_lead_may_leave_it_out(api: httpx.AsyncClient) -> None:
    plain = {"note_type": "common", "params": {"text": "Hi"}}
    answer = await api.post(f"/api/v4/leads/{FIRST}/notes", json=[plain])

    assert answer.json()["_embedded"]["notes"][0]["entity_id"] == FIRST
    assert (await api.post("/api/v4/leads/1/notes", json=[plain])).status_code == 404


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"entity_id": 1}, "entity_id"),
        ({"note_type": "poem"}, "note_type"),
        ({"params": {"text": "no service"}}, "params.service"),
        ({"params": None}, "params"),
    ],
)
async def test_one_bad_note_refuses_all(
    api: httpx.AsyncClient, change: dict[str, Any], path: str
) -> None:
    answer = await api.post(NOTES, json=[note(), note() | change])
    problems = answer.json()["validation-errors"]

    assert answer.status_code == 400
    assert (problems[0]["request_id"], problems[0]["errors"][0]["path"]) == ("1", path)
    assert (await api.get(NOTES)).status_code == 204


async def test_tasks_are_made_for_a_user_with_a_deadline(api: httpx.AsyncClient) -> None:
    task = {
        "text": "Call",
        "complete_till": 2_000_000_000,
        "entity_id": FIRST,
        "entity_type": "leads",
        "responsible_user_id": 502,
    }
    made = (await api.post(TASKS, json=[task])).json()["_embedded"]["tasks"]
    (found,) = (await api.get(f"{TASKS}?filter[id][]={made[0]['id']}")).json()["_embedded"]["tasks"]

    assert {name: found[name] for name in task} == task


@pytest.mark.parametrize(
    "change",
    [{"text": None}, {"complete_till": "soon"}, {"entity_id": 1}, {"responsible_user_id": 999}],
)
async def test_a_task_that_makes_no_sense_is_refused(
    api: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    task = {"text": "Call", "complete_till": 2_000_000_000, "entity_id": FIRST} | change

    assert (await api.post(TASKS, json=[task])).status_code == 400
    assert (await api.get(TASKS)).status_code == 204


async def test_both_are_told_by_hooks_and_events(
    api: httpx.AsyncClient, receiver: Receiver
) -> None:
    hook = {"destination": f"{receiver.base_url}/h", "settings": ["note_lead", "add_task"]}
    await api.post("/api/v4/webhooks", json=hook)
    await api.post(NOTES, json=[note()])
    await api.post(TASKS, json=[{"text": "Call", "complete_till": 9, "entity_id": FIRST}])
    await until(lambda: len(receiver.hooks) == 2)
    trees = [each.tree for each in receiver.hooks]
    told = next(tree["leads"]["note"]["0"]["note"] for tree in trees if "leads" in tree)
    events = (await api.get("/api/v4/events")).json()["_embedded"]["events"]

    assert (told["note_type"], '"text":"Hello"' in told["text"]) == ("26", True)
    assert any("task" in tree for tree in trees)
    assert {each["type"] for each in events} >= {"service_note_added", "task_added"}
