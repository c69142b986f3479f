"""Notes and tasks that the API writes, and their hooks, over real HTTP (1.6, 1.7, 6.7, 6.10)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.sandbox.app import Sandbox
from services.sandbox.sample import ADMIN_ID, INBOX, SALES
from tests.services.sandbox.conftest import Receiver
from tests.support.waiting import until

FIRST = 900_001
DUE = 1_900_000_000
NOTE = {"note_type": "common", "params": {"text": "Give me a call"}}


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        await client.post("/sandbox/cards", json={"contacts": [{"responsible_user_id": 501}]})
        lead = {"pipeline_id": SALES, "status_id": INBOX, "contact_ids": [800_001]}
        await client.post("/sandbox/leads", json={"leads": [lead, lead]})
        yield client


def errors(answer: httpx.Response) -> list[tuple[str, str, str]]:
    assert answer.status_code == 400, answer.text
    return [
        (element["request_id"], error["code"], error["path"])
        for element in answer.json()["validation-errors"]
        for error in element["errors"]
    ]


async def listen(api: httpx.AsyncClient, receiver: Receiver, *settings: str) -> None:
    body = {"destination": f"{receiver.base_url}/a/", "settings": settings}
    assert (await api.post("/api/v4/webhooks", json=body)).status_code == 201


async def test_a_note_is_written_listed_edited_and_pinned(api: httpx.AsyncClient) -> None:
    made = await api.post("/api/v4/leads/notes", json=[{**NOTE, "entity_id": FIRST}])
    other = await api.post(f"/api/v4/leads/{FIRST + 1}/notes", json=[NOTE])
    (item,) = made.json()["_embedded"]["notes"]
    path = f"/api/v4/leads/{FIRST}/notes/{item['id']}"
    edited = await api.patch(path, json={"params": {"text": "Done"}})
    pinned = await api.post(f"{path}/pin")
    note = (await api.get(path)).json()

    assert item.keys() == {"id", "entity_id", "request_id", "_links"}
    assert (item["entity_id"], item["request_id"]) == (FIRST, "0")
    assert (other.status_code, edited.status_code, pinned.status_code) == (200, 200, 204)
    assert (note["params"], note["note_type"]) == ({"text": "Done"}, "common")
    assert (note["is_pinned"], note["responsible_user_id"]) == (True, ADMIN_ID)
    listed = (await api.get("/api/v4/leads/notes?filter[note_type][]=common&order[id]=desc")).json()
    assert [each["entity_id"] for each in listed["_embedded"]["notes"]] == [FIRST + 1, FIRST]
    assert (await api.get("/api/v4/contacts/notes")).status_code == 204
    assert (await api.get("/api/v4/notes")).status_code == 404
    assert (await api.get("/api/v4/leads/notes?filter[colour]=red")).status_code == 400


async def test_notes_that_make_no_sense_are_refused_together(api: httpx.AsyncClient) -> None:
    body = [
        {**NOTE, "entity_id": FIRST},
        {**NOTE, "entity_id": 1, "request_id": "b"},
        {"entity_id": FIRST, "note_type": "shout", "params": {}},
        {"entity_id": FIRST, "note_type": "service_message", "params": {"service": "Fairlead"}},
        NOTE,
    ]
    answer = await api.post("/api/v4/leads/notes", json=body)

    assert errors(answer) == [
        ("b", "NotSupportedChoice", "entity_id"),
        ("2", "NotSupportedChoice", "note_type"),
        ("3", "FieldMissing", "params.text"),
        ("4", "FieldMissing", "entity_id"),
    ]
    assert (await api.get("/api/v4/leads/notes")).status_code == 204


async def test_F36_a_note_of_the_api_comes_back_as_a_hook(
    api: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    await listen(api, receiver, "note_lead", "note_contact")
    service = {"note_type": "service_message", "params": {"service": "Fairlead", "text": "Given"}}
    await api.post(f"/api/v4/leads/{FIRST}/notes", json=[NOTE, service])
    await api.post("/api/v4/contacts/800001/notes", json=[NOTE])
    await until(lambda: len(receiver.hooks) == 3)

    told = [
        (section, item)
        for hook in receiver.hooks
        for section in ("leads", "contacts")
        for item in hook.tree.get(section, {}).get("note", {}).values()
    ]
    (contact,) = [item for section, item in told if section == "contacts"]
    plain = next(item for _, item in told if item["note"]["note_type"] == "4")["note"]
    note = sandbox.account.notes.by_id[int(plain["id"])]
    assert contact["type"] == "contact"
    assert contact["note"]["element_type"] == "1"
    assert {item["note"]["note_type"] for _, item in told} == {"4", "25"}
    assert plain["text"] == "Give me a call"
    assert (plain["group_id"], plain["attachement"]) == ("0", "")
    assert plain["timestamp_x"] == plain["date_create"]
    assert int(plain["created_at"]) == note.created_at


async def test_a_task_goes_from_made_to_done(
    api: httpx.AsyncClient, receiver: Receiver, sandbox: Sandbox
) -> None:
    await listen(api, receiver, "add_task", "update_task")
    draft = {"text": "Call back", "complete_till": DUE, "entity_id": FIRST, "entity_type": "leads"}
    made = await api.post("/api/v4/tasks", json=[{**draft, "request_id": "t"}])
    (item,) = made.json()["_embedded"]["tasks"]
    await until(lambda: len(receiver.hooks) == 1)
    lead = (await api.get(f"/api/v4/leads/{FIRST}")).json()
    path = f"/api/v4/tasks/{item['id']}"
    fields = {"text": "Call soon", "complete_till": DUE + 60, "task_type_id": 2, "duration": 600}
    bulk = await api.patch("/api/v4/tasks", json=[{"id": item["id"], **fields}])
    await until(lambda: len(receiver.hooks) == 2)
    await api.patch(path, json={"is_completed": True, "result": {"text": "Reached"}})
    await until(lambda: len(receiver.hooks) == 3)

    assert (item["request_id"], lead["closest_task_at"]) == ("t", DUE)
    assert bulk.json()["_embedded"]["tasks"][0]["request_id"] == "0"
    task = (await api.get(path)).json()
    assert {name: task[name] for name in fields} == fields
    assert (task["is_completed"], task["result"]) == (True, {"text": "Reached"})
    assert (await api.get(f"/api/v4/leads/{FIRST}")).json()["closest_task_at"] is None
    add, change, close = (hook.tree["task"] for hook in receiver.hooks)
    assert add["add"]["0"]["complete_before"] == str(DUE)
    assert add["add"]["0"]["complete_till"] == "2030-03-17 17:46:40"
    assert (change["update"]["0"]["action_close"], change["update"]["0"]["old_text"]) == (
        "0",
        "Call back",
    )
    closed = close["update"]["0"]
    assert (closed["status"], closed["action_close"], closed["result"]["text"]) == (
        "1",
        "1",
        "Reached",
    )
    events = (await api.get("/api/v4/events?filter[entity]=task")).json()["_embedded"]["events"]
    assert {event["type"] for event in events} >= {"task_added", "task_completed"}
    assert sandbox.crm.deliveries.pending == 0


async def test_a_task_handed_over_is_an_update_that_says_from_whom(
    api: httpx.AsyncClient, receiver: Receiver
) -> None:
    await listen(api, receiver, "responsible_task")
    draft = {"text": "Call", "complete_till": DUE, "responsible_user_id": 501}
    made = await api.post("/api/v4/tasks", json=[draft])
    task_id = made.json()["_embedded"]["tasks"][0]["id"]
    await api.patch(f"/api/v4/tasks/{task_id}", json={"text": "Call now"})
    await api.patch(f"/api/v4/tasks/{task_id}", json={"responsible_user_id": 502})
    await until(lambda: receiver.hooks)

    (hook,) = receiver.hooks
    told = hook.tree["task"]["update"]["0"]
    assert (told["old_responsible_user_id"], told["main_user"]) == ("501", "502")
    assert (told["element_id"], told["element_type"]) == ("0", "0")


async def test_tasks_that_make_no_sense_are_refused_together(api: httpx.AsyncClient) -> None:
    body: list[dict[str, Any]] = [
        {"text": "Call"},
        {"text": "Call", "complete_till": DUE, "entity_id": FIRST, "entity_type": "users"},
        {"text": "Call", "complete_till": DUE, "entity_id": 1, "entity_type": "leads"},
        {"text": "Call", "complete_till": "tomorrow"},
        {"text": "Call", "complete_till": DUE, "task_type_id": 99},
    ]
    answer = await api.post("/api/v4/tasks", json=body)

    assert errors(answer) == [
        ("0", "FieldMissing", "complete_till"),
        ("1", "NotSupportedChoice", "entity_type"),
        ("2", "NotSupportedChoice", "entity_id"),
        ("3", "InvalidType", "complete_till"),
        ("4", "NotSupportedChoice", "task_type_id"),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter[task_type][]=2", ["Meet"]),
        ("filter[task_type_id]=1", ["Call"]),
        ("filter[is_completed]=1", ["Meet"]),
        ("filter[complete_till][to]=1900000000", ["Call"]),
        ("order[complete_till]=desc", ["Meet", "Call"]),
        ("filter[responsible_user_id][]=502", []),
    ],
)
async def test_tasks_are_filtered_and_ordered(
    api: httpx.AsyncClient, query: str, expected: list[str]
) -> None:
    done = {"is_completed": True, "task_type_id": 2, "complete_till": DUE + 1}
    await api.post(
        "/api/v4/tasks",
        json=[{"text": "Call", "complete_till": DUE}, {"text": "Meet", **done}],
    )
    answer = await api.get(f"/api/v4/tasks?{query}")

    tasks = answer.json()["_embedded"]["tasks"] if answer.status_code == 200 else []
    assert [task["text"] for task in tasks] == expected


@pytest.mark.parametrize("query", ["filter[mood]=good", "filter[is_completed]=maybe", "filter=1"])
async def test_a_filter_that_is_not_known_is_an_error(api: httpx.AsyncClient, query: str) -> None:
    assert (await api.get(f"/api/v4/tasks?{query}")).status_code == 400
