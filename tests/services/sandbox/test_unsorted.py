"""Incoming leads: they come, are accepted and declined, and hooks tell of it (1.8, 6.5)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.sandbox.app import Sandbox
from services.sandbox.sample import ADMIN_ID, INBOX, NEW_REQUEST, SALES
from tests.services.sandbox.conftest import Receiver
from tests.support.waiting import until

FORM = {
    "source_uid": "site-1",
    "source_name": "Site",
    "metadata": {
        "form_id": "f",
        "form_name": "Callback",
        "form_page": "https://example.test",
        "form_sent_at": 1_760_000_000,
    },
    "_embedded": {
        "leads": [{"name": "Wants a call", "price": 7}],
        "contacts": [{"name": "Ana Lima"}],
    },
}
PATH = "/api/v4/leads/unsorted"


@pytest.fixture
async def api(sandbox: Sandbox, receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        settings = ["add_unsorted", "delete_unsorted", "add_lead", "status_lead", "delete_lead"]
        body = {"destination": f"{receiver.base_url}/h/", "settings": settings}
        await client.post("/api/v4/webhooks", json=body)
        yield client


async def come(api: httpx.AsyncClient) -> dict[str, Any]:
    answer = await api.post(f"{PATH}/forms", json=[FORM])
    (made,) = answer.json()["_embedded"]["unsorted"]
    return {
        "uid": made["uid"],
        "lead_id": made["_embedded"]["leads"][0]["id"],
        "contact_id": made["_embedded"]["contacts"][0]["id"],
    }


async def test_an_incoming_lead_has_a_lead_but_no_contact_that_can_be_reached(
    api: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    made = await come(api)
    await until(lambda: len(receiver.hooks) == 1)
    lead = sandbox.account.leads[made["lead_id"]]
    told = receiver.hooks[0].tree["unsorted"]["add"]["0"]

    assert lead.stage == sandbox.account.incoming_stage(SALES)
    assert (await api.get(f"/api/v4/contacts/{made['contact_id']}")).status_code == 204
    assert (await api.get("/api/v4/contacts?query=Ana")).status_code == 204
    assert (told["uid"], told["category"], told["lead_id"]) == (
        made["uid"],
        "forms",
        str(made["lead_id"]),
    )
    assert told["data"]["leads"]["0"]["name"] == "Wants a call"
    assert told["source_data"]["form_name"] == "Callback"
    assert receiver.hooks[0].tree.keys() == {"account", "unsorted"}


@pytest.mark.parametrize(
    ("knob", "also"), [("nothing", []), ("add", ["add"]), ("status", ["status"])]
)
async def test_acceptance_is_an_end_of_its_time_among_the_incoming(
    api: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver, knob: str, also: list[str]
) -> None:
    sandbox.knobs.turn({"accept_tells": knob})
    trigger = {"pipeline_id": SALES, "status_id": NEW_REQUEST, "url": f"{receiver.base_url}/dp"}
    await api.post("/sandbox/triggers", json=trigger)
    made = await come(api)
    order = {"user_id": 501, "status_id": NEW_REQUEST}
    answer = await api.post(f"{PATH}/{made['uid']}/accept", json=order)
    again = await api.post(f"{PATH}/{made['uid']}/accept", json=order)
    await until(lambda: sandbox.crm.deliveries.pending == 0)
    lead = sandbox.account.leads[made["lead_id"]]
    trees = [hook.tree for hook in receiver.at("/h/")]

    assert answer.json()["_embedded"]["leads"][0]["id"] == made["lead_id"]
    assert again.status_code == 404
    assert (lead.status_id, lead.responsible_user_id) == (NEW_REQUEST, 501)
    assert (await api.get(f"/api/v4/contacts/{made['contact_id']}")).json()["name"] == "Ana Lima"
    (gone,) = [
        tree["unsorted"]["delete"]["0"] for tree in trees if "delete" in tree.get("unsorted", {})
    ]
    assert (gone["action"], gone["modified_user_id"]) == ("accept", "501")
    assert gone["accept_result"]["leads"] == {"0": str(made["lead_id"])}
    assert [action for tree in trees for action in tree.get("leads", {})] == also
    assert len(receiver.at("/dp")) == 1


async def test_a_declined_lead_is_gone(
    api: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    made = await come(api)
    answer = await api.request("DELETE", f"{PATH}/{made['uid']}/decline", json={"user_id": 501})
    await until(lambda: len(receiver.hooks) == 2)
    told = [hook.tree["unsorted"] for hook in receiver.hooks]
    (gone,) = [each["delete"]["0"] for each in told if "delete" in each]

    assert (answer.status_code, sandbox.account.leads[made["lead_id"]].is_deleted) == (200, True)
    assert (gone["action"], gone["decline_result"]["leads"]) == (
        "decline",
        {"0": str(made["lead_id"])},
    )
    assert (await api.get(PATH)).status_code == 204


async def test_a_person_accepts_and_declines_what_comes_by_itself(
    api: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    first, second = [
        (await api.post("/sandbox/unsorted", json={"category": kind})).json()
        for kind in ("chats", "mail")
    ]
    await api.post("/sandbox/unsorted/accept", json={"uid": first["uid"]})
    await api.post("/sandbox/unsorted/decline", json={"uid": second["uid"]})
    unknown = await api.post("/sandbox/unsorted/accept", json={"uid": second["uid"]})
    accepted = sandbox.account.leads[first["lead_id"]]

    assert (accepted.status_id, accepted.responsible_user_id) == (INBOX, ADMIN_ID)
    assert unknown.status_code == 409
    assert (await api.get(f"{PATH}/summary")).json()["categories"]["chats"] == {"total": 1}


async def test_forms_that_make_no_sense_are_refused_together(
    api: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    body = [
        FORM,
        {**FORM, "metadata": {}},
        {**FORM, "pipeline_id": 1},
        {**FORM, "_embedded": {"leads": [{"price": "much"}]}},
    ]
    answer = await api.post(f"{PATH}/forms", json=body)
    paths = [
        (each["request_id"], each["errors"][0]["path"])
        for each in answer.json()["validation-errors"]
    ]

    assert paths == [("1", "metadata.form_id"), ("2", "pipeline_id"), ("3", "price")]
    assert not sandbox.account.leads
    assert (await api.post(f"{PATH}/mail", json=[FORM])).status_code == 405
