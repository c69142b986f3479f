"""Rules over HTTP: one writer wins, whoever else is told who was faster (A4)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from contracts.events import LeadAssigned, RulesApplied
from contracts.rules import RulesFile
from services.rules_file.file import dump
from tests.domain.scenario import ANN, BOB, BOSS, dp, pause, rule, rules
from tests.services.api.office import WAITING, Office, open_office

YAML = {"content-type": "application/yaml", **WAITING}
JSON = {"content-type": "application/json", **WAITING}


@pytest.fixture
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


def code(answer: httpx.Response) -> tuple[int, str]:
    """How a no is told."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def data(*, coefficient: str) -> dict[str, Any]:
    """Rules in which Ann counts so much."""
    shares = {"manager": ANN, "coefficient": coefficient}
    return rules(rule(shares, BOB)).rules  # type: ignore[arg-type] # a section of it


def yaml_of(**shares: str) -> bytes:
    return dump(RulesFile.model_validate(data(**shares))).encode()


async def in_force(office: Office) -> list[RulesApplied]:
    log = await office.desk.log(office.account_id)
    return [each.event for each in log if isinstance(each.event, RulesApplied)]


async def test_A4_1_rules_are_put_in_force_by_who_saw_the_ones_before(office: Office) -> None:
    seen = {"if-match": '"1"'}
    async with office.working(), await office.caller("administrator") as caller:
        blind = await caller.put("rules", content=yaml_of(coefficient="2"), headers=YAML)
        odd = [
            await caller.put(
                "rules", content=yaml_of(coefficient="2"), headers={**YAML, "if-match": tag}
            )
            for tag in ("*", "7", 'W/"1"', '"x-1"')
        ]
        done = await caller.put("rules", content=yaml_of(coefficient="2"), headers=YAML | seen)
        lost = await caller.put("rules", content=yaml_of(coefficient="2"), headers=YAML | seen)
        late = await caller.put(
            "rules", content=orjson.dumps(data(coefficient="3")), headers=JSON | seen
        )
        next_ = await caller.put(
            "rules",
            content=orjson.dumps(data(coefficient="3")),
            headers={**JSON, "if-match": late.headers["etag"]},
        )

    assert code(blind) == (428, "precondition-required")
    assert [code(each) for each in odd] == [(412, "precondition-failed")] * 4
    assert (done.status_code, done.json()["revision"], done.headers["etag"]) == (
        200,
        2,
        '"2"',
    )
    assert (lost.json()["revision"], lost.headers["idempotency-replayed"]) == (2, "true")
    assert code(late) == (412, "revision-moved")
    assert late.headers["etag"] == '"2"'
    assert "key:" in late.json()["errors"][0]["detail"]
    assert (next_.status_code, next_.json()["revision"]) == (200, 3)
    assert [each.revision for each in await in_force(office)] == [1, 2, 3]


async def test_A1_1_a_coefficient_is_a_decimal_string_however_it_was_written(
    office: Office,
) -> None:
    text = yaml_of(coefficient="2.50").replace(b"'2.50'", b"2.50")
    assert b"'" not in text.partition(b"coefficient:")[2].partition(b"\n")[0]
    async with office.working(), await office.caller("administrator") as caller:
        await caller.put("rules", content=text, headers=YAML | {"if-match": '"1"'})
        read = await caller.get("rules")

    assert read.json()["rules"]["rules"][0]["participants"][0]["coefficient"] == "2.50"


async def test_A4_1_of_two_who_change_the_same_one_wins(office: Office) -> None:
    seen = {"if-match": '"1"'}
    async with office.working(), await office.caller("administrator") as caller:
        answers = await asyncio.gather(
            *(
                caller.put("rules", content=yaml_of(coefficient=f"{number}.5"), headers=YAML | seen)
                for number in range(1, 5)
            )
        )

    assert sorted(each.status_code for each in answers) == [200, 412, 412, 412]
    assert len(await in_force(office)) == 2


