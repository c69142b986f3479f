"""Deeds over HTTP: previewed, ordered, put back, repeated under one key (A5, D1.1, D6.4, D9.3)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from contracts.events import (
    LEAD,
    CommandReceived,
    CreditMoved,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    LinkedDecided,
)
from contracts.inbound import InboundBody
from contracts.stage import Stage
from services.shared.failpoints import POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE, arm
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    NEW,
    NOON,
    WORK,
    dp,
    observed,
    patched,
    rule,
    rules,
)
from tests.services.api.office import Office, open_office
from tests.support.waiting import until

CORRECTION = {"credit_units": LEAD, "reason": "was ill"}
UNDER_WAY = "SELECT under_way_until IS NOT NULL FROM kept_commands WHERE account_id = $1"
NO_STAGE = {"pipeline_id": 7, "stage_id": 71}


@pytest.fixture
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


def code(answer: httpx.Response) -> tuple[int, str]:
    """How a no is told."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def keyed(key: str, prefer: str = "wait=10") -> dict[str, str]:
    return {"idempotency-key": key, "prefer": prefer}


async def told(office: Office, *bodies: InboundBody) -> None:
    """The account hears of something, and has decided it."""
    await office.desk.tell(*bodies, to=office.account_id)
    await office.caught_up()


async def bobs(office: Office, count: int) -> None:
    """So many open leads of Bob, in a stage that no rule covers."""
    await told(office, *(old(n, WORK, by=BOB) for n in range(1, count + 1)))


def old(lead_id: int, stage: Stage, *, by: int) -> InboundBody:
    """A lead that lay there before, and asks for nobody."""
    then = NOON - timedelta(days=1)
    return observed(lead_id, stage, by=by, modified=then, created=then, reason="baseline")


async def happened(office: Office) -> list[Any]:
    return [recorded.event for recorded in await office.desk.log(office.account_id)]


async def test_A5_1_a_post_wants_a_key_that_can_be_one(office: Office) -> None:
    place = f"managers/{ANN}/corrections"
    async with await office.caller("administrator") as caller:
        missing = await caller.post(place, json=CORRECTION)
        broken = [
            await caller.post(place, json=CORRECTION, headers={"idempotency-key": key})
            for key in ("", "two words", "x" * 256)
        ]
    await office.caught_up()

    assert code(missing) == (400, "idempotency-key-missing")
    assert [code(each) for each in broken] == [(400, "key-unusable")] * 3
    assert not await office.happened(CreditMoved)


async def test_A5_2_the_same_again_gives_the_first_answer_and_another_body_is_refused(
    office: Office,
) -> None:
    place = f"managers/{ANN}/corrections"
    async with office.working(), await office.caller("administrator") as caller:
        first = await caller.post(place, json=CORRECTION, headers=keyed("k"))
        again = await caller.post(place, json=CORRECTION, headers=keyed("k"))
        other = await caller.post(
            place, json={**CORRECTION, "credit_units": 2 * LEAD}, headers=keyed("k")
        )
        refusals = [
            await caller.post(
                place, json={**CORRECTION, "ledger": "none"}, headers=keyed("unknown")
            )
            for _ in range(2)
        ]
    async with office.working(), await office.caller("administrator") as somebody_else:
        theirs = await somebody_else.post(place, json=CORRECTION, headers=keyed("k"))

    assert (first.status_code, "idempotency-replayed" in first.headers) == (200, False)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert first.json()["movements"] == [
        {"manager_id": ANN, "credit_units": LEAD},
        {"manager_id": BOB, "credit_units": -LEAD},
    ]
    assert code(other) == (422, "key-reused")
    assert [code(each) for each in refusals] == [(409, "ledger-unknown")] * 2
    assert [each.headers.get("idempotency-replayed") for each in refusals] == [None, "true"]
    assert "idempotency-replayed" not in theirs.headers
    assert await office.happened(CreditMoved) == 2


async def test_A5_2_the_same_at_the_same_time_is_told_to_come_later(office: Office) -> None:
    place = f"managers/{ANN}/corrections"
    async with await office.caller("administrator") as caller:
        first = asyncio.create_task(caller.post(place, json=CORRECTION, headers=keyed("k")))

        async def is_under_way() -> bool:
            # Asked over HTTP, whoever looks might be the first.
            return bool(await office.desk.pool.fetchval(UNDER_WAY, office.account_id))

        await until(is_under_way, within_s=10)
        second = await caller.post(place, json=CORRECTION, headers=keyed("k"))
        async with office.working():
            answer = await first
            third = await caller.post(place, json=CORRECTION, headers=keyed("k"))

    assert code(second) == (409, "key-under-way")
    assert second.headers["retry-after"] == "1"
    assert (answer.status_code, third.status_code) == (200, 200)
    assert third.headers["idempotency-replayed"] == "true"
    assert await office.happened(CreditMoved) == 1


