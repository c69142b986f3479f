"""amocrm-api, unmodified, against the sandbox over TLS: it knows no other hosts than amoCRM's."""

import asyncio
import gc
import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from amocrm.v2 import (
    Call,
    Company,
    Contact,
    Event,
    Lead,
    Pipeline,
    Status,
    Tag,
    Task,
    User,
    entity,
    filters,
    interaction,
    tokens,
)
from amocrm.v2 import custom_field as kinds
from amocrm.v2.account import Account, AccountInteraction
from amocrm.v2.entity.customer import Customer as Buyer
from amocrm.v2.entity.list import List as Catalog
from amocrm.v2.exceptions import NotFound, UnAuthorizedException, ValidationError
from amocrm.v2.interaction import GenericInteraction
from amocrm.v2.links import LinksInteraction
from amocrm.v2.manager import Manager
from amocrm.v2.model import Model

from services.sandbox.app import Sandbox, running_sandbox
from services.sandbox.fields import Field
from services.sandbox.oauth import Integration
from services.sandbox.sample import NEW_REQUEST, SALES
from tests.support.certificates import Authority
from tests.support.excuses import excused
from tests.support.kommo_hosts import kommo_hosts_at

REDIRECT = "https://app.example.test/oauth/"
APP = {"client_id": "app", "client_secret": "s", "redirect_uri": REDIRECT}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    authority = Authority(tmp_path)
    server = authority.certify("kommo", hosts=("acme.amocrm.ru",))
    files = (server.certificate_file, server.key_file)
    async with running_sandbox(certificate=files) as sandbox:
        sandbox.knobs.turn({"requests_per_second": 10_000})
        port = httpx.URL(sandbox.base_url).port or 0
        with (
            kommo_hosts_at(port, suffix=".amocrm.ru", ca_file=authority.ca_file),
            fresh_connections(),
        ):
            await connect(sandbox)
            yield sandbox


@contextmanager
def fresh_connections() -> Iterator[None]:
    """Close what the client keeps open for ever, and give the manager of tokens a fresh start."""
    tokens.default_token_manager._storage = None
    yield
    interaction._session.close()
    gc.collect()


async def connect(sandbox: Sandbox) -> None:
    """Sign in as the client's own documentation tells it."""
    sandbox.crm.oauth.integrations["app"] = Integration(**APP)
    code = sandbox.crm.oauth.code("app", sandbox.account.id, 500, expires_at=2_000_000_000)
    tokens.default_token_manager(
        client_id=APP["client_id"],
        client_secret=APP["client_secret"],
        subdomain="acme",
        redirect_url=REDIRECT,
        storage=tokens.MemoryTokensStorage(),
    )
    await asyncio.to_thread(tokens.default_token_manager.init, code)


class Customer(Contact):
    """A contact with fields of its own, as users of the client write it."""

    phone = kinds.ContactPhoneField("Phone")
    city = kinds.TextCustomField("City")


async def test_leads_contacts_and_companies(sandbox: Sandbox) -> None:
    await asyncio.to_thread(cards)

    assert len(sandbox.account.leads) == 2


def cards() -> None:
    contact = Contact.objects.create(first_name="Ana", last_name="Lima", name="Ana Lima")
    company = Company.objects.create(name="Acme")
    lead = Lead(name="A", price=10)
    lead.save()
    other = Lead.objects.create({"name": "B", "price": 20})
    lead.contacts.append(contact, main=True)
    contact.company = company
    company.leads.append(other)
    lead.price = 30
    lead.tags.add("vip")
    lead.save()

    found = Lead.objects.get(lead.id)
    assert (found.price, [tag.name for tag in found.tags]) == (30, ["vip"])
    assert [each.id for each in found.contacts] == [contact.id]
    assert found.responsible_user.name == "Vera Lindqvist"
    assert (found.pipeline.id, found.status.name) == (SALES, "Inbox")
    assert Contact.objects.get(contact.id).company.name == "Acme"
    assert [each.id for each in Company.objects.get(company.id).leads] == [other.id]
    assert {each.id for each in Lead.objects.all()} == {lead.id, other.id}
    assert Lead.objects.get(query="B").id == other.id
    by_price = filters.SingleFilter("price")(20)
    assert [each.id for each in Lead.objects.filter(filters=[by_price])] == [other.id]
    Lead.objects.update(other.id, {"status_id": NEW_REQUEST})
    stage = filters.FiltersByPipelineAndStatus("statuses")(SALES, NEW_REQUEST)
    assert [each.id for each in Lead.objects.filter(filters=[stage])] == [other.id]
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    lately = filters.DateRangeFilter("updated_at")(long_ago, long_ago + timedelta(days=1))
    assert list(Lead.objects.filter(filters=[lately])) == []
    LinksInteraction().link(lead, company)
    with pytest.raises(NotFound):
        Lead.objects.get(1)
    with pytest.raises(ValidationError):
        Lead.objects.create({"name": "C", "responsible_user_id": 1})