async def test_A6_1_what_is_wrong_with_rules_is_told_at_its_place(office: Office) -> None:
    wrong = data(coefficient="2")
    wrong["rules"][0]["participants"][1]["manager"] = "many"
    seen = {"if-match": '"1"'}
    async with await office.caller("administrator") as caller:
        refused = await caller.put("rules", content=orjson.dumps(wrong), headers=JSON | seen)
        checked = await caller.post("rules/check", content=orjson.dumps(wrong), headers=JSON)
        fine = await caller.post("rules/check", content=yaml_of(coefficient="2"), headers=YAML)
        broken = await caller.post("rules/check", content=b"{", headers=JSON)
        torn = await caller.post("rules/check", content=b"\xff: [", headers=YAML)
        empty = await caller.post("rules/check", headers=YAML)
        text = await caller.post("rules/check", content="x", headers={"content-type": "text/plain"})
    async with await office.caller("viewer") as viewer:
        looking = await viewer.post("rules/check", content=b"rules: []", headers=YAML)

    assert code(refused) == (422, "rules-unusable")
    pointers = [each["pointer"] for each in refused.json()["errors"]]
    assert pointers == ["/rules/0/participants/1/manager"]
    assert not checked.json()["is_usable"]
    assert [each["pointer"] for each in checked.json()["remarks"]][:1] == pointers
    assert fine.json()["is_usable"]
    assert code(broken) == (400, "body-not-json")
    assert (torn.status_code, torn.json()["is_usable"]) == (200, False)
    assert code(empty) == (422, "unprocessable")
    assert code(text) == (415, "media-type-unsupported")
    assert code(looking) == (403, "not-allowed")
    assert len(await in_force(office)) == 1


async def test_A4_1_a_draft_is_changed_by_who_saw_its_last_edition_and_put_in_force(
    office: Office,
) -> None:
    body = {"name": "Summer", "text": "rules: ["}
    key = {"idempotency-key": "d"}
    async with office.working(), await office.caller("administrator") as caller:
        made = await caller.post("rules/drafts", json=body, headers=key)
        again = await caller.post("rules/drafts", json=body, headers=key)
        other = await caller.post("rules/drafts", json={**body, "name": "x"}, headers=key)
        place = f"rules/drafts/{made.json()['draft_id']}"
        usable = {**body, "text": yaml_of(coefficient="2").decode()}
        blind = await caller.put(place, json=usable)
        first = {"if-match": made.headers["etag"]}
        too_early = await caller.post(
            f"{place}/apply", headers={"idempotency-key": "a", **first, **WAITING}
        )
        changed = await caller.put(place, json=usable, headers=first)
        late = await caller.put(place, json=body, headers=first)
        late_drop = await caller.delete(place, headers=first)
        listed = await caller.get("rules/drafts")
        read = await caller.get(place)
        second = {"if-match": changed.headers["etag"]}
        applied = [
            await caller.post(
                f"{place}/apply", headers={"idempotency-key": "b", **second, **WAITING}
            )
            for _ in range(2)
        ]
        gone = await caller.get(place)

    assert (made.status_code, made.headers["location"].endswith(place)) == (201, True)
    assert again.json() == made.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert code(other) == (422, "key-reused")
    assert code(blind) == (428, "precondition-required")
    assert code(too_early) == (422, "rules-unusable")
    assert (changed.json()["edition"], changed.headers["etag"]) == (2, '"2"')
    assert [code(each) for each in (late, late_drop)] == [(412, "draft-moved")] * 2
    assert [(each["name"], each["edition"]) for each in listed.json()["items"]] == [("Summer", 2)]
    assert read.json()["text"] == usable["text"]
    assert [each.json()["revision"] for each in applied] == [2, 2]
    assert applied[1].headers["idempotency-replayed"] == "true"
    assert code(gone) == (404, "draft-unknown")


