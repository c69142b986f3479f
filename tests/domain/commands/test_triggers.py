"""A trigger is a rule: the revision that Kommo's trigger carries is in force (D1.3, D1.4, D1.8)."""

from datetime import timedelta
from typing import Any

from contracts.events import RulesApplied
from contracts.inbound import CarryTrigger
from contracts.stage import Stage
from tests.domain.scenario import (
    ANN,
    BOB,
    HOT,
    NEW,
    NOON,
    Scenario,
    dp,
    facts,
    given,
    observed,
    participant,
    reported,
    rule,
    rules,
)

T, U = "trigger-1", "trigger-2"
NO_RULES = rules()
BELIEVED = {"trust_webhooks": True}


def carry(
    revision: int = 1,
    *participants: int,
    rule_id: str = T,
    stage: Stage = NEW,
    separated_from: str | None = None,
    **widget: Any,
) -> CarryTrigger:
    section = {
        "id": rule_id,
        "participants": [participant(each) for each in participants or (ANN,)],
        "widget": {"revision": revision, **widget},
    }
    return CarryTrigger(
        rule_id=rule_id,
        revision=revision,
        stage=stage,
        section=section,
        by="kommo:trigger",
        separated_from=separated_from,
    )


def in_force(scenario: Scenario) -> dict[str, tuple[int, list[int]]]:
    """Rule to its revision (0 of a file's) and stages, in the order in which they are tried."""
    data: Any = scenario.account.rules_data
    return {
        each["id"]: (
            (each.get("widget") or {}).get("revision", 0),
            [stage["stage"] for stage in each["stages"]],
        )
        for each in data["rules"]
    }


def test_D1_8_what_a_trigger_carries_is_in_force_before_its_lead_asks() -> None:
    scenario = given(carry(1, ANN), dp(1), carry(2, BOB), dp(2), rules=rules(**BELIEVED))

    assert in_force(scenario) == {T: (2, [NEW.status_id])}
    assert [scenario.account.owner_of(lead) for lead in (1, 2)] == [ANN, BOB]


def test_D1_8_a_lead_that_the_accounts_hook_tells_of_first_goes_by_its_triggers_hook() -> None:
    """Kommo sends both at once: the lead is read before its decision, and its trigger comes."""
    at = NOON + timedelta(hours=1)
    scenario = given(carry(1, ANN), rules=rules(**BELIEVED)).when(reported(1, modified=at), at=at)
    before = scenario.account.leads[1].wanted
    scenario.when(carry(2, BOB), dp(1, source="dp_widget", occurred_at=at))

    assert before is None
    assert scenario.account.owner_of(1) == BOB
    assert scenario.when(facts(1, modified=at)).answer == ()


def test_D1_8_where_no_hook_of_the_trigger_comes_meanwhile_the_revision_in_force_decides() -> None:
    at = NOON + timedelta(hours=1)
    scenario = given(carry(1, ANN), rules=rules(**BELIEVED)).when(reported(1, modified=at), at=at)
    scenario.when(facts(1, modified=at, revision=scenario.account.revision))
    decided = scenario.account.owner_of(1)
    scenario.when(carry(2, BOB), dp(1, source="dp_widget", occurred_at=at))

    assert decided == ANN
    assert scenario.account.owner_of(1) == ANN


def test_D1_8_a_rule_of_a_file_that_is_tried_first_waits_for_no_trigger() -> None:
    at = NOON + timedelta(hours=1)
    scenario = given(carry(1, ANN), rules=rules(rule(BOB), **BELIEVED))
    scenario.when(reported(1, modified=at), at=at)

    assert scenario.account.owner_of(1) == BOB


def test_D1_8_the_same_again_and_an_older_one_of_a_copy_change_nothing() -> None:
    scenario = given(carry(2, BOB), rules=NO_RULES)

    assert scenario.when(carry(2, BOB)).answer == ()
    assert scenario.when(carry(1, ANN)).answer == ()
    assert in_force(scenario) == {T: (2, [NEW.status_id])}


def test_D1_8_a_copied_pipeline_is_one_rule_on_two_stages_until_it_is_made_separate() -> None:
    scenario = given(carry(1), carry(1, stage=HOT), rules=NO_RULES)
    together = in_force(scenario)
    scenario.when(carry(1, BOB, rule_id=U, stage=HOT, separated_from=T))

    assert together == {T: (1, [NEW.status_id, HOT.status_id])}
    assert in_force(scenario) == {T: (1, [NEW.status_id]), U: (1, [HOT.status_id])}