async def test_custom_fields(sandbox: Sandbox) -> None:
    sandbox.account.fields["contacts"][9] = Field(id=9, name="City", type="text")
    await asyncio.to_thread(custom_fields)

    (contact,) = sandbox.account.contacts.by_id.values()
    assert [each["field_code"] for each in contact.custom_fields_values] == ["PHONE", None]


def custom_fields() -> None:
    customer = Customer(name="Ana")
    customer.phone = "+55 11 5555"
    customer.city = "Lima"
    customer.save()
    found = Customer.objects.get(customer.id)

    assert (found.phone, found.city) == ("+55 11 5555", "Lima")
    names = {each.name for each in kinds.CustomFieldModel.get_for(customer)}
    assert names == {"Phone", "Email", "Position", "City"}


async def test_notes_tasks_calls_and_events(sandbox: Sandbox) -> None:
    await asyncio.to_thread(deeds)

    notes = sandbox.account.notes.by_id.values()
    assert [note.note_type for note in notes] == ["common", "call_in", "call_in"]


def deeds() -> None:
    lead = Lead.objects.create(name="A")
    note = lead.notes(text="Hi")
    note.save()
    call = lead.notes(uniq="u", duration=7, source="s", link="l", phone="p")
    call.save()
    task = Task(text="Call", complete_till=datetime(2030, 1, 1, tzinfo=UTC), task_type_id=1)
    lead.tasks.add(task)
    task.text = "Call now"
    task.update()
    Task.objects.update(task.id, {"is_completed": True, "result": {"text": "Done"}})

    assert lead.notes.objects.get(note.id).text == "Hi"
    assert len(list(lead.notes.objects.all())) == 2
    (found,) = lead.tasks
    assert (found.text, found.result, found.entity.id) == ("Call now", "Done", lead.id)
    phone = {"field_code": "PHONE", "values": [{"value": "+55 11 5555"}]}
    contact = Contact.objects.create({"name": "Ana", "custom_fields_values": [phone]})
    called = Call().create(
        direction="inbound", phone="+55 11 5555", source="test", duration=timedelta(seconds=7)
    )
    assert called["entity_id"] == contact.id
    Lead.objects.update(lead.id, {"status_id": NEW_REQUEST, "responsible_user_id": 502})
    events = {each.type: each.value_after for each in reversed(list(Event.objects.all()))}
    assert events["lead_status_changed"] == {"id": NEW_REQUEST, "pipeline_id": SALES}
    assert events["entity_responsible_changed"] == 502
    assert events["task_text_changed"] == "Call now"
    assert events["incoming_call"] == called["id"]
    before = filters.EventsFiltersByPipelineAndStatus("value_before")(SALES, 61_000_002)
    (moved,) = Event.objects.filter(filters=[before])
    assert moved.type == "lead_status_changed"


async def test_the_account_users_pipelines_and_tags(sandbox: Sandbox) -> None:
    await asyncio.to_thread(lists)

    assert sandbox.journal.counts["api_200"] >= 8


def lists() -> None:
    # Its own shortcut asks the account for a list, which ends in an AttributeError before any
    # request; the class behind it works.
    parts = ["task_types", "entity_names", "version", "users_groups", "datetime_settings"]
    account = Account(data=AccountInteraction().get(include=parts))
    assert (account.subdomain, account.version) == ("acme", 16)
    assert [each["id"] for each in account.task_types] == [1, 2]
    assert account.entity_names["leads"]["en"]["gender"] == "f"
    assert len(list(User.objects.all())) == 13
    assert User.objects.get(501).name == "Ana Souza"
    assert next(User.objects.filter(query="Bruno Carvalho")).id == 502
    sales = Pipeline.objects.get(SALES)
    assert (sales.name, sales.statuses[1].name) == ("Sales", "Inbox")
    assert [each.name for each in Pipeline.objects.all()] == ["Sales", "Partners", "Renewals"]
    assert Status.get_for(sales).get(query="New request").id == NEW_REQUEST
    assert Status.get_for(sales).get(142).id == 142
    for manager in (Tag.leads, Tag.contacts, Tag.companies):
        made = manager.create(name="vip")
        assert [each.id for each in manager.all()] == [made.id]


