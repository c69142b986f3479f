"""Commands over HTTP: once, whatever dies or goes away, and who may give them (A5, S8)."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from contracts.events import LeadAssigned, ManagerPaused, ManagerResumed
from services.application.deeds import given_lately
from services.shared.failpoints import POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE, arm
from services.storage.database import borrow
from services.storage.tenancy import Reach, bounded
from services.web.problems import PROBLEM_JSON
from tests.domain.scenario import ANN, BOB, dp
from tests.services.api.office import WAITING, Office, open_office
from tests.services.application.audit.kit import VIEWER
from tests.support.waiting import until


@pytest.fixture
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


def code(answer: httpx.Response) -> tuple[int, str]:
    """How a no is told."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_A5_3_a_pause_is_answered_with_what_changed(office: Office) -> None:
    async with office.working(), await office.caller("supervisor") as caller:
        body = {"until": "2999-01-01T09:00:00+01:00", "reason": "ill"}
        paused = await caller.put(f"managers/{ANN}/pause", json=body, headers=WAITING)
        again = await caller.put(f"managers/{ANN}/pause", json=body, headers=WAITING)
        resumed = await caller.delete(f"managers/{ANN}/pause", headers=WAITING)
        anew = await caller.put(f"managers/{ANN}/pause", json=body, headers=WAITING)
        operation = await caller.get(f"operations/{anew.json()['operation_id']}")

    with bounded(Reach(account_id=office.account_id)):
        account = await office.installation.accounts.get(office.account_id)
        given = await given_lately(office.installation, account, VIEWER, limit=9)

    assert [each.command for each in given] == ["pause", "resume", "pause", "pause"]
    assert {each.by for each in given} == {operation.json()["given_by"]}
    assert [each.status_code for each in (paused, again, resumed, anew)] == [200] * 4
    assert [each.json()["effect"] for each in (paused, again, resumed, anew)] == [
        "done",
        "unchanged",
        "done",
        "done",
    ]
    assert paused.json()["changes"][0] == {
        "event": "manager.paused",
        "lead_id": None,
        "manager_id": ANN,
    }
    assert int(paused.headers["fairlead-version"]) >= paused.json()["version"]
    assert (await office.happened(ManagerPaused), await office.happened(ManagerResumed)) == (2, 1)
    told = operation.json()
    assert (told["state"], told["is_shown"], told["version"]) == (
        "decided",
        True,
        anew.json()["version"],
    )
    assert told["given_at"].endswith("Z")


async def test_A5_3_who_does_not_wait_is_told_where_to_ask(office: Office) -> None:
    async with await office.caller("supervisor") as caller:
        answer = await caller.put(
            f"managers/{ANN}/pause", json={}, headers={"prefer": "respond-async"}
        )
        place = answer.headers["location"]
        accepted = await caller.get(office.address + place)
        await office.caught_up()
        decided = await caller.get(office.address + place)
    async with await office.caller("manager", BOB) as stranger:
        hidden = await stranger.get(office.address + place)
        unknown = await stranger.get(f"operations/op-{'0' * 32}")

    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    assert (answer.json()["state"], answer.json()["version"]) == ("accepted", None)
    assert (accepted.json()["state"], accepted.headers["retry-after"]) == ("accepted", "1")
    assert (decided.json()["state"], decided.json()["changes"][0]["event"]) == (
        "decided",
        "manager.paused",
    )
    assert [code(each) for each in (hidden, unknown)] == [(404, "operation-unknown")] * 2


async def test_S8_whose_pause_it_is_follows_from_the_grant_alone(office: Office) -> None:
    async with (
        office.working(),
        await office.caller("supervisor") as supervisor,
        await office.caller("manager", ANN) as ann,
        await office.caller("viewer") as viewer,
    ):
        own = await ann.put(f"managers/{ANN}/pause", json={}, headers=WAITING)
        others = await ann.put(f"managers/{BOB}/pause", json={}, headers=WAITING)
        claimed = await ann.put(f"managers/{ANN}/pause", json={"by_administrator": True})
        looked_on = await viewer.put(f"managers/{ANN}/pause", json={})
        ended = await ann.delete(f"managers/{ANN}/pause", headers=WAITING)
        await supervisor.put(f"managers/{ANN}/pause", json={}, headers=WAITING)
        kept = await ann.delete(f"managers/{ANN}/pause", headers=WAITING)
        refused = await ann.get(f"operations/op-{'0' * 32}")

    assert (own.status_code, ended.status_code) == (200, 200)
    assert code(others) == (403, "not-allowed")
    assert code(claimed) == (422, "unprocessable")
    assert code(looked_on) == (403, "not-allowed")
    assert code(kept) == (409, "pause-not-yours")
    assert code(refused) == (404, "operation-unknown")
    log = await office.desk.log(office.account_id)
    paused = [each.event for each in log if isinstance(each.event, ManagerPaused)]
    assert [(each.by_administrator, each.by[:4]) for each in paused] == [
        (False, "key:"),
        (True, "key:"),
    ]


