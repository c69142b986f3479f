"""A manager takes an offered lead, or passes it on (D7.6)."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.events import LEAD, LeadAssigned, LeadLapsed
from contracts.inbound import PassLeadOn, TakeLead
from contracts.rules import RulesFile
from contracts.sentences import sentence
from domain.configuration import problems
from domain.explain.passes import lapsed
from domain.explain.reproduced import is_reproduced
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    MONDAY,
    NOON,
    OFFICE,
    Scenario,
    at,
    clock,
    dp,
    given,
    patched,
    read,
    rule,
    rules,
    told,
    touch,
)

HALF_PAST = NOON + timedelta(minutes=30)


def offered(*participants: Any, how: dict[str, Any] | None = None, **rest: Any) -> Scenario:
    """A lead that Kommo shows with Ann, under a rule that passes it on."""
    section = {"after_minutes": 30, **(how or {})}
    file = {k: rest.pop(k) for k in ("schedules", "default_schedule") if k in rest}
    began = rest.pop("began", NOON)
    rule_ = rule(*(participants or (ANN, BOB, CEM)), redistribution=section, **rest)
    return given(dp(1), patched(1), rules=rules(rule_, **file), at=began)


def take(manager: int | None = ANN, lead: int = 1) -> TakeLead:
    return TakeLead(lead_id=lead, by=f"kommo:{manager}", manager_id=manager)


def pass_on(manager: int | None = ANN, lead: int = 1) -> PassLeadOn:
    return PassLeadOn(lead_id=lead, by=f"kommo:{manager}", reason="speaks Thai", manager_id=manager)


def test_D7_6_who_takes_a_lead_keeps_it() -> None:
    scenario = offered().when(take(), at=at(60))

    scenario.then(f"touched 1: taken by {ANN}", "timer lapse/1: never")
    assert scenario.account.offers == {}


@pytest.mark.parametrize("meaning", ["no_touch", "no_stage_change", "no_change_at_all"])
def test_D7_6_taking_stops_the_clock_whatever_else_would(meaning: str) -> None:
    scenario = offered(how={"nothing_changed": meaning}).when(take(), at=at(60))

    assert scenario.account.offers == {}


def test_D7_6_a_lead_may_be_taken_before_kommo_shows_it() -> None:
    scenario = given(dp(1), rules=rules(rule(ANN, BOB, redistribution={"after_minutes": 30})))

    scenario.when(take()).then(f"touched 1: taken by {ANN}")


def test_D7_6_who_passes_a_lead_on_stays_charged_and_the_next_one_gets_it_at_once() -> None:
    scenario = offered().when(pass_on(), at=at(60))

    scenario.then(
        f"lapsed 1.1 of {ANN} by kommo:{ANN}: speaks Thai",
        f"assigned 1.1 to {BOB} again (2)",
        "timer lapse/1: never",
    )
    (gave_up,) = [e for e in scenario.answer if isinstance(e, LeadLapsed)]
    assert (gave_up.charged_units, gave_up.tried) == (LEAD - LEAD // 3 - 1, (ANN,))
    assert all(is_reproduced(e) for e in scenario.log if isinstance(e, LeadAssigned))
    assert sum(scenario.credits().values()) == 0


def test_D7_6_a_pass_that_everybody_passed_on_ends_as_one_that_lapsed() -> None:
    scenario = offered(ANN, BOB, duty={"manager": CEM})
    scenario.when(pass_on(), patched(1, BOB, attempt=2), at=at(60)).when(pass_on(BOB), at=at(120))

    assert scenario.answer[0].reason == "speaks Thai"
    assert scenario.got()[-1] == CEM
    assert scenario.account.offers == {}


def test_D7_6_a_late_answer_to_an_older_question_takes_nothing_from_the_next_manager() -> None:
    scenario = offered().when(clock(offered()), at=HALF_PAST)
    scenario.when(pass_on(), at=HALF_PAST + timedelta(seconds=1))

    scenario.when(read(attempt=1)).then()
    scenario.when(touch(ANN, happened=HALF_PAST + timedelta(seconds=2))).then()
    assert scenario.account.offers[1].manager_id == BOB


@pytest.mark.parametrize("command", [take, pass_on])
def test_D7_6_a_lead_that_nothing_passes_on_is_refused(command: Any) -> None:
    name = "take" if command is take else "pass_on"
    refused = f"refused {name}: no_clock_runs, lead 1"

    given(dp(1), patched(1)).when(command()).then(refused)
    offered().when(take()).when(command()).then(refused)
    offered().when(command(lead=7)).then(f"refused {name}: no_clock_runs, lead 7")


@pytest.mark.parametrize("command", [take, pass_on])
def test_D7_6_a_colleagues_lead_is_refused(command: Any) -> None:
    name = "take" if command is take else "pass_on"

    scenario = offered().when(command(BOB))
    scenario.then(f"refused {name}: lead_is_anothers, lead 1, manager {ANN}")
    assert scenario.account.offers[1].manager_id == ANN


def test_D7_6_whoever_has_it_is_meant_where_nobody_is_named() -> None:
    offered().when(take(None)).then(f"touched 1: taken by {ANN}", "timer lapse/1: never")


def test_D7_6_a_lead_that_is_on_its_way_to_kommo_cannot_be_passed_on_yet() -> None:
    scenario = given(dp(1), rules=rules(rule(ANN, BOB, redistribution={"after_minutes": 30})))

    scenario.when(pass_on()).then("refused pass_on: distribution_under_way, lead 1")


def test_D7_6_while_nobody_is_at_work_the_lead_stays() -> None:
    office = {"schedules": {"office": OFFICE}, "default_schedule": "office"}
    night = MONDAY + timedelta(hours=23)
    scenario = offered(began=MONDAY + timedelta(hours=17, minutes=50), **office)

    scenario.when(pass_on(), at=night).then("refused pass_on: nobody_to_pass_to, lead 1")
    assert scenario.account.offers[1].manager_id == ANN


def test_D7_6_the_only_one_at_work_passes_a_lead_to_duty_or_keeps_it() -> None:
    late = {"late": {"weekly": {"mon": ["18:00-22:00"]}}}
    people = (ANN, {"manager": BOB, "schedule": "late"})

    alone = offered(*people, schedules=late).when(pass_on(), at=at(60))
    with_duty = offered(*people, schedules=late, duty={"manager": CEM}).when(pass_on(), at=at(60))

    assert [told(e) for e in alone.answer][1] == "closed 1.1: pass_exhausted"
    assert with_duty.got() == [CEM]


def test_D7_6_where_a_lead_has_to_be_taken_only_its_manager_stops_the_clock() -> None:
    scenario = offered(how={"accept": "required"})

    scenario.when(touch(BOB, kind="stage_changed")).then()
    scenario.when(touch(ANN, kind="edited")).then()
    scenario.when(touch(ANN, kind="note")).then(f"touched 1: note by {ANN}", "timer lapse/1: never")


def test_D7_6_what_has_to_be_taken_says_itself_what_stops_the_clock() -> None:
    how = {"after_minutes": 30, "accept": "required", "nothing_changed": "no_change_at_all"}
    file = RulesFile.model_validate({"version": 1, "rules": [rule(ANN, redistribution=how)]})

    assert problems(file) == [
        (
            ("rules", 0, "redistribution", "accept"),
            sentence("problem.accept_is_touch", given="no_change_at_all"),
        )
    ]


def test_D7_6_the_explanation_says_who_passed_it_on_and_why() -> None:
    scenario = offered().when(pass_on(), at=at(60))
    (gave_up,) = [e for e in scenario.answer if isinstance(e, LeadLapsed)]

    assert lapsed(gave_up)[0] == sentence(
        "explain.passed_on", manager=ANN, by=f"kommo:{ANN}", reason="speaks Thai"
    )
