"""amocrm-api-wrapper, unmodified, against the sandbox: each call passes or is excused by name.

Its sessions are asked for bodies of GET and DELETE by a way that httpx has not (`get(json=...)`).
That is worked round outside it: it gets sessions that have it.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar

import amocrm_api.oauth_client
import httpx
import pytest
from amocrm_api import AmoOAuthClient
from amocrm_api.errors import AmoException

from services.sandbox.app import Sandbox
from services.sandbox.oauth import Integration
from services.sandbox.sample import INBOX, NEW_REQUEST, SALES
from tests.support.excuses import excused

CLIENT = "amocrm-api-wrapper"
REDIRECT = "https://app.example.test/oauth/"
APP = {"client_id": "app", "client_secret": "s", "redirect_uri": REDIRECT}
DUE = 1_900_000_000
# What only concerns the object itself and sends nothing.
LOCAL = {"close", "update_session_params", "update_session_auth_headers"}

Call = Callable[..., Awaitable[Any]]


class _Session(httpx.Client):
    made: ClassVar[list["_Session"]] = []

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The wrapper drops the old one unclosed when it gets new tokens.
        self.made.append(self)

    def get(self, url: Any, *, json: Any = None, **rest: Any) -> httpx.Response:
        return self.request("GET", url, json=json, **rest)

    def delete(self, url: Any, *, json: Any = None, **rest: Any) -> httpx.Response:
        return self.request("DELETE", url, json=json, **rest)


class _AsyncSession(httpx.AsyncClient):
    made: ClassVar[list["_AsyncSession"]] = []

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.made.append(self)

    async def get(self, url: Any, *, json: Any = None, **rest: Any) -> httpx.Response:
        return await self.request("GET", url, json=json, **rest)

    async def delete(self, url: Any, *, json: Any = None, **rest: Any) -> httpx.Response:
        return await self.request("DELETE", url, json=json, **rest)


@pytest.fixture
async def client(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AmoOAuthClient]:
    monkeypatch.setattr(amocrm_api.oauth_client, "Client", _Session)
    monkeypatch.setattr(amocrm_api.oauth_client, "AsyncClient", _AsyncSession)
    oauth = sandbox.crm.oauth
    oauth.integrations["app"] = Integration(**APP)
    code = oauth.code("app", sandbox.account.id, 500, expires_at=2_000_000_000)
    asked = {**APP, "grant_type": "authorization_code", "code": code}
    tokens = oauth.exchange(sandbox.account, sandbox.knobs, asked, sandbox.crm.clock.second())
    made = AmoOAuthClient(
        tokens["access_token"],
        tokens["refresh_token"],
        sandbox.base_url,
        *APP.values(),
    )
    yield made
    for session in _Session.made:
        session.close()
    for async_session in _AsyncSession.made:
        await async_session.aclose()


def calls_of(client: AmoOAuthClient, *, is_async: bool, used: set[str]) -> Call:
    """Call by name, one way or the other, and remember the name."""

    async def call(name: str, *args: Any, **kwargs: Any) -> Any:
        used.add(name)
        if not is_async:
            method = getattr(client, name)
            if inspect.isgeneratorfunction(method) or name.startswith("iter_"):
                return await asyncio.to_thread(lambda: list(method(*args, **kwargs)))
            return await asyncio.to_thread(method, *args, **kwargs)
        found = getattr(client, f"{name}_async")(*args, **kwargs)
        if inspect.isasyncgen(found):
            return [each async for each in found]
        return await found

    return call


def ids(answer: Any, key: str) -> list[Any]:
    return [each["id"] for each in answer["_embedded"][key]]


@pytest.mark.parametrize("is_async", [False, True])
async def test_each_call_passes_or_is_excused(
    sandbox: Sandbox, client: AmoOAuthClient, *, is_async: bool
) -> None:
    used: set[str] = set()
    call = calls_of(client, is_async=is_async, used=used)
    await the_account(call)
    await users_and_roles(call)
    lead_id, contact_id, company_id = await cards(call)
    await links(call, lead_id, contact_id, company_id)
    await notes_and_tasks(call, lead_id)
    await fields_and_tags(call)
    await pipelines(call)
    await lists(call)
    await incoming(call, sandbox)
    await hooks_and_widgets(call, sandbox)
    await events(call, lead_id)
    await call("update_tokens")
    account = await call("get_account_info")
    assert account["current_user_id"] == 500

    public = {
        name
        for name, _ in inspect.getmembers(AmoOAuthClient, inspect.isfunction)
        if not name.startswith("_") and not name.endswith("_async")
    }
    reasons = excused(CLIENT)
    assert public - LOCAL - reasons.keys() == used
    assert reasons.keys() <= public - used


async def the_account(call: Call) -> None:
    account = await call(
        "get_account_info", with_users_groups=True, with_task_types=True, with_version=True
    )
    assert account["subdomain"] == "acme"
    assert account["version"] == 16
    assert [each["id"] for each in account["_embedded"]["task_types"]] == [1, 2]


async def users_and_roles(call: Call) -> None:
    users = await call("get_users", with_role=True, with_group=True)
    assert users["_total_items"] == 13
    assert (await call("get_user", 501))["name"] == "Ana Souza"
    made = await call("add_users", [{"name": "New", "email": "new@example.test"}])
    (user_id,) = ids(made, "users")
    await call("deactivate_users", [{"id": user_id}])
    assert (await call("get_user", user_id))["rights"]["is_active"] is False
    await call("activate_users", [{"id": user_id}])
    assert (await call("get_user", user_id))["rights"]["is_active"] is True
    roles = await call("create_roles", [{"name": "Seller", "rights": {}}])
    (role_id,) = ids(roles, "roles")
    assert (await call("update_role", role_id, {"name": "Buyer"}))["name"] == "Buyer"
    assert (await call("get_role", role_id))["name"] == "Buyer"
    assert ids(await call("get_roles"), "roles") == [role_id]
    await call("delete_role", role_id)
    assert await call("get_roles") == {}


async def cards(call: Call) -> tuple[int, int, int]:
    phone = {"field_code": "PHONE", "values": [{"value": "+55 11 5555", "enum_code": "WORK"}]}
    contact = {"first_name": "Ana", "last_name": "Lima", "custom_fields_values": [phone]}
    (contact_id,) = ids(await call("create_contacts", [contact]), "contacts")
    (company_id,) = ids(await call("create_companies", [{"name": "Acme"}]), "companies")
    lead = {"name": "A", "price": 10, "_embedded": {"contacts": [{"id": contact_id}]}}
    lead_id, other_id = ids(await call("create_leads", [lead, {"name": "B"}]), "leads")
    (whole,) = await call(
        "create_leads_complex",
        [{"name": "C", "_embedded": {"contacts": [{"name": "D"}], "companies": [{"name": "E"}]}}],
    )
    assert whole.keys() == {"id", "contact_id", "company_id", "request_id", "merged"}

    await call("update_leads", [{"id": lead_id, "price": 20}, {"id": other_id, "price": 30}])
    found = await call("get_lead", lead_id, with_params=["contacts", "loss_reason"])
    assert (found["price"], found["_embedded"]["contacts"][0]["id"]) == (20, contact_id)
    assert ids(await call("get_leads", filters={"price": 30}), "leads") == [other_id]
    assert ids(await call("get_leads", filter_ids=[lead_id]), "leads") == [lead_id]
    listed = await call("iter_leads", limit=1, order={"id": "desc"})
    assert [each["id"] for each in listed] == [whole["id"], other_id, lead_id]
    with pytest.raises(AmoException) as refused:
        await call("get_leads", filters={"colour": "red"})
    assert refused.value.code == 400  # type: ignore[attr-defined]  # it has no types

    await call("update_contacts", [{"id": contact_id, "responsible_user_id": 502}])
    shown = await call("get_contact", contact_id)
    assert (shown["name"], shown["responsible_user_id"]) == ("Ana Lima", 502)
    assert shown["custom_fields_values"][0]["values"][0]["enum_code"] == "WORK"
    by_name = await call("get_contacts", query="5555")
    assert ids(by_name, "contacts") == [contact_id]
    assert len(await call("iter_contacts", limit=1)) == 2
    await call("update_companies", [{"id": company_id, "name": "Acme Ltd"}])
    assert (await call("get_company", company_id))["name"] == "Acme Ltd"
    assert len(ids(await call("get_companies"), "companies")) == 2
    assert len(await call("iter_companies", limit=1)) == 2
    called = await call(
        "create_calls",
        [
            {
                "direction": "inbound",
                "duration": 9,
                "source": "test",
                "phone": "55115555",
                "call_status": 4,
            }
        ],
    )
    assert called["_embedded"]["calls"][0]["entity_id"] == contact_id
    return lead_id, contact_id, company_id


async def links(call: Call, lead_id: int, contact_id: int, company_id: int) -> None:
    to_company = [{"to_entity_id": company_id, "to_entity_type": "companies"}]
    to_lead = [{"to_entity_id": lead_id, "to_entity_type": "leads"}]
    for kind, entity_id, objects in (
        ("leads", lead_id, to_company),
        ("contacts", contact_id, to_company),
        ("companies", company_id, to_lead),
    ):
        await call(f"link_{kind}_entity", entity_id, objects)
        found = (await call(f"get_{kind}_links", entity_id))["_embedded"]["links"]
        assert objects[0].items() <= found[-1].items() or objects[0].items() <= found[0].items()
        await call(f"unlink_{kind}_entity", entity_id, objects)
        left = (await call(f"get_{kind}_links", entity_id))["_embedded"]["links"]
        assert not any(objects[0].items() <= each.items() for each in left)


async def notes_and_tasks(call: Call, lead_id: int) -> None:
    note = {"note_type": "common", "params": {"text": "Hi"}}
    made = await call("create_entity_note", "leads", [note], lead_id)
    (note_id,) = ids(made, "notes")
    await call("create_entity_note", "leads", [{**note, "entity_id": lead_id}])
    changed = {"note_type": "common", "params": {"text": "Ho"}}
    await call("update_entity_note", "leads", lead_id, note_id, changed)
    await call("update_entity_many_notes", "leads", [{"id": note_id, **changed}])
    await call("pin_note", "leads", lead_id, note_id)
    shown = await call("get_entity_note", "leads", note_id, lead_id)
    assert (shown["params"], shown["is_pinned"]) == ({"text": "Ho"}, True)
    await call("unpin_note", "leads", lead_id, note_id)
    listed = await call("get_notes_by_entity_type", "leads", filter_by_note_type=["common"])
    assert len(ids(listed, "notes")) == 2
    listed = await call("get_notes_by_entity_type_and_entity_id", "leads", lead_id)
    assert len(ids(listed, "notes")) == 2

    task = {"text": "Call", "complete_till": DUE, "entity_id": lead_id, "entity_type": "leads"}
    (task_id,) = ids(await call("add_tasks", [task]), "tasks")
    await call("update_tasks", [{"id": task_id, "text": "Meet", "task_type_id": 2}])
    found = await call("get_tasks", filters={"task_type": [2], "is_completed": 0})
    assert ids(found, "tasks") == [task_id]
    await call("execution_task", task_id, True, "Done")  # noqa: FBT003 - its own signature
    shown = await call("get_task", task_id)
    assert (shown["text"], shown["is_completed"], shown["result"]) == (
        "Meet",
        True,
        {"text": "Done"},
    )
    assert len(await call("iter_tasks")) == 1


async def fields_and_tags(call: Call) -> None:
    choice = {"name": "City", "type": "select", "enums": [{"value": "Lima"}, {"value": "Rio"}]}
    for kind in ("leads", "contacts", "companies"):
        made = await call(f"create_{kind}_custom_fields", [choice])
        (field_id,) = ids(made, "custom_fields")
        changed = await call(f"update_{kind}_custom_fields", [{"id": field_id, "name": "Town"}])
        assert changed["_embedded"]["custom_fields"][0]["name"] == "Town"
        one = await call(f"get_{kind}_custom_field", field_id)
        assert [each["value"] for each in one["enums"]] == ["Lima", "Rio"]
        assert field_id in ids(await call(f"get_{kind}_custom_fields"), "custom_fields")
        tab = [{"name": "Place", "sort": 3, "fields": [{"id": field_id}]}]
        tabs = await call(f"create_{kind}_custom_field_groups", tab)
        (group_id,) = ids(tabs, "custom_field_groups")
        await call(f"update_{kind}_custom_field_group", group_id, {"name": "Where"})
        group = await call(f"get_{kind}_custom_field_groups", group_id)
        assert (group["name"], group["fields"]) == ("Where", [field_id])
        assert ids(await call(f"get_{kind}_custom_field_groups"), "custom_field_groups") == [
            group_id
        ]
        await call(f"delete_{kind}_custom_field_group", group_id)
        assert await call(f"get_{kind}_custom_field_groups") == {}
        await call(f"delete_{kind}_custom_field", field_id)
        with pytest.raises(AmoException):
            await call(f"get_{kind}_custom_field", field_id)
    tags = await call("add_tags_for_entity_type", "leads", [{"name": "vip"}])
    assert ids(await call("get_tags_by_entity_type", "leads"), "tags") == ids(tags, "tags")
    assert [each["name"] for each in await call("iter_tags_by_entity_type", "leads")] == ["vip"]


async def pipelines(call: Call) -> None:
    assert ids(await call("get_pipelines"), "pipelines")[0] == SALES
    columns = [{"name": "First", "sort": 20}]
    made = await call("create_pipeline", "Second hand", 50, False, columns, True)  # noqa: FBT003
    (pipeline,) = made["_embedded"]["pipelines"]
    await call("edit_pipeline", pipeline["id"], "Used", 60, False, True)  # noqa: FBT003
    assert (await call("get_pipeline", pipeline["id"]))["name"] == "Used"
    added = await call("add_statuses_to_pipeline", pipeline["id"], [{"name": "Next", "sort": 30}])
    (status_id,) = ids(added, "statuses")
    await call("edit_pipeline_status", pipeline["id"], status_id, "Then", 40, "#fff000")
    assert (await call("get_pipeline_status", pipeline["id"], status_id))["name"] == "Then"
    listed = await call("get_pipeline_statuses", pipeline["id"])
    assert [each["name"] for each in listed["_embedded"]["statuses"]][:3] == [
        "Incoming leads",
        "First",
        "Then",
    ]
    await call("delete_status_from_pipeline", pipeline["id"], status_id)
    await call("delete_pipeline", pipeline["id"])
    assert pipeline["id"] not in ids(await call("get_pipelines"), "pipelines")


async def lists(call: Call) -> None:
    (reason_id,) = ids(await call("create_loss_reasons", [{"name": "Bored"}]), "loss_reasons")
    await call("update_loss_reasons", [{"id": reason_id, "name": "Slow"}])
    assert (await call("get_loss_reason", reason_id))["name"] == "Slow"
    assert reason_id in ids(await call("get_loss_reasons"), "loss_reasons")
    await call("delete_loss_reason", reason_id)
    assert reason_id not in ids(await call("get_loss_reasons"), "loss_reasons")
    source = {"name": "Shop", "external_id": "shop-1"}
    (source_id,) = ids(await call("create_sources", [source]), "sources")
    await call("update_sources", [{"id": source_id, "name": "Store"}])
    assert (await call("get_source", source_id))["name"] == "Store"
    found = await call("get_sources", filter_by_external_id="shop-1")
    assert ids(found, "sources") == [source_id]
    await call("delete_sources", [{"id": source_id}])
    assert await call("get_sources") == {}


async def incoming(call: Call, sandbox: Sandbox) -> None:
    form = {
        "form_id": "f",
        "form_name": "Form",
        "form_page": "https://example.test",
        "form_sent_at": 1_760_000_000,
    }
    sip = {"from": "+55", "phone": "+55", "called_at": 1_760_000_000, "duration": 7}
    made = [
        await call(f"create_unsorted_by_{kind}", "u", "Site", about, {"name": "N"}, {}, {})
        for kind, about in (("form", form), ("sip", sip))
    ]
    first, second = (each["_embedded"]["unsorted"][0] for each in made)
    lead_id = first["_embedded"]["leads"][0]["id"]
    contact_id = first["_embedded"]["contacts"][0]["id"]
    assert await call("get_contact", contact_id) == {}
    assert (await call("get_unsorted_by_uid", first["uid"]))["category"] == "forms"
    listed = await call("get_unsorted_leads", filter_by_category=["sip"])
    assert [each["uid"] for each in listed["_embedded"]["unsorted"]] == [second["uid"]]
    accepted = await call("accept_unsorted", first["uid"], 501, NEW_REQUEST)
    assert accepted["_embedded"]["leads"][0]["id"] == lead_id
    lead = sandbox.account.leads[lead_id]
    assert (lead.status_id, lead.responsible_user_id) == (NEW_REQUEST, 501)
    assert (await call("get_contact", contact_id))["name"] == "N"
    await call("decline_unsorted", second["uid"])
    summary = await call("get_summary_unsorted")
    assert (summary["total"], summary["accepted"], summary["declined"]) == (2, 1, 1)

    (target,) = ids(await call("create_leads", [{"name": "T", "status_id": INBOX}]), "leads")
    async with httpx.AsyncClient(base_url=sandbox.base_url) as person:
        chat = (await person.post("/sandbox/unsorted", json={"category": "chats"})).json()
    linked = await call("link_unsorted", chat["uid"], {"entity_id": target, "entity_type": "leads"})
    assert linked["_embedded"]["leads"][0]["id"] == target


async def hooks_and_widgets(call: Call, sandbox: Sandbox) -> None:
    destination = "https://app.example.test/hook/"
    await call("subscribe_webhook", destination, ["add_lead", "add_unsorted"])
    (hook,) = (await call("get_webhooks", destination))["_embedded"]["webhooks"]
    assert hook["settings"] == ["add_lead", "add_unsorted"]
    await call("unsubscribe_webhook", destination)
    assert (await call("get_webhooks", destination))["_embedded"]["webhooks"] == []
    async with httpx.AsyncClient(base_url=sandbox.base_url) as person:
        await person.post("/sandbox/integrations", json={**APP, "widget_code": "fairlead"})
    installed = await call("install_widget", "fairlead", rule="night")
    assert installed["settings"] == {"rule": "night"}
    shown = await call("get_widget", "fairlead")
    assert (shown["is_active_in_account"], shown["settings"]) == (True, {"rule": "night"})
    assert len((await call("get_widgets"))["_embedded"]["widgets"]) == 1
    await call("uninstall_widget", "fairlead")
    assert (await call("get_widget", "fairlead"))["is_active_in_account"] is False


async def events(call: Call, lead_id: int) -> None:
    types = await call("get_events_type", language_code="en")
    by_key = {each["key"]: each["type"] for each in types["_embedded"]["events_types"]}
    assert (by_key["lead_added"], by_key["lead_deleted"]) == (1, 7)
    found = await call("get_events", filter_by_entity="lead", filter_by_entity_id=[lead_id])
    (first,) = [e for e in found["_embedded"]["events"] if e["type"] == "lead_added"]
    assert (await call("get_event", first["id"]))["entity_id"] == lead_id
