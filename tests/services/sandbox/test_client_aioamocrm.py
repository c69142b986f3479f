"""aioamocrm, unmodified, against the sandbox: each call of its resources passes."""

import inspect
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aioamocrm import (
    AmoCRMClient,
    AmoCRMError,
    AuthError,
    Company,
    Contact,
    Embedded,
    ForbiddenError,
    Lead,
    LongLivedToken,
    MemoryTokenStorage,
    NotFoundError,
    OAuth2,
    RateLimitError,
    RetryPolicy,
    Tag,
    Task,
    ValidationError,
    parse_webhook,
)

from services.sandbox.app import Sandbox
from services.sandbox.sample import NEW_REQUEST, SALES
from tests.services.sandbox.conftest import Receiver
from tests.support.excuses import excused
from tests.support.waiting import until

DUE = 1_900_000_000
APP = {
    "client_id": "11111111-2222-4333-8444-555555555555",
    "client_secret": "sim-secret",
    "redirect_uri": "https://app.example.test/oauth/",
}


class Used:
    """Passes everything on to the client, and remembers what was called on its resources."""

    def __init__(self, target: Any, path: str, names: set[str]) -> None:
        self._target, self._path, self._names = target, path, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        path = f"{self._path}.{name}".lstrip(".")
        if not callable(found):
            return Used(found, path, self._names)
        self._names.add(path)
        return found


def calls_of(target: Any, path: str = "", depth: int = 2) -> set[str]:
    """Everything that can be called on the client's resources."""
    found: set[str] = set()
    for name, value in vars(target).items():
        if not name.startswith("_") and type(value).__name__.endswith("Resource"):
            here = f"{path}.{name}".lstrip(".")
            methods = inspect.getmembers(value, inspect.ismethod)
            found |= {f"{here}.{method}" for method, _ in methods if not method.startswith("_")}
            found |= calls_of(value, here, depth - 1) if depth else set()
    return found


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AmoCRMClient]:
    async with AmoCRMClient(
        base_url=sandbox.base_url, auth=LongLivedToken(sandbox.token), rate_limit=None
    ) as client:
        yield client


async def test_each_call_passes_or_is_excused(client: AmoCRMClient) -> None:
    names: set[str] = set()
    amo: Any = Used(client, "", names)
    lead_id, contact_id, company_id = await cards(amo)
    await links(amo, lead_id, contact_id, company_id)
    for kind, entity_id in (
        ("leads", lead_id),
        ("contacts", contact_id),
        ("companies", company_id),
    ):
        await notes(getattr(amo, kind).notes, entity_id)
    await tasks(amo, lead_id)
    await the_rest(amo, client)

    reasons = excused("aioamocrm")
    assert calls_of(client) - reasons.keys() == names
    assert reasons.keys() <= calls_of(client) - names


async def cards(amo: Any) -> tuple[int, int, int]:
    person = Contact(name="Ana Lima")
    person.set_field("PHONE", "+55 11 5555", enum_code="WORK")
    (contact,) = await amo.contacts.create([person])
    (company,) = await amo.companies.create([Company(name="Acme")])
    made = await amo.leads.create([Lead(name=f"Lead {n}", price=n) for n in range(3)], batch_size=2)
    await amo.leads.update([Lead(id=each.id, status_id=NEW_REQUEST) for each in made])
    await amo.contacts.update([{"id": contact.id, "responsible_user_id": 502}])
    await amo.companies.update([Company(id=company.id, name="Acme Ltd")])
    embedded = Embedded(contacts=[Contact(name="New")], companies=[Company(name="Its")])
    (whole,) = await amo.leads.create_complex([Lead(name="Whole", embedded=embedded)])

    assert len({each.id for each in made}) == 3
    assert whole.contact_id is not None
    assert whole.company_id is not None
    shown = await amo.leads.get(whole.id, with_=["contacts"])
    assert [each.id for each in shown.embedded.contacts] == [whole.contact_id]
    stage = {"statuses": [{"pipeline_id": SALES, "status_id": NEW_REQUEST}]}
    found = [each.price async for each in amo.leads.iterate(limit=2, filter=stage)]
    assert found == [0, 1, 2]
    page = await amo.leads.get_page(1, filter={"price": 2}, order={"updated_at": "desc"})
    assert [each.name for each in page.items] == ["Lead 2"]
    read = await amo.contacts.get(contact.id)
    assert (read.responsible_user_id, read.field_value("PHONE")) == (502, "+55 11 5555")
    assert [each.id async for each in amo.contacts.iterate(query="5555")] == [contact.id]
    assert len((await amo.contacts.get_page(limit=1)).items) == 1
    assert (await amo.companies.get(company.id)).name == "Acme Ltd"
    assert len([each async for each in amo.companies.iterate(limit=1)]) == 2
    assert len((await amo.companies.get_page()).items) == 2
    with pytest.raises(NotFoundError):
        await amo.leads.get(1)
    return made[0].id, contact.id, company.id