async def test_A1_2_S10_what_cannot_be_is_refused_before_anything_is_recorded(
    office: Office,
) -> None:
    before = len(await office.desk.log(office.account_id))
    async with await office.caller("supervisor") as caller:
        place = f"managers/{ANN}/pause"
        form = await caller.put(place, data={"reason": "x"})
        text = await caller.put(place, content=b"{}", headers={"content-type": "text/plain"})
        broken = await caller.put(place, content=b"{", headers={"content-type": "application/json"})
        zoneless = await caller.put(place, json={"until": "2999-01-01T09:00:00"})
        number = await caller.put(place, json={"until": 32503680000})
        far = await caller.put(place, json={"until": "9999-12-31T23:59:59Z"})
        long = await caller.put(place, json={"reason": "x" * 501})
        surrogate = await caller.put(
            place, content=rb'{"reason": "\ud800"}', headers={"content-type": "application/json"}
        )
        nobody = await caller.put("managers/0/pause", json={})
    await office.caught_up()

    assert [code(each) for each in (form, text)] == [(415, "media-type-unsupported")] * 2
    assert code(broken) == (400, "body-not-json")
    assert [code(each) for each in (zoneless, number, far, long, surrogate)] == [
        (422, "unprocessable")
    ] * 5
    assert zoneless.json()["errors"][0]["pointer"] == "/until"
    assert code(nobody) == (404, "not-found")
    assert len(await office.desk.log(office.account_id)) == before


async def test_A5_4_F5_a_log_that_is_away_says_whether_to_repeat(office: Office) -> None:
    async with await office.caller("supervisor") as caller:
        office.log.faults = ["took it and did not answer"]
        unknown = await caller.put(f"managers/{ANN}/pause", json={}, headers=WAITING)
    await office.caught_up()

    assert code(unknown) == (503, "outcome-unknown")
    assert unknown.headers["retry-after"] == "1"
    assert await office.happened(ManagerPaused) == 1


async def test_A6_1_F11_an_answer_that_was_lost_is_given_to_who_asks_again(office: Office) -> None:
    async with office.working(), await office.caller("supervisor") as caller:
        arm({PROFILE_VARIABLE: TEST_PROFILE, POINTS_VARIABLE: "api.after_commit@1=raise:OSError"})
        lost = await caller.put(f"managers/{ANN}/pause", json={}, headers=WAITING)
        repeated = await caller.put(f"managers/{ANN}/pause", json={}, headers=WAITING)

    assert code(lost) == (500, "internal")
    assert lost.headers["content-type"] == PROBLEM_JSON
    assert lost.json()["request_id"] == lost.headers["request-id"]
    assert "OSError" not in lost.text
    assert (repeated.status_code, repeated.json()["effect"]) == (200, "unchanged")
    assert await office.happened(ManagerPaused) == 1


async def test_A5_5_what_was_answered_is_read_by_the_next_question(office: Office) -> None:
    async with office.working(), await office.caller("supervisor") as caller:
        answers = await asyncio.gather(
            *(caller.put(f"managers/{who}/pause", json={}, headers=WAITING) for who in (ANN, BOB))
        )
        newest = max(each.json()["version"] for each in answers)
        read = await caller.get(f"{office.address}/api/v1/accounts/{office.account_id}")

    assert int(read.headers["fairlead-version"]) >= newest


async def test_F86_leads_are_given_out_while_questions_hold_all_that_people_have_of_the_database(
    office: Office,
) -> None:
    pool = office.installation.pool

    async def ask() -> None:
        with bounded(Reach(account_id=office.account_id, statement_ms=0)):
            async with borrow(pool) as connection:
                await connection.execute("SELECT pg_sleep(600)", timeout=600)

    questions = [asyncio.create_task(ask()) for _ in range(pool.get_max_size())]
    try:
        await until(lambda: (pool.get_size(), pool.get_idle_size()) == (len(questions), 0))
        await office.desk.tell(*map(dp, range(1, 4)), to=office.account_id)
        await office.caught_up()
        held = [not each.done() for each in questions]
    finally:
        for each in questions:
            each.cancel()
        await asyncio.gather(*questions, return_exceptions=True)

    assert held == [True] * len(questions)
    assert await office.happened(LeadAssigned) == 3