async def test_A4_1_a_draft_of_older_rules_does_not_replace_newer_ones(office: Office) -> None:
    body = {"name": "Summer", "text": yaml_of(coefficient="2").decode()}
    async with office.working(), await office.caller("administrator") as caller:
        made = await caller.post("rules/drafts", json=body, headers={"idempotency-key": "d"})
        await caller.put(
            "rules",
            content=yaml_of(coefficient="5"),
            headers={**YAML, "if-match": '"1"'},
        )
        place = f"rules/drafts/{made.json()['draft_id']}"
        apply = {"idempotency-key": "a", "if-match": made.headers["etag"], **WAITING}
        refused = await caller.post(f"{place}/apply", headers=apply)
        rebased = await caller.put(
            place, json={**body, "base_revision": 2}, headers={"if-match": made.headers["etag"]}
        )
        apply = {"idempotency-key": "b", "if-match": rebased.headers["etag"], **WAITING}
        done = await caller.post(f"{place}/apply", headers=apply)
        dropped = await caller.delete(place, headers={"if-match": rebased.headers["etag"]})

    assert code(refused) == (412, "revision-moved")
    assert (done.status_code, done.json()["revision"]) == (200, 3)
    assert code(dropped) == (404, "draft-unknown")


async def test_S5_drafts_of_another_account_are_not_there(
    office: Office, shared_database: str
) -> None:
    async with await office.caller("administrator") as caller:
        made = await caller.post(
            "rules/drafts", json={"name": "n", "text": ""}, headers={"idempotency-key": "d"}
        )
    async with (
        open_office(shared_database) as elsewhere,
        await elsewhere.caller("administrator") as stranger,
        await elsewhere.caller("supervisor") as supervisor,
    ):
        place = f"rules/drafts/{made.json()['draft_id']}"
        read = await stranger.get(place)
        listed = await stranger.get("rules/drafts")
        refused = await supervisor.get("rules/drafts")

    assert code(read) == (404, "draft-unknown")
    assert listed.json()["items"] == []
    assert code(refused) == (403, "not-allowed")


async def test_S32_rules_that_give_many_leads_to_one_person_want_their_number(
    office: Office,
) -> None:
    bodies = [pause(ANN), pause(BOB), *(dp(lead) for lead in range(1, 102))]
    await office.desk.tell(*bodies, to=office.account_id)
    await office.caught_up()
    greedy = orjson.dumps(rules(rule(BOSS)).rules)
    read_first = orjson.dumps(rules(rule(BOSS, conditions={"tags": ["vip"]})).rules)
    seen = JSON | {"if-match": '"1"'}
    drafted = {"name": "All for one", "text": greedy.decode()}
    async with office.working(), await office.caller("administrator") as caller:
        checked = await caller.post("rules/check", content=greedy, headers=JSON)
        bare = await caller.put("rules", content=greedy, headers=seen)
        asking = await caller.put("rules", content=read_first, headers=seen)
        wrong = await caller.put("rules?confirm_leads=100", content=greedy, headers=seen)
        draft = await caller.post("rules/drafts", json=drafted, headers={"idempotency-key": "d"})
        place = f"rules/drafts/{draft.json()['draft_id']}/apply"
        apply = {"if-match": '"1"', "idempotency-key": "a", **WAITING}
        of_draft = await caller.post(place, headers=apply)
        unchanged = len(await in_force(office))
        done = await caller.post(f"{place}?confirm_leads=101", headers=apply)
        again = await caller.post(place, headers=apply)

    counted = [checked.json()[name] for name in ("moves", "waits", "untouched")]
    assert counted == [101, 0, 0]
    refused = [code(each) for each in (bare, asking, of_draft)]
    assert refused == [(409, "confirmation-missing")] * 3
    assert code(wrong) == (409, "confirmation-differs")
    assert unchanged == 1
    assert (done.status_code, done.json()["revision"]) == (200, 2)
    assert again.json()["revision"] == 2
    assert await office.happened(LeadAssigned) == 101