async def links(amo: Any, lead_id: int, contact_id: int, company_id: int) -> None:
    main = {"is_main": True}
    (linked,) = await amo.leads.link(lead_id, "contacts", contact_id, metadata=main)
    assert (linked.to_entity_id, linked.to_entity_type) == (contact_id, "contacts")
    await amo.contacts.link(contact_id, "companies", company_id)
    await amo.companies.link(company_id, "leads", lead_id)
    seen = {
        (kind, each.to_entity_type, each.to_entity_id)
        for kind, entity_id in (
            ("leads", lead_id),
            ("contacts", contact_id),
            ("companies", company_id),
        )
        for each in await getattr(amo, kind).links(entity_id)
    }
    assert seen == {
        ("leads", "contacts", contact_id),
        ("leads", "companies", company_id),
        ("contacts", "leads", lead_id),
        ("contacts", "companies", company_id),
        ("companies", "leads", lead_id),
        ("companies", "contacts", contact_id),
    }
    await amo.leads.unlink(lead_id, "contacts", contact_id)
    await amo.contacts.unlink(contact_id, "companies", company_id)
    await amo.companies.unlink(company_id, "leads", lead_id)
    assert await amo.leads.links(lead_id) == []


async def notes(amo: Any, entity_id: int) -> None:
    (note,) = await amo.create(
        [{"entity_id": entity_id, "note_type": "common", "params": {"text": "Hi"}}]
    )
    assert (await amo.get(note.id, entity_id=entity_id)).params == {"text": "Hi"}
    page = await amo.get_page(entity_id=entity_id, filter={"note_type": ["common"]})
    assert [each.id for each in page.items] == [note.id]
    assert [each.id async for each in amo.iterate()] == [note.id]


async def tasks(amo: Any, lead_id: int) -> None:
    draft = Task(text="Call", complete_till=DUE, entity_id=lead_id, entity_type="leads")
    (task,) = await amo.tasks.create([draft])
    await amo.tasks.update([Task(id=task.id, text="Meet", task_type_id=2)])
    # The two names of one filter, as the client advises.
    kind = {"task_type_id": 2, "task_type": 2, "is_completed": 0}
    assert [each.text async for each in amo.tasks.iterate(filter=kind)] == ["Meet"]
    await amo.tasks.complete(task.id, result="Reached")
    done = await amo.tasks.get(task.id)
    assert (done.is_completed, done.result.text) == (True, "Reached")
    assert [each.id for each in (await amo.tasks.get_page()).items] == [task.id]


async def the_rest(amo: Any, client: AmoCRMClient) -> None:
    account = await amo.account.get(with_=["users_groups", "task_types", "amojo_id"])
    assert account.subdomain == "acme"
    assert account.amojo_id is not None
    pipelines = await amo.pipelines.list()
    assert pipelines[0].id == SALES
    assert (await amo.pipelines.get(SALES)).name == "Sales"
    assert 142 in {each.id for each in await amo.pipelines.statuses(SALES)}
    assert len([each async for each in amo.users.iterate(limit=5)]) == 13
    assert len((await amo.users.get_page(2, limit=10)).items) == 3
    assert (await amo.users.get(501, with_=["role", "group"])).name == "Ana Souza"
    choice = {"name": "City", "type": "select", "enums": [{"value": "Lima"}]}
    for kind in ("leads", "contacts", "companies"):
        await client.request("POST", f"{kind}/custom_fields", json=[choice])
        fields = getattr(amo, kind).custom_fields
        (city,) = [each async for each in fields.iterate() if each.name == "City"]
        assert (await fields.get(city.id)).enums[0].value == "Lima"
        assert city.id in {each.id for each in (await fields.get_page()).items}


