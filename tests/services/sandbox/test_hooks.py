"""Hooks of each kind, as a receiver on a real socket gets them and our reader reads them."""

from typing import Any, Protocol

import httpx
import orjson
import pytest

from contracts.kommo.notifications import LeadNotification, TriggerNotification
from contracts.kommo.webhooks import read_body
from services.sandbox.app import Sandbox
from services.sandbox.model import Author, LeadPatch, Subscription
from services.sandbox.sample import ADMIN_ID, INBOX, NEW_REQUEST, PARTNERS, SALES, inbox_draft
from tests.support.waiting import until


class Received(Protocol):
    """One hook, as the fixture collects it."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    tree: Any


class Receiver(Protocol):
    """The fixture of the same name."""

    base_url: str
    status: int | None
    statuses: list[int | None]
    hooks: list[Received]
    connections: int


PERSON = Author("human", ADMIN_ID)
FIRST = 900_001


def subscribe(sandbox: Sandbox, url: str, *settings: str) -> Subscription:
    subscription = Subscription(
        id=sandbox.account.new_hook_id(),
        destination=url,
        settings=settings,
        created_at=0,
        updated_at=0,
        created_by=ADMIN_ID,
    )
    sandbox.account.subscriptions[url] = subscription
    return subscription


async def control(sandbox: Sandbox, method: str, path: str, body: Any = None) -> Any:
    async with httpx.AsyncClient(base_url=sandbox.base_url) as client:
        answer = await client.request(method, f"/sandbox/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def trigger(sandbox: Sandbox, url: str, **more: Any) -> int:
    order = {"pipeline_id": SALES, "status_id": NEW_REQUEST, "url": url, **more}
    made = await control(sandbox, "POST", "triggers", order)
    return int(made["id"])


def add_leads(sandbox: Sandbox, count: int) -> list[int]:
    drafts = [inbox_draft(n) for n in range(count)]
    return [change.lead.id for change in sandbox.crm.create(drafts, PERSON, silent=True)]


def move(sandbox: Sandbox, lead_ids: list[int], status_id: int = NEW_REQUEST) -> None:
    sandbox.crm.change([LeadPatch(i, {"status_id": status_id}) for i in lead_ids], PERSON)


async def test_a_bulk_move_is_told_in_few_bodies(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver.base_url + "/a/", "update_lead", "status_lead")
    lead_ids = add_leads(sandbox, 60)
    move(sandbox, lead_ids)
    await until(lambda: len(receiver.hooks) == 4)

    told: dict[str, list[int]] = {"update": [], "status": []}
    for hook in receiver.hooks:
        assert hook.headers["user-agent"] == "amoCRM-Webhooks/3.0"
        assert hook.headers["content-type"] == "application/x-www-form-urlencoded"
        assert hook.headers["accept-encoding"] == "gzip"
        assert len(hook.headers["x-amocrm-requestid"]) == 36
        reading = read_body(hook.body, hook.headers["content-type"])
        assert (reading.account_id, reading.rejected) == (32_000_001, ())
        for item in reading.notifications:
            assert isinstance(item, LeadNotification)
            assert (item.status_id, item.old_status_id) == (NEW_REQUEST, INBOX)
            assert item.modified_user_id == ADMIN_ID
            told[item.action].append(item.lead_id)
    assert told == {"update": lead_ids, "status": lead_ids}
    assert sorted(len(hook.tree["leads"].popitem()[1]) for hook in receiver.hooks) == [
        10,
        10,
        50,
        50,
    ]


async def test_the_body_is_byte_for_byte_that_of_kommo(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver.base_url + "/a/", "responsible_lead")
    (lead_id,) = add_leads(sandbox, 1)
    sandbox.crm.change([LeadPatch(lead_id, {"responsible_user_id": 501, "price": 9})], PERSON)
    await until(lambda: receiver.hooks)
    lead = sandbox.account.leads[lead_id]
    item = "leads%5Bresponsible%5D%5B0%5D%5B"

    assert receiver.hooks[0].body.decode().split("&") == [
        "account%5Bsubdomain%5D=acme",
        "account%5Bid%5D=32000001",
        "account%5B_links%5D%5Bself%5D=https%3A%2F%2Facme.kommo.com",
        f"{item}id%5D={lead_id}",
        f"{item}name%5D=Site+request+0",
        f"{item}status_id%5D={INBOX}",
        f"{item}price%5D=9",
        f"{item}responsible_user_id%5D=501",
        f"{item}last_modified%5D={lead.updated_at}",
        f"{item}modified_user_id%5D={ADMIN_ID}",
        f"{item}created_user_id%5D={ADMIN_ID}",
        f"{item}date_create%5D={lead.created_at}",
        f"{item}pipeline_id%5D={SALES}",
        f"{item}account_id%5D=32000001",
        f"{item}old_responsible_user_id%5D={ADMIN_ID}",
        f"{item}created_at%5D={lead.created_at}",
        f"{item}updated_at%5D={lead.updated_at}",
    ]


@pytest.mark.parametrize(
    ("knobs", "bodies"),
    [
        ({}, [["update"], ["status"], ["responsible"]]),
        ({"update_first": False}, [["status"], ["responsible"], ["update"]]),
        ({"one_body": True}, [["update", "status", "responsible"]]),
    ],
)
async def test_combinations_of_actions_are_a_knob(
    sandbox: Sandbox,
    receiver: Receiver,
    knobs: dict[str, Any],
    bodies: list[list[str]],
) -> None:
    sandbox.knobs.turn({**knobs, "account_block": "last"})
    subscribe(sandbox, receiver.base_url, "update_lead", "status_lead", "responsible_lead")
    (lead_id,) = add_leads(sandbox, 1)
    fields = {"status_id": NEW_REQUEST, "responsible_user_id": 501}
    sandbox.crm.change([LeadPatch(lead_id, fields)], PERSON)
    await until(lambda: len(receiver.hooks) == len(bodies))

    trees = [hook.tree for hook in receiver.hooks]
    # They leave together on several connections, so only the set of bodies is promised.
    assert sorted(list(tree["leads"]) for tree in trees) == sorted(bodies)
    assert all(list(tree) == ["leads", "account"] for tree in trees)


async def test_making_binning_and_restoring_are_told(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver.base_url, "add_lead", "delete_lead", "restore_lead")
    made = await control(sandbox, "POST", "leads", {"leads": [{"name": "", "tags": [[7, "vip"]]}]})
    await until(lambda: len(receiver.hooks) == 1)
    await control(sandbox, "POST", "leads/delete", {"lead_ids": made["lead_ids"]})
    await until(lambda: len(receiver.hooks) == 2)
    await control(sandbox, "POST", "leads/restore", {"lead_ids": made["lead_ids"]})
    await until(lambda: len(receiver.hooks) == 3)

    add, delete, restore = (hook.tree["leads"] for hook in receiver.hooks)
    assert (add["add"]["0"]["name"], add["add"]["0"]["tags"]) == (
        "",
        {"0": {"id": "7", "name": "vip"}},
    )
    assert delete["delete"]["0"] == {
        "id": str(FIRST),
        "status_id": str(INBOX),
        "pipeline_id": str(SALES),
    }
    assert restore["restore"]["0"]["responsible_user_id"] == str(ADMIN_ID)


@pytest.mark.parametrize(("author", "expected"), [("robot", "0"), ("token_user", str(ADMIN_ID))])
async def test_F36_changes_by_the_api_are_told_like_those_of_people(
    sandbox: Sandbox, receiver: Receiver, author: str, expected: str
) -> None:
    sandbox.knobs.turn({"api_author": author})
    subscribe(sandbox, receiver.base_url, "responsible_lead")
    lead_ids = add_leads(sandbox, 2)
    patch = [{"id": lead_id, "responsible_user_id": 501} for lead_id in lead_ids]
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        await client.patch("/api/v4/leads", json=patch)
        await client.patch("/api/v4/leads", json=patch)
    await until(lambda: receiver.hooks)
    await until(lambda: sandbox.crm.deliveries.pending == 0)

    (hook,) = receiver.hooks
    told = hook.tree["leads"]["responsible"]
    assert [told[place]["modified_user_id"] for place in "01"] == [expected] * 2
    assert [(r.via, r.old, r.new) for r in sandbox.journal.responsibles if r.old] == [
        ("api", ADMIN_ID, 501)
    ] * 2


async def test_a_plain_trigger_posts_each_lead_apart(sandbox: Sandbox, receiver: Receiver) -> None:
    await trigger(sandbox, receiver.base_url + "/secret/path/")
    lead_ids = add_leads(sandbox, 3)
    body = {"lead_ids": lead_ids, "pipeline_id": SALES, "status_id": NEW_REQUEST}
    moved = await control(sandbox, "POST", "leads/move", body)
    await until(lambda: len(receiver.hooks) == 3)

    assert moved == {"changed": 3}
    first = min(receiver.hooks, key=lambda hook: hook.body)
    assert first.path == "/secret/path/"
    assert list(first.tree) == ["leads", "account"]
    assert first.tree["account"] == {"id": "32000001", "subdomain": "acme"}
    assert first.tree["leads"]["status"]["0"] == {
        "id": str(lead_ids[0]),
        "status_id": str(NEW_REQUEST),
        "pipeline_id": str(SALES),
        "old_status_id": str(INBOX),
        "old_pipeline_id": str(SALES),
    }
    move(sandbox, lead_ids, INBOX)
    move(sandbox, lead_ids, NEW_REQUEST)
    await until(lambda: len(receiver.hooks) == 6)


async def test_a_lead_made_in_the_stage_fires_its_triggers(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    await trigger(sandbox, receiver.base_url + "/plain/")
    await trigger(sandbox, receiver.base_url + "/widget/", kind="widget", settings={"rule": "r"})
    await control(sandbox, "POST", "leads", {"leads": [{"status_id": NEW_REQUEST}]})
    await until(lambda: len(receiver.hooks) == 2)

    trees = {hook.path: hook.tree for hook in receiver.hooks}
    assert trees["/plain/"]["leads"] == {
        "add": {"0": {"id": str(FIRST), "status_id": str(NEW_REQUEST), "pipeline_id": str(SALES)}}
    }
    assert trees["/widget/"]["event"]["type_code"] == "lead_added"


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_widget_trigger_carries_its_own_settings(
    sandbox: Sandbox, receiver: Receiver, *, as_json: bool
) -> None:
    sandbox.knobs.turn({"dp_json": as_json})
    settings = {"rule": "night", "key": "k"}
    await trigger(sandbox, receiver.base_url, kind="widget", settings=settings)
    (lead_id,) = add_leads(sandbox, 1)
    move(sandbox, [lead_id])
    await until(lambda: receiver.hooks)

    (hook,) = receiver.hooks
    if as_json:
        assert orjson.loads(hook.body)["subdomain"] == "acme"
    reading = read_body(hook.body, hook.headers["content-type"])
    (item,) = reading.notifications
    assert isinstance(item, TriggerNotification)
    assert (item.kind, item.event, item.event_type) == ("widget", "entered", 14)
    assert (item.lead_id, item.pipeline_id, item.status_id) == (lead_id, SALES, NEW_REQUEST)
    assert dict(item.settings) == settings
    assert (reading.account_id, reading.subdomain) == (32_000_001, "acme")


async def test_a_trigger_can_run_for_the_leads_already_there(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    lead_ids = add_leads(sandbox, 3)
    move(sandbox, lead_ids[:2])
    trigger_id = await trigger(sandbox, receiver.base_url + "/a", fire_for_present=True)
    await until(lambda: len(receiver.hooks) == 2)
    order = {"pipeline_id": PARTNERS, "status_id": 61_000_102, "url": receiver.base_url + "/b"}
    await control(sandbox, "PUT", f"triggers/{trigger_id}", order)
    move(sandbox, lead_ids[2:])
    fields = {"pipeline_id": PARTNERS, "status_id": 61_000_102}
    sandbox.crm.change([LeadPatch(lead_ids[2], fields)], PERSON)
    await until(lambda: len(receiver.hooks) == 3)

    assert receiver.hooks[-1].path == "/b"


async def test_F27_hooks_can_come_several_times(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.knobs.turn({"duplicate_fraction": 0.2, "duplicate_copies": 2})
    await trigger(sandbox, receiver.base_url)
    move(sandbox, add_leads(sandbox, 200))
    await until(lambda: sandbox.crm.deliveries.pending == 0)

    repeated = sandbox.journal.counts["hooks_duplicated"]
    assert 20 <= repeated <= 60
    assert len(receiver.hooks) == 200 + 2 * repeated
    assert len({hook.body for hook in receiver.hooks}) == 200


async def test_F30_all_hooks_of_a_dropped_lead_are_lost(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.knobs.turn({"drop_fraction": 0.3})
    subscribe(sandbox, receiver.base_url + "/a", "status_lead")
    await trigger(sandbox, receiver.base_url + "/t")
    lead_ids = add_leads(sandbox, 100)
    move(sandbox, lead_ids)
    await until(lambda: sandbox.crm.deliveries.pending == 0)

    def heard(path: str) -> list[int]:
        items = [h.tree["leads"]["status"] for h in receiver.hooks if h.path == path]
        return sorted(int(item["id"]) for group in items for item in group.values())

    lost = sandbox.journal.counts["changes_dropped"]
    assert 15 <= lost <= 45
    assert heard("/a") == heard("/t")
    assert len(heard("/t")) == 100 - lost
    assert len(sandbox.account.leads) == 100


async def test_F29_hooks_can_be_late_and_out_of_order(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.knobs.turn({"delay_min_ms": 30, "delay_max_ms": 120})
    await trigger(sandbox, receiver.base_url)
    lead_ids = add_leads(sandbox, 20)
    move(sandbox, lead_ids)
    assert sandbox.crm.deliveries.pending == 20
    await until(lambda: len(receiver.hooks) == 20)

    order = [int(hook.tree["leads"]["status"]["0"]["id"]) for hook in receiver.hooks]
    assert sorted(order) == lead_ids
    assert order != lead_ids


async def test_a_thousand_triggers_leave_over_few_connections(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    await trigger(sandbox, receiver.base_url)
    move(sandbox, add_leads(sandbox, 1_000))
    await until(lambda: len(receiver.hooks) == 1_000)

    assert receiver.connections <= sandbox.knobs.delivery_concurrency
    assert len({hook.body for hook in receiver.hooks}) == 1_000
