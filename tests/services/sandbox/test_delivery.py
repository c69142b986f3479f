"""What happens to hooks that are answered badly, late or not at all; time is compressed."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from contracts.stage import Stage
from services.sandbox.app import Sandbox, running_sandbox
from services.sandbox.knobs import Knobs
from services.sandbox.ladder import wait_s
from services.sandbox.model import Author, LeadPatch, Subscription, Trigger
from services.sandbox.sample import ADMIN_ID, NEW_REQUEST, SALES, inbox_draft
from tests.support.waiting import lasting, until

PERSON = Author("human", ADMIN_ID)
SUBSCRIPTION = Subscription(
    id=7, destination="", settings=("status_lead",), created_at=0, updated_at=0, created_by=500
)


STAGE = Stage(SALES, NEW_REQUEST)


def trigger(url: str = "", kind: Any = "plain") -> Trigger:
    return Trigger(id=8, stage=STAGE, destination=url, kind=kind, settings={})


def subscribe(sandbox: Sandbox, url: str) -> Subscription:
    subscription = replace(SUBSCRIPTION, destination=url)
    sandbox.account.subscriptions[url] = subscription
    return subscription


def move_new_leads(sandbox: Sandbox, count: int) -> None:
    changes = sandbox.crm.create([inbox_draft(n) for n in range(count)], PERSON, silent=True)
    patches = [LeadPatch(change.lead.id, {"status_id": NEW_REQUEST}) for change in changes]
    for patch in patches:
        sandbox.crm.change([patch], PERSON)


def waits(target: Subscription | Trigger, status: int, knobs: Knobs | None = None) -> list[float]:
    found = [wait_s(target, attempt, status, knobs or Knobs()) for attempt in range(1, 7)]
    return [wait / 60 for wait in found if wait is not None]


@pytest.mark.parametrize(
    ("status", "minutes"),
    [
        (0, [5, 15]),
        (302, [5, 15]),
        (404, [5, 15]),
        (499, [5, 15, 15, 60]),
        (500, [5, 15, 15, 60]),
        (599, [5, 15, 15, 60]),
    ],
)
def test_account_webhooks_are_repeated_by_the_documented_table(
    status: int, minutes: list[float]
) -> None:
    assert waits(SUBSCRIPTION, status) == minutes


def test_pipeline_hooks_are_repeated_within_an_hour_if_at_all() -> None:
    assert sum(waits(trigger(), 500)) == 60
    assert waits(trigger(), 500, Knobs(dp_plain_retries=0)) == []
    assert waits(trigger(kind="widget"), 500) == []
    assert len(waits(trigger(kind="widget"), 500, Knobs(dp_widget_retries=4))) == 4


async def test_a_failed_hook_comes_again_until_it_is_accepted(
    sandbox: Sandbox, receiver: Any
) -> None:
    sandbox.knobs.turn({"time_scale": 0.0001})
    subscribe(sandbox, receiver.base_url + "/secret/")
    receiver.statuses = [500, 404, 200]
    move_new_leads(sandbox, 1)
    await until(lambda: sandbox.journal.counts["hooks_delivered"] == 1)

    first, second, third = receiver.hooks
    assert first.body == second.body == third.body
    assert second.at - first.at >= 0.03
    assert third.at - second.at >= 0.09
    assert [(row.attempt, row.status) for row in sandbox.journal.deliveries] == [
        (1, 500),
        (2, 404),
        (3, 200),
    ]
    assert {row.destination for row in sandbox.journal.deliveries} == {receiver.base_url + "/***"}


@pytest.mark.parametrize(("status", "attempts"), [(404, 3), (503, 5), (301, 3)])
async def test_a_hook_is_given_up_in_the_end(
    sandbox: Sandbox, receiver: Any, status: int, attempts: int
) -> None:
    sandbox.knobs.turn({"time_scale": 0.00001})
    subscribe(sandbox, receiver.base_url)
    receiver.status = status
    move_new_leads(sandbox, 1)
    await until(lambda: sandbox.journal.counts["hooks_given_up"] == 1)

    assert len(receiver.hooks) == attempts
    assert sandbox.crm.deliveries.pending == 0


@pytest.mark.parametrize(("counts_as", "attempts"), [(0, 3), (499, 5)])
async def test_silence_counts_as_the_knob_says(
    sandbox: Sandbox, receiver: Any, counts_as: int, attempts: int
) -> None:
    sandbox.knobs.turn({"time_scale": 0.00001, "hook_timeout_s": 0.02, "timeout_status": counts_as})
    subscribe(sandbox, receiver.base_url)
    receiver.status = None
    move_new_leads(sandbox, 1)
    await until(lambda: sandbox.journal.counts["hooks_given_up"] == 1)

    assert [row.status for row in sandbox.journal.deliveries] == [counts_as] * attempts


async def test_nobody_listening_is_status_0(sandbox: Sandbox) -> None:
    sandbox.knobs.turn({"dp_plain_retries": 0})
    sandbox.crm.add_trigger(trigger("http://127.0.0.1:1/"))
    move_new_leads(sandbox, 1)
    await until(lambda: sandbox.journal.counts["hooks_given_up"] == 1)

    assert [row.status for row in sandbox.journal.deliveries] == [0]


async def test_F31_too_many_bad_answers_switch_the_webhook_off(
    sandbox: Sandbox, receiver: Any
) -> None:
    subscription = subscribe(sandbox, receiver.base_url)
    receiver.status = 500
    move_new_leads(sandbox, 100)
    await until(lambda: len(sandbox.journal.deliveries) == 100)
    assert not subscription.disabled
    move_new_leads(sandbox, 1)
    await until(lambda: subscription.disabled)
    receiver.status = 200
    receiver.hooks.clear()
    move_new_leads(sandbox, 5)
    async with httpx.AsyncClient(base_url=sandbox.base_url) as client:
        shown = (await client.get("/sandbox/webhooks")).json()["webhooks"]
        await client.post(f"/sandbox/webhooks/{subscription.id}/enable")
    move_new_leads(sandbox, 1)
    await until(lambda: receiver.hooks)

    assert shown[0]["disabled"] is True
    assert "/***" in shown[0]["destination"]
    assert len(receiver.hooks) == 1


async def test_the_bad_answers_of_long_ago_are_forgotten(sandbox: Sandbox, receiver: Any) -> None:
    sandbox.knobs.turn({"time_scale": 0.00001, "disable_after": 5})
    subscription = subscribe(sandbox, receiver.base_url)
    receiver.status = 404
    for number in range(1, 4):
        move_new_leads(sandbox, 1)
        await until(lambda n=number: sandbox.journal.counts["hooks_given_up"] == n)
        await lasting(0.08)

    assert not subscription.disabled


async def test_what_waits_is_bounded(receiver: Any) -> None:
    async with running_sandbox(knobs=Knobs(pending_max=3, delay_min_ms=60_000)) as sandbox:
        sandbox.crm.add_trigger(trigger(receiver.base_url))
        move_new_leads(sandbox, 5)

        assert sandbox.crm.deliveries.pending == 3
        assert sandbox.journal.counts["hooks_lost_full"] == 2
