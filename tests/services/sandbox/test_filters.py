"""Filters that lists know, and those that they do not, which are errors (5.4)."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.sandbox.app import Sandbox
from services.sandbox.fields import Field
from services.sandbox.sample import INBOX, SALES
from tests.services.sandbox.conftest import Receiver
from tests.support.waiting import until

FIRST = 900_001
DUE = 1_900_000_000


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    fields = sandbox.account.fields["leads"]
    fields[9] = Field(id=9, name="City", type="text")
    fields[10] = Field(id=10, name="Area", type="numeric")
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        city, area = (
            [{"field_id": field_id, "values": [{"value": value}]}]
            for field_id, value in ((9, "Lima"), (10, 12.5))
        )
        drafts = [{"price": 10, "custom_fields_values": city}, {"custom_fields_values": area}, {}]
        await client.post("/api/v4/leads", json=drafts)
        task = {"text": "Call", "complete_till": DUE, "entity_id": FIRST, "entity_type": "leads"}
        await client.post("/api/v4/tasks", json=[task])
        yield client


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter[price]=10", [1]),
        ("filter[price][from]=1", [1]),
        (f"filter[closest_task_at][to]={DUE}", [1]),
        (f"filter[closest_task_at][from]={DUE + 1}", []),
        ("filter[custom_fields_values][9][]=Lima", [1]),
        ("filter[custom_fields_values][9]=Rio", []),
        ("filter[custom_fields_values][10][from]=12", [2]),
    ],
)
async def test_leads_are_filtered(api: httpx.AsyncClient, query: str, expected: list[int]) -> None:
    answer = await api.get(f"/api/v4/leads?{query}")
    found = answer.json()["_embedded"]["leads"] if answer.status_code == 200 else []

    assert [lead["id"] - 900_000 for lead in found] == expected


@pytest.mark.parametrize(
    "query",
    [
        "leads?filter[colour]=red",
        "leads?filter[custom_fields_values]=Lima",
        "leads?filter=1",
        "contacts?filter[price]=1",
        "events?filter[value_after][price]=1",
        "events?filter[value_after][leads_statuses][0][status_id]=1",
        "leads/tags?filter[colour]=red",
    ],
)
async def test_a_filter_that_a_list_does_not_know_is_an_error(
    api: httpx.AsyncClient, query: str
) -> None:
    assert (await api.get(f"/api/v4/{query}")).status_code == 400


async def test_events_are_filtered_by_what_came_after(api: httpx.AsyncClient) -> None:
    patch = [
        {"id": FIRST, "status_id": 61_000_003, "responsible_user_id": 501},
        {"id": FIRST + 1, "responsible_user_id": 502},
    ]
    await api.patch("/api/v4/leads", json=patch)
    stage = "[leads_statuses][0]"

    async def found(query: str) -> list[tuple[str, int]]:
        answer = await api.get(f"/api/v4/events?{query}")
        events = answer.json()["_embedded"]["events"] if answer.status_code == 200 else []
        return [(each["type"], each["entity_id"]) for each in events]

    after = f"filter[value_after]{stage}[pipeline_id]={SALES}&filter[value_after]{stage}[status_id]"
    assert await found(f"{after}=61000003") == [("lead_status_changed", FIRST)]
    assert await found(f"{after}={INBOX}") == []
    assert await found("filter[value_after][responsible_user_id]=502") == [
        ("entity_responsible_changed", FIRST + 1)
    ]


async def test_a_lead_with_a_float_field_can_be_moved(
    api: httpx.AsyncClient, receiver: Receiver
) -> None:
    body = {"destination": f"{receiver.base_url}/a/", "settings": ["status_lead"]}
    await api.post("/api/v4/webhooks", json=body)
    answer = await api.patch(f"/api/v4/leads/{FIRST + 1}", json={"status_id": 61_000_003})
    await until(lambda: len(receiver.hooks) == 1)
    (field,) = receiver.hooks[0].tree["leads"]["status"]["0"]["custom_fields"].values()

    assert answer.status_code == 200
    assert field["values"] == {"0": {"value": "12.5"}}


async def test_a_reason_of_loss_is_for_lost_leads_only(api: httpx.AsyncClient) -> None:
    refused = await api.patch("/api/v4/leads", json=[{"id": FIRST, "loss_reason_id": 1}])
    unknown = await api.patch(
        "/api/v4/leads", json=[{"id": FIRST, "status_id": 143, "loss_reason_id": 99}]
    )
    lost = await api.patch(
        "/api/v4/leads", json=[{"id": FIRST, "status_id": 143, "loss_reason_id": 1}]
    )
    shown = (await api.get(f"/api/v4/leads/{FIRST}?with=loss_reason")).json()

    assert refused.json()["errors"] == {
        str(FIRST): "Loss reason can be specified only for lost lead"
    }
    assert refused.json()["detail"] == "Invalid request body"
    assert unknown.json()["validation-errors"][0]["errors"][0]["path"] == "loss_reason_id"
    assert lost.status_code == 200
    assert shown["_embedded"]["loss_reason"][0]["name"] == "Too expensive"


async def test_a_new_lead_keeps_its_contacts_and_company(api: httpx.AsyncClient) -> None:
    made = await api.post("/api/v4/contacts", json=[{"name": "A"}, {"name": "B"}])
    first, second = [each["id"] for each in made.json()["_embedded"]["contacts"]]
    made = await api.post("/api/v4/companies", json=[{"name": "C"}])
    (company,) = [each["id"] for each in made.json()["_embedded"]["companies"]]
    contacts = [{"id": first}, {"id": second, "is_main": True}]
    draft = {"_embedded": {"contacts": contacts, "companies": [{"id": company}]}}
    lead_id = (await api.post("/api/v4/leads", json=[draft])).json()["_embedded"]["leads"][0]["id"]
    lead = (await api.get(f"/api/v4/leads/{lead_id}?with=contacts")).json()["_embedded"]
    unknown = await api.post("/api/v4/leads", json=[{"_embedded": {"contacts": [{"id": 1}]}}])

    assert [(each["id"], each["is_main"]) for each in lead["contacts"]] == [
        (second, True),
        (first, False),
    ]
    assert [each["id"] for each in lead["companies"]] == [company]
    assert unknown.status_code == 400


async def test_changes_of_contacts_are_told(api: httpx.AsyncClient, receiver: Receiver) -> None:
    settings = ["add_contact", "update_contact", "responsible_company", "add_company"]
    body = {"destination": f"{receiver.base_url}/a/", "settings": settings, "sort": 7}
    hook = (await api.post("/api/v4/webhooks", json=body)).json()
    await api.post("/api/v4/contacts", json=[{"name": "A"}])
    await api.post("/api/v4/companies", json=[{"name": "C"}])
    await api.patch("/api/v4/contacts", json=[{"id": 800_001, "last_name": "Lima"}])
    await api.patch("/api/v4/companies", json=[{"id": 700_001, "name": "D"}])
    await api.patch("/api/v4/companies", json=[{"id": 700_001, "responsible_user_id": 501}])
    await until(lambda: len(receiver.hooks) == 4)

    told = [
        (action, item["type"], item["name"], item.get("old_responsible_user_id"))
        for each in receiver.hooks
        for action, items in each.tree["contacts"].items()
        for item in items.values()
    ]
    assert sorted(told, key=str) == sorted(
        [
            ("add", "contact", "A", None),
            ("add", "company", "C", None),
            ("update", "contact", "Lima", None),
            ("update", "company", "D", "500"),
        ],
        key=str,
    )
    assert hook["sort"] == 7


async def test_what_a_person_deletes_is_told_by_little_more_than_its_id(
    api: httpx.AsyncClient, receiver: Receiver
) -> None:
    settings = ["delete_contact", "delete_task"]
    body = {"destination": f"{receiver.base_url}/a/", "settings": settings}
    await api.post("/api/v4/webhooks", json=body)
    await api.post("/api/v4/contacts", json=[{"name": "A"}])
    for kind, card_id in (("contacts", 800_001), ("tasks", 600_001)):
        await api.post("/sandbox/cards/delete", json={"kind": kind, "ids": [card_id]})
    unknown = await api.post("/sandbox/cards/delete", json={"kind": "tasks", "ids": [1]})
    await until(lambda: len(receiver.hooks) == 2)
    told = {
        section: each.tree[section]["delete"]["0"]
        for each in receiver.hooks
        for section in ("contacts", "task")
        if section in each.tree
    }

    assert told == {"contacts": {"id": "800001", "type": "contact"}, "task": {"id": "600001"}}
    assert unknown.status_code == 409
    assert (await api.get("/api/v4/contacts/800001")).status_code == 204
    assert (await api.get(f"/api/v4/leads/{FIRST}")).json()["closest_task_at"] is None


async def test_the_page_shows_leads_and_journal_without_their_markup(
    api: httpx.AsyncClient,
) -> None:
    await api.patch(f"/api/v4/leads/{FIRST}", json={"name": "<script>alert(1)</script>"})
    page = await api.get("/", follow_redirects=True)
    one = await api.get(f"/sandbox?lead={FIRST + 1}")

    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>" not in page.text
    assert "/api/v4/leads/900001" in page.text
    assert "&lt;script" not in one.text
