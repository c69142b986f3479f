"""People are told whose lead it is: a note, a task with a deadline in working time (D12.2)."""

from datetime import timedelta
from typing import Any

from contracts.events import NoticeLeft, NoticeRequested, NoticeWritten
from contracts.inbound import ApplyRules, NoticeSettled
from domain.snapshot import digest, dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    HOT,
    NEW,
    NINE,
    OFFICE,
    WORK,
    Scenario,
    at,
    clock,
    given,
    missing,
    participant,
    patched,
    pause,
    read,
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
TASK = {"task": {"due_minutes": 10}}


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


def passed_on(*meanwhile: Any, tell: Any = TASK) -> Scenario:
    """A lead that Ann let lapse, and that Kommo shows with Bob now."""
    section = rule(ANN, BOB, tell=tell, redistribution={"after_minutes": 30})
    story = given(reported(1), patched(1), *meanwhile, rules=rules(section))
    story.when(clock(story), at=at(1_800)).when(read())
    return story.when(patched(1, BOB, attempt=2, modified=at(1_800)))


def test_D12_2_the_task_of_whoever_let_a_lead_lapse_is_completed() -> None:
    story = passed_on(settled("task", entity_id=77))

    assert [(each.kind, each.order_id, each.manager_id) for each in asked(story)] == [
        ("task_end", "1.1/2", BOB),
        ("task", "1.1/2", BOB),
    ]
    story.when(settled("task_end", entity_id=77, order="1.1/2")).then(
        "told by task_end 77 of 1.1/2: answered"
    ).when(settled("task_end", entity_id=77, order="1.1/2")).then()
    assert list(story.account.notices) == [("1.1/2", "task")]


def test_D12_2_a_task_that_was_not_made_before_the_lead_went_on_is_not_made_any_more() -> None:
    (first, *_) = [each for each in passed_on().answer if isinstance(each, NoticeLeft)]

    assert (first.order_id, first.kind, first.reason) == (ORDER, "task", "overtaken")
    assert first.manager_id == ANN


def test_D12_2_where_no_rule_makes_tasks_none_is_completed() -> None:
    assert {each.kind for each in asked(passed_on(tell={"note": True}))} == {"note"}


def test_D12_2_a_lead_that_asks_again_leaves_no_task_with_who_had_it() -> None:
    """Also where the rule that gives it out now makes none itself."""
    telling_nobody = rule(BOB, rule_id="b", stages=(HOT,))
    story = given(reported(1), patched(1), rules=rules(rule(ANN, tell=TASK), telling_nobody))
    assert story.account.again == {}
    story.when(reported(1, HOT, by=ANN, modified=at(60)), at=at(61))
    restored = load(dump(story.account))
    assert (digest(restored), list(restored.again)) == (digest(story.account), [1])
    story.when(patched(1, BOB, request="1.2", modified=at(62)), at=at(62))

    (order,) = asked(story)
    assert (order.kind, order.order_id, order.rule_id) == ("task_end", "1.2/1", "b")
    assert (story.account.again, story.account.reasons) == ({}, {})


def test_D12_2_a_lead_that_comes_back_to_a_stage_asks_again() -> None:
    story = given(reported(1), patched(1), rules=rules(rule(ANN, tell=TASK)))
    story.when(reported(1, WORK, by=ANN, modified=at(60)), at=at(61))
    story.when(reported(1, NEW, by=ANN, modified=at(70)), at=at(71))
    assert list(story.account.again) == [1]

    assert story.when(removed(1), missing(1), at=at(80)).account.again == {}


def test_D10_3_what_is_being_told_survives_a_snapshot() -> None:
    story = given(reported(1), reported(2), patched(1), rules=telling())
    restored = load(dump(story.account))

    assert (restored.notices, restored.reasons) == (story.account.notices, story.account.reasons)
    assert digest(restored) == digest(story.account)
    assert sorted(restored.notices) == [(ORDER, "note"), (ORDER, "task")]
    assert list(restored.reasons) == [2]


def test_F82_accounts_whose_rules_tell_nobody_are_written_as_before() -> None:
    assert b"notices" not in dump(given(reported(1)).account)
