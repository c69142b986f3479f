"""Contacts, companies and tasks in the documented shapes, over real HTTP (6.4, 6.6, 6.7)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.sandbox.app import Sandbox
from services.sandbox.sample import INBOX, SALES

FIRST = 900_001
CARDS = {
    "contacts": [
        {
            "responsible_user_id": 501,
            "custom_fields_values": [
                {"field_id": 5, "field_name": "City", "values": [{"value": "Lima"}]}
            ],
        },
        {"responsible_user_id": 502},
    ],
    "companies": [{"responsible_user_id": 503}],
    "tasks": [
        {"responsible_user_id": 501, "entity_id": FIRST},
        {"responsible_user_id": 501, "entity_id": FIRST, "is_completed": True},
        {"responsible_user_id": 501, "entity_id": 800_001, "entity_type": "contacts"},
    ],
}
LEADS = [
    {"contact_ids": [800_001, 800_002], "company_id": 700_001, "source_id": 9},
    {"contact_ids": [800_001]},
    {},
]


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        made = await client.post("/sandbox/cards", json=CARDS)
        assert made.json() == {
            "contacts": [800_001, 800_002],
            "companies": [700_001],
            "tasks": [600_001, 600_002, 600_003],
        }
        leads = [{"pipeline_id": SALES, "status_id": INBOX, **lead} for lead in LEADS]
        await client.post("/sandbox/leads", json={"leads": leads})
        yield client


async def embedded(api: httpx.AsyncClient, path: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(path)).json()["_embedded"][kind]
    return found


async def test_a_lead_shows_its_contacts_company_and_source_only_when_asked(
    api: httpx.AsyncClient,
) -> None:
    plain, *_ = await embedded(api, "/api/v4/leads", "leads")
    whole, _, bare = await embedded(api, "/api/v4/leads?with=contacts,source_id", "leads")

    contacts = [(each["id"], each["is_main"]) for each in whole["_embedded"]["contacts"]]
    assert contacts == [(800_001, True), (800_002, False)]
    assert [each["id"] for each in whole["_embedded"]["companies"]] == [700_001]
    assert (whole["source_id"], bare["source_id"]) == (9, None)
    assert bare["_embedded"] == {"tags": [], "companies": [], "contacts": []}
    assert "contacts" not in plain["_embedded"]
    assert "source_id" not in plain


async def test_contacts_are_found_by_id_with_their_leads(api: httpx.AsyncClient) -> None:
    path = "/api/v4/contacts?filter[id][]=800001&filter[id][]=42&with=leads"
    (contact,) = await embedded(api, path, "contacts")

    assert (contact["id"], contact["responsible_user_id"]) == (800_001, 501)
    assert contact["custom_fields_values"][0]["values"] == [{"value": "Lima"}]
    assert [lead["id"] for lead in contact["_embedded"]["leads"]] == [FIRST, FIRST + 1]
    (company,) = await embedded(api, "/api/v4/companies?with=leads", "companies")
    assert [lead["id"] for lead in company["_embedded"]["leads"]] == [FIRST]


async def test_what_does_not_exist_is_204(api: httpx.AsyncClient) -> None:
    for path in ("/contacts?filter[id][]=42", "/contacts/42", "/companies/42", "/tasks/42"):
        assert (await api.get(f"/api/v4{path}")).status_code == 204


async def test_open_tasks_of_leads_are_found_by_their_leads(api: httpx.AsyncClient) -> None:
    path = "/api/v4/tasks?filter[entity_type]=leads&filter[is_completed]=0"
    tasks = await embedded(api, f"{path}&filter[entity_id][]={FIRST}", "tasks")

    assert [task["id"] for task in tasks] == [600_001]
    assert (tasks[0]["entity_id"], tasks[0]["entity_type"]) == (FIRST, "leads")
    assert (await api.get(f"/api/v4/tasks?filter[entity_id][]={FIRST}")).status_code == 400


@pytest.mark.parametrize(
    ("kind", "card_id"), [("contacts", 800_001), ("companies", 700_001), ("tasks", 600_001)]
)
async def test_a_bulk_changes_who_is_responsible(
    api: httpx.AsyncClient, kind: str, card_id: int
) -> None:
    body = [{"id": card_id, "responsible_user_id": 504}]
    answer = await api.patch(f"/api/v4/{kind}", json=body)
    shown = (await api.get(f"/api/v4/{kind}/{card_id}")).json()

    (item,) = answer.json()["_embedded"][kind]
    # Of all bulks, only that of tasks is documented to answer with the request ids.
    more = {"request_id"} if kind == "tasks" else set()
    assert item.keys() == {"id", "updated_at", "_links"} | more
    assert (shown["responsible_user_id"], shown["updated_at"]) == (504, item["updated_at"])


async def test_one_bad_element_refuses_the_whole_bulk(api: httpx.AsyncClient) -> None:
    body = [
        {"id": 800_001, "responsible_user_id": 504},
        {"id": 800_002, "responsible_user_id": 42},
        {"id": 42, "responsible_user_id": 504},
    ]
    answer = await api.patch("/api/v4/contacts", json=body)

    found = [
        (each["request_id"], each["errors"][0]["path"])
        for each in answer.json()["validation-errors"]
    ]
    assert found == [("1", "responsible_user_id"), ("2", "id")]
    assert (await api.get("/api/v4/contacts/800001")).json()["responsible_user_id"] == 501


async def test_a_person_hands_cards_over(api: httpx.AsyncClient) -> None:
    order = {"kind": "contacts", "ids": [800_002], "responsible_user_id": 505}
    await api.post("/sandbox/cards/responsible", json=order)

    cards = (await api.get("/sandbox/cards")).json()
    assert cards["contacts"] == [[800_001, 501], [800_002, 505]]
    wrong = await api.post("/sandbox/cards/responsible", json={**order, "ids": [42]})
    assert (wrong.status_code, wrong.json()["error"]) == (409, "no contacts [42]")
