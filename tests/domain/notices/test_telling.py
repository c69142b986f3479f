"""People are told whose lead it is: a note, a task with a deadline in working time (D12.2)."""

from datetime import timedelta
from typing import Any

from contracts.events import NoticeLeft, NoticeRequested, NoticeWritten
from contracts.inbound import ApplyRules, NoticeSettled
from domain.snapshot import digest, dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    NINE,
    OFFICE,
    Scenario,
    at,
    given,
    missing,
    participant,
    patched,
    pause,
    refused,
    removed,
    reported,
    rule,
    rules,
)

ORDER = "1.1/1"
FIVE_TO_SIX = NINE + timedelta(hours=8, minutes=55)
BOTH = {"note": True, "task": {"due_minutes": 30, "text": "Call them"}}
HOOK = {"webhook": "crm"}


def telling(tell: Any = BOTH, **rest: Any) -> ApplyRules:
    people = [participant(each, schedule="office") for each in (ANN, BOB)]
    return rules(rule(*people, tell=tell, **rest), schedules={"office": OFFICE})


def settled(kind: Any = "note", how: Any = "answered", order: str = ORDER, **rest: Any) -> Any:
    return NoticeSettled(order_id=order, kind=kind, how=how, **rest)


def asked(scenario: Scenario) -> list[NoticeRequested]:
    return [each for each in scenario.answer if isinstance(each, NoticeRequested)]


def test_D12_2_off_by_default_nobody_is_told() -> None:
    given(reported(1)).when(patched(1)).then("confirmed 1.1 of 501: answered")


def test_D12_2_people_are_told_once_kommo_holds_the_decision() -> None:
    given(reported(1), rules=telling()).when(patched(1)).then(
        "confirmed 1.1 of 501: answered",
        "tell by note of 1.1/1: 501",
        "tell by task of 1.1/1: 501 until 12:30:00",
    )


def test_D12_2_the_order_of_a_note_says_who_and_why() -> None:
    (note,) = asked(given(reported(1), rules=telling({"note": True})).when(patched(1)))

    assert note == NoticeRequested(
        order_id=ORDER,
        request_id="1.1",
        lead_id=1,
        manager_id=ANN,
        rule_id="a",
        kind="note",
        reason="smaller_id",
        because=None,
        at=at(0),
    )


def test_D12_2_a_task_is_due_in_working_time_of_its_manager() -> None:
    late = given(reported(1), rules=telling(), at=FIVE_TO_SIX).when(patched(1))
    (_, task) = asked(late)

    # Five minutes of this day, twenty-five of the next.
    assert task.due_at == NINE + timedelta(days=1, minutes=25)
    assert task.wording == "Call them"


def test_D12_2_who_is_always_at_work_has_that_long_by_the_clock() -> None:
    always = rules(rule(ANN, BOB, tell={"task": {"due_minutes": 600}}))
    (task,) = asked(given(reported(1), rules=always).when(patched(1)))

    assert (task.due_at, task.wording) == (at(36_000), "")


def test_D12_2_a_lead_that_goes_to_duty_says_why() -> None:
    rested = rules(
        rule(ANN, tell={"note": True}, off_hours="duty", duty={"manager": BOB}),
    )
    away = given(pause(ANN, admin=True), reported(1), rules=rested).when(patched(1, BOB))
    (note,) = asked(away)

    assert (note.manager_id, note.reason, note.because) == (BOB, "duty", "off_hours")


def test_D12_2_each_is_confirmed_for_itself() -> None:
    given(reported(1), patched(1), rules=telling()).when(
        settled("task", "read", entity_id=77), settled("note", entity_id=78)
    ).then("told by task 77 of 1.1/1: read", "told by note 78 of 1.1/1: answered").when(
        settled("note", entity_id=79), settled("task", "refused")
    ).then()


def test_D12_2_whole_values_of_both_ends() -> None:
    story = given(reported(1), patched(1), rules=telling()).when(
        settled("note", entity_id=78), settled("task", "refused", detail="No such user")
    )
    common: dict[str, Any] = {
        "order_id": ORDER,
        "request_id": "1.1",
        "lead_id": 1,
        "manager_id": ANN,
        "at": at(0),
    }
    story.then_events(
        NoticeWritten(**common, kind="note", entity_id=78, how="answered"),
        NoticeLeft(**common, kind="task", reason="refused", detail="No such user"),
    )

    assert (story.account.notices, story.account.reasons) == ({}, {})


def test_D12_2_a_rule_names_the_target_that_is_told() -> None:
    story = given(reported(1), rules=telling(HOOK)).when(patched(1))
    (order,) = asked(story)

    assert (order.kind, order.target, order.due_at, order.wording) == ("webhook", "crm", None, "")
    story.when(settled("webhook")).then("told by webhook 0 of 1.1/1: answered")


def test_D12_2_a_target_that_is_not_there_or_takes_nothing_is_noted() -> None:
    for why in ("no_target", "given_up"):
        story = given(reported(1), patched(1), rules=telling(HOOK))
        story.when(settled("webhook", why), settled("webhook")).then(
            f"not told by webhook of 1.1/1: {why}"
        )
        assert story.account.notices == {}


def test_D12_2_a_decision_that_never_reached_kommo_is_told_to_nobody() -> None:
    story = given(reported(1), rules=telling()).when(refused(1, ANN))

    assert asked(story) == []
    assert asked(story.when(patched(1, BOB, attempt=2)))[0].order_id == "1.1/2"
    assert story.account.reasons == {}


def test_D12_2_a_lead_that_is_gone_leaves_nothing_behind() -> None:
    story = given(reported(1), rules=telling()).when(removed(1), missing(1))
    late = given(reported(1), patched(1), rules=telling()).when(removed(1))

    assert story.account.reasons == {}
    late.when(settled("note", "gone"), settled("task", "gone")).then(
        "not told by note of 1.1/1: gone", "not told by task of 1.1/1: gone"
    )
    assert late.account.notices == {}


def test_D6_5_people_are_told_of_leads_that_stay_where_they_are() -> None:
    keeping = telling({"note": True}, linked={"lead": False, "contacts": True})

    assert [each.order_id for each in asked(given(rules=keeping).when(reported(1)))] == [ORDER]


def test_D12_2_rules_that_stop_telling_ask_for_nothing_more() -> None:
    story = given(reported(1), rules=telling()).when(rules(rule(ANN, BOB)))

    assert asked(story.when(patched(1))) == []
    assert story.account.reasons == {}


def test_D10_3_what_is_being_told_survives_a_snapshot() -> None:
    story = given(reported(1), reported(2), patched(1), rules=telling())
    restored = load(dump(story.account))

    assert (restored.notices, restored.reasons) == (story.account.notices, story.account.reasons)
    assert digest(restored) == digest(story.account)
    assert sorted(restored.notices) == [(ORDER, "note"), (ORDER, "task")]
    assert list(restored.reasons) == [2]


def test_F82_accounts_whose_rules_tell_nobody_are_written_as_before() -> None:
    assert b"notices" not in dump(given(reported(1)).account)