async def test_A14_3_F11_I3_any_mix_of_repeats_faults_and_lost_answers_leaves_one_event(
    office: Office,
) -> None:
    place = f"managers/{ANN}/corrections"
    points = "api.after_commit@1=raise:OSError,api.after_commit@2=raise:OSError"
    async with await office.caller("administrator") as caller:

        async def once_more(prefer: str = "respond-async") -> httpx.Response:
            return await caller.post(place, json=CORRECTION, headers=keyed("k", prefer))

        office.log.faults = ["refused", "took it and did not answer"]
        away = [await once_more(), await once_more()]
        crowd = await asyncio.gather(*(once_more() for _ in range(8)))
        arm({PROFILE_VARIABLE: TEST_PROFILE, POINTS_VARIABLE: points.partition(",")[0]})
        lost = await once_more()
        await office.caught_up()
        done = await once_more()

    assert [code(each) for each in away] == [(503, "outcome-unknown")] * 2
    assert {each.status_code for each in crowd} <= {202, 409}
    assert code(lost) == (500, "internal")
    assert (done.status_code, done.headers["idempotency-replayed"]) == (200, "true")
    assert await office.happened(CreditMoved) == 1


async def test_D3_8_a_preview_changes_nothing_and_says_what_would_move(office: Office) -> None:
    place = f"managers/{ANN}/corrections?preview=true"
    before = len(await happened(office))
    async with await office.caller("administrator") as caller:
        preview = await caller.post(place, json=CORRECTION)
        nothing = await caller.post(place, json={**CORRECTION, "credit_units": 0})
        unreasoned = await caller.post(place, json={**CORRECTION, "reason": " "})
    async with await office.caller("supervisor") as supervisor:
        refused = await supervisor.post(place, json=CORRECTION)

    assert preview.status_code == 200
    assert (preview.json()["is_preview"], preview.json()["command"]) == (True, None)
    assert sum(each["credit_units"] for each in preview.json()["movements"]) == 0
    assert code(nothing) == (409, "correction-out-of-bounds")
    assert code(unreasoned) == (422, "reason-missing")
    assert code(refused) == (403, "not-allowed")
    assert len(await happened(office)) == before


async def test_D1_1_leads_are_distributed_and_a_repeat_finds_what_was_decided(
    office: Office,
) -> None:
    await told(office, *(old(n, NEW, by=BOSS) for n in (1, 2, 3)))
    body = {"lead_ids": [1, 2, 3, 3, 99]}
    async with office.working(), await office.caller("supervisor") as caller:
        preview = await caller.post("distributions?preview=true", json=body)
        done = await caller.post("distributions", json=body, headers=keyed("d"))
        again = await caller.post("distributions", json=body, headers=keyed("d"))
        both = await caller.post(
            "distributions", json={**body, "unassigned": True}, headers=keyed("g")
        )
        nothing = await caller.post("distributions", json={}, headers=keyed("e"))
        empty = await caller.post("distributions", json={"stage": NO_STAGE}, headers=keyed("f"))

    assert preview.json()["is_preview"]
    assert preview.json()["outcome"]["skipped"] == [{"lead_id": 99, "reason": "unknown"}]
    assert done.json()["outcome"] == preview.json()["outcome"]
    assert done.json()["command"]["state"] == "decided"
    assert again.json()["outcome"] == done.json()["outcome"]
    assert again.headers["idempotency-replayed"] == "true"
    assert [code(each) for each in (both, nothing)] == [(422, "unprocessable")] * 2
    assert code(empty) == (409, "no-leads-in-stage")
    assert await office.happened(DistributionOrdered) == 1