async def test_tokens_are_renewed_and_die(sandbox: Sandbox) -> None:
    manager = tokens.default_token_manager
    sandbox.knobs.turn({"access_token_s": 1})
    refresh = manager._storage.get_refresh_token()
    access, renewed = await asyncio.to_thread(manager._get_new_tokens)
    assert renewed != refresh
    manager._storage.save_tokens(access, renewed)
    sandbox.knobs.turn({"access_token_s": 86_400})
    sandbox.crm.oauth.disable("app", sandbox.account.id)

    with pytest.raises((UnAuthorizedException, OSError)):
        await asyncio.to_thread(_any_lead)


def _any_lead() -> Any:
    return list(Lead.objects.all())


Table = dict[str, tuple[Any, dict[str, Any], dict[str, Any]]]


def managers(lead: Any) -> Table:
    """Of each model: its manager, what to make, and what to change of it then."""
    fields = GenericInteraction(path="leads/custom_fields", field="custom_fields")
    named = {"name": "A"}, {"name": "B"}
    return {
        "Lead": (Lead.objects, *named),
        "Contact": (Contact.objects, *named),
        "Company": (Company.objects, *named),
        "Pipeline": (Pipeline.objects, {"name": "A", "is_main": False}, {"name": "B"}),
        "Status": (Status.get_for(SALES), {"name": "A", "sort": 40}, {"name": "B"}),
        "CustomField": (
            Manager(fields, model=kinds.CustomFieldModel),
            {"name": "A", "type": "text"},
            {"name": "B"},
        ),
        "Task": (Task.objects, {"text": "A", "complete_till": 1_900_000_000}, {"text": "B"}),
        "Note": (
            lead.notes.objects,
            {"note_type": "common", "params": {"text": "A"}},
            {"params": {"text": "B"}},
        ),
        "User": (User.objects, {"name": "A", "email": "a@example.test"}, {}),
        "Tag": (Tag.leads, {"name": "A"}, {}),
        "Event": (Event.objects, {}, {}),
        "Customer": (Buyer.objects, {}, {}),
        "List": (Catalog.objects, {}, {}),
    }


def each_call(excuses: Mapping[str, str]) -> set[str]:
    """Make every call of every manager that is not excused; the names of those that passed."""
    passed: set[str] = set()
    for name, (manager, draft, change) in managers(Lead.objects.create(name="Its")).items():
        made_id = None
        if f"{name}.create" not in excuses:
            made_id = manager.create(dict(draft)).id
            passed.add(f"{name}.create")
        if f"{name}.filter" not in excuses:
            found = [each.id for each in manager.filter()]
            assert made_id in {None, *found}, name
            made_id = found[0] if made_id is None else made_id
            passed.add(f"{name}.filter")
        if f"{name}.update" not in excuses:
            manager.update(made_id, dict(change))
            passed.add(f"{name}.update")
        if f"{name}.get" not in excuses:
            shown = manager.get(made_id)._data
            assert change.items() <= shown.items(), name
            passed.add(f"{name}.get")
    return passed


async def test_each_call_of_each_model_passes_or_is_excused(sandbox: Sandbox) -> None:
    reasons = excused("amocrm-api")
    passed = await asyncio.to_thread(each_call, reasons)
    modules = {
        each.name: importlib.import_module(f"amocrm.v2.entity.{each.name}")
        for each in pkgutil.iter_modules(entity.__path__)
    }
    models = {
        name.strip("_").removesuffix("Model")
        for module in modules.values()
        for name, found in inspect.getmembers(module, inspect.isclass)
        if found.__module__ == module.__name__ and issubclass(found, Model)
    }

    calls = {f"{name}.{call}" for name in models for call in ("create", "filter", "update", "get")}
    assert passed == calls - reasons.keys()
    assert reasons.keys() <= calls
    assert len(sandbox.account.leads) == 2