async def test_a_refusal_names_the_element_and_the_field(client: AmoCRMClient) -> None:
    with pytest.raises(ValidationError) as refused:
        await client.leads.create([Lead(name="A"), Lead(name="B", responsible_user_id=1)])

    (issue,) = refused.value.errors
    assert (issue.request_id, issue.path) == ("1", "responsible_user_id")
    with pytest.raises(ValidationError):
        await client.leads.get_page(filter={"colour": "red"})


async def test_too_many_and_blocked_are_told_apart(sandbox: Sandbox, client: AmoCRMClient) -> None:
    once = RetryPolicy(max_attempts=1)
    async with AmoCRMClient(
        base_url=sandbox.base_url, auth=client.auth, rate_limit=None, retry=once
    ) as impatient:
        sandbox.knobs.turn({"too_many_next": 1})
        with pytest.raises(RateLimitError):
            await impatient.account.get()
        sandbox.knobs.turn({"blocked": True})
        with pytest.raises(ForbiddenError):
            await impatient.account.get()


async def test_tokens_are_got_by_a_code_and_renewed_by_themselves(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.base_url) as person:
        await person.post("/sandbox/integrations", json=APP)
        code = (await person.post(f"/sandbox/integrations/{APP['client_id']}/code")).json()["code"]
    storage = MemoryTokenStorage()
    auth = OAuth2(**APP, storage=storage)
    async with AmoCRMClient(base_url=sandbox.base_url, auth=auth, rate_limit=None) as client:
        first = await client.exchange_code(code)
        assert (await client.account.get()).current_user_id == 500
        with pytest.raises(AmoCRMError):
            await client.exchange_code(code)
        sandbox.crm.oauth.expire(first.access_token)
        assert (await client.account.get()).current_user_id == 500
        second = await storage.load()

    assert second is not None
    assert second.refresh_token != first.refresh_token


async def test_a_revoked_refresh_token_is_an_error_of_authorization(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.base_url) as person:
        await person.post("/sandbox/integrations", json=APP)
        code = (await person.post(f"/sandbox/integrations/{APP['client_id']}/code")).json()["code"]
        auth = OAuth2(**APP, storage=MemoryTokenStorage())
        async with AmoCRMClient(base_url=sandbox.base_url, auth=auth, rate_limit=None) as client:
            await client.exchange_code(code)
            gone = await person.post(f"/sandbox/integrations/{APP['client_id']}/uninstall")
            with pytest.raises(AuthError):
                await client.account.get()

    assert gone.json() == {"status": None}


async def test_its_parser_reads_the_hooks(
    sandbox: Sandbox, client: AmoCRMClient, receiver: Receiver
) -> None:
    settings = ["add_lead", "status_lead", "note_lead", "add_contact", "add_task"]
    body = {"destination": f"{receiver.base_url}/a/", "settings": settings}
    await client.request("POST", "webhooks", json=body)
    sandbox.account.users[501].is_active = True
    person = Contact(name="Ana Lima")
    person.set_field("PHONE", "5555", enum_code="WORK")
    await client.contacts.create([person])
    (lead,) = await client.leads.create([Lead(name="A", embedded=Embedded(tags=[Tag(name="vip")]))])
    await client.leads.update([Lead(id=lead.id, status_id=NEW_REQUEST)])
    note = {"entity_id": lead.id, "note_type": "common", "params": {"text": "Hi"}}
    await client.leads.notes.create([note])
    await client.tasks.create([Task(text="Call", complete_till=DUE, entity_id=lead.id)])
    await until(lambda: len(receiver.hooks) == 5)

    webhooks = [parse_webhook(hook.body) for hook in receiver.hooks]
    events = {(e.entity, e.action): e for webhook in webhooks for e in webhook.events}
    assert {webhook.account_id for webhook in webhooks} == {32_000_001}
    assert events.keys() == {
        ("leads", "add"),
        ("leads", "status"),
        ("leads", "note"),
        ("contacts", "add"),
        ("task", "add"),
    }
    assert events["leads", "add"].id == lead.id
    assert events["leads", "add"].payload["tags"][0]["name"] == "vip"
    assert events["leads", "status"].payload["status_id"] == str(NEW_REQUEST)
    assert events["leads", "note"].payload["note"]["element_id"] == str(lead.id)
    assert events["contacts", "add"].field_value("PHONE") == "5555"