async def test_S32_what_moves_many_leads_wants_their_number_as_the_preview_told_it(
    office: Office,
) -> None:
    await bobs(office, 101)
    body = {"rule_id": "a"}
    async with office.working(), await office.caller("supervisor") as caller:
        place = f"managers/{BOB}/handovers"
        preview = await caller.post(f"{place}?preview=true", json=body)
        bare = await caller.post(place, json=body, headers=keyed("h"))
        wrong = await caller.post(place, json={**body, "confirm_leads": 100}, headers=keyed("h"))
        unchanged = await office.happened(HandoverOrdered)
        given = {**body, "confirm_leads": preview.json()["outcome"]["leads"]}
        done = await caller.post(place, json=given, headers=keyed("h"))
        again = await caller.post(place, json=given, headers=keyed("h"))

    assert (preview.json()["outcome"]["leads"], preview.json()["outcome"]["pauses"]) == (101, True)
    assert code(bare) == (409, "confirmation-missing")
    assert code(wrong) == (409, "confirmation-differs")
    assert unchanged == 0
    assert (done.status_code, done.json()["outcome"]["leads"]) == (200, 101)
    assert again.json() == done.json()
    handed = [each for each in await happened(office) if isinstance(each, HandoverOrdered)]
    assert sum(len(each.lead_ids) for each in handed) == 101


async def test_S32_more_than_some_an_hour_are_held_for_a_second_person(office: Office) -> None:
    await bobs(office, 100)
    async with await office.caller("supervisor") as caller:
        answers = [
            await caller.post(
                f"managers/{BOB}/handovers",
                json={"rule_id": "a", "confirm_leads": 100},
                headers=keyed(f"h{number}", "respond-async"),
            )
            for number in range(4)
        ]

    assert code(answers[-1]) == (409, "wide-deed-held")


async def test_D6_4_a_decision_is_put_back(office: Office) -> None:
    await told(office, observed(1, by=BOSS, reason="baseline"), dp(1))
    (assigned,) = [each for each in await happened(office) if isinstance(each, LeadAssigned)]
    confirmed = patched(1, assigned.manager_id, request=assigned.request_id)
    await told(office, confirmed)
    async with office.working(), await office.caller("supervisor") as caller:
        preview = await caller.post("leads/1/undo?preview=true", json={})
        unknown = await caller.post("leads/1/undo", json={"request_id": "9.9"}, headers=keyed("v"))
        never = await caller.post("leads/77/undo", json={}, headers=keyed("w"))
        done = await caller.post("leads/1/undo", json={}, headers=keyed("u"))
        again = await caller.post("leads/1/undo", json={}, headers=keyed("u"))

    transfer = {
        "kind": "lead",
        "entity_id": 1,
        "from_manager_id": assigned.manager_id,
        "to_manager_id": BOSS,
    }
    assert preview.json()["transfers"] == [transfer]
    assert code(unknown) == (404, "decision-unknown")
    assert code(never) == (409, "never-assigned")
    assert (done.status_code, done.json()["unanswered"]) == (200, 1)
    assert again.headers["idempotency-replayed"] == "true"
    assert await office.happened(LinkedDecided) == 1


async def test_D7_6_an_offered_lead_is_passed_on_and_taken_by_whose_it_is(
    office: Office,
) -> None:
    offered = rule(ANN, BOB, redistribution={"after_minutes": 30, "accept": "required"})
    await told(office, rules(offered), observed(1, by=BOSS, reason="baseline"), dp(1))
    (assigned,) = [each for each in await happened(office) if isinstance(each, LeadAssigned)]
    await told(office, patched(1, assigned.manager_id, request=assigned.request_id))
    owner = assigned.manager_id
    other = ANN + BOB - owner
    async with (
        office.working(),
        await office.caller("manager", owner) as hers,
        await office.caller("manager", other) as his,
        await office.caller("viewer") as viewer,
    ):
        strangers = await his.post(
            "leads/1/pass-on", json={"reason": "want it"}, headers=keyed("a")
        )
        viewers = await viewer.post("leads/1/take", json={}, headers=keyed("a"))
        unreasoned = await hers.post("leads/1/pass-on", json={}, headers=keyed("b"))
        passed = await hers.post("leads/1/pass-on", json={"reason": "Thai"}, headers=keyed("c"))
        no_more = await hers.post("leads/1/take", json={}, headers=keyed("d"))

    assert code(strangers) == (409, "lead-is-anothers")
    assert code(viewers) == (403, "not-allowed")
    assert code(unreasoned) == (422, "unprocessable")
    assert passed.status_code == 200
    changes = [(each["event"], each["manager_id"]) for each in passed.json()["changes"]]
    assert ("lead.assigned", other) in changes
    assert no_more.status_code == 409
    assert await office.happened(LeadAssigned) == 2
    assert await office.happened(CommandReceived) >= 2