def test_D1_8_a_late_hook_from_before_gives_a_separate_rules_stage_back_until_the_next() -> None:
    scenario = given(carry(1), carry(1, stage=HOT), rules=NO_RULES)
    own = carry(1, BOB, rule_id=U, stage=HOT, separated_from=T)
    scenario.when(own, carry(1, stage=HOT))
    late = in_force(scenario)
    scenario.when(own)

    assert late[T] == (1, [NEW.status_id, HOT.status_id])
    assert in_force(scenario) == {T: (1, [NEW.status_id]), U: (1, [HOT.status_id])}
    assert scenario.when(own).answer == ()


def test_D1_8_a_file_leaves_rules_of_triggers_after_its_own_and_as_they_are() -> None:
    scenario = given(carry(3), carry(1, rule_id=U), rules=NO_RULES)
    written = {"id": U, "stages": [{"pipeline": 1, "stage": 1}], "widget": {"revision": 9}}
    scenario.when(rules(rule(BOB), written))

    assert list(in_force(scenario).items()) == [
        ("a", (0, [NEW.status_id])),
        (U, (1, [NEW.status_id])),
        (T, (3, [NEW.status_id])),
    ]


def test_D1_8_a_trigger_that_was_switched_off_stays_so_until_it_is_switched_on() -> None:
    scenario = given(carry(1), rules=NO_RULES)
    off = {
        "id": T,
        "stages": [{"pipeline": 1, "stage": 1}],
        "widget": {"revision": 1},
        "enabled": False,
    }
    scenario.when(rules(off), carry(2, BOB))
    while_off = scenario.account.configuration.rules
    scenario.when(rules({**off, "enabled": True}))

    assert while_off == ()
    assert in_force(scenario) == {T: (2, [NEW.status_id])}
    assert [each.rule_id for each in scenario.account.configuration.rules] == [T]


def test_D1_8_a_rule_that_a_file_has_taken_over_is_the_files() -> None:
    scenario = given(carry(3), rules=NO_RULES)
    scenario.when(rules(rule(BOB, rule_id=T)))

    assert scenario.when(carry(4)).answer == ()
    assert in_force(scenario) == {T: (0, [NEW.status_id])}


def test_D1_3_two_triggers_on_one_stage_are_one_request_by_the_first_rule() -> None:
    scenario = given(carry(1, ANN), carry(1, BOB, rule_id=U), rules=rules(**BELIEVED))
    scenario.when(dp(1, source="dp_widget"))
    again = scenario.when(dp(1, source="dp_widget")).answer

    assert again == ()
    assert scenario.account.owner_of(1) == ANN


def test_D1_8_leads_in_the_stage_ask_unless_the_trigger_has_conditions_of_its_own() -> None:
    plain = given(carry(1), observed(1), rules=NO_RULES)
    chosen = given(
        carry(1, has_conditions_of_its_own=True), observed(1), observed(2), rules=NO_RULES
    )
    before = chosen.account.owner_of(1)
    chosen.when(dp(1, source="dp_widget"))

    assert plain.account.leads[1].wanted is not None
    assert chosen.account.leads[2].wanted is None
    assert before != ANN
    assert chosen.account.owner_of(1) == ANN


def test_D1_8_everybody_is_who_is_there_now_and_who_comes_later_on_the_triggers_schedule() -> None:
    schedule = {"schedules": {"day": {"weekly": {"mon": ["09:00-18:00"]}}}}
    everybody = CarryTrigger(
        rule_id=T,
        revision=1,
        stage=NEW,
        section={"id": T, "participants": [], "widget": {"revision": 1, "schedule": "day"}},
        by="kommo:501",
    )
    scenario = given(everybody, rules=rules(**schedule), active=(ANN, BOB))
    (compiled,) = scenario.account.configuration.rules

    assert [each.manager_id for each in compiled.participants] == [ANN, BOB]
    assert all(each.schedule is not None for each in compiled.participants)


def test_a_trigger_whose_schedule_is_gone_is_refused_and_the_one_before_stays() -> None:
    scenario = given(carry(1), rules=NO_RULES)
    (refused,) = scenario.when(carry(2, schedule="gone")).answer

    assert not isinstance(refused, RulesApplied)
    assert in_force(scenario) == {T: (1, [NEW.status_id])}
