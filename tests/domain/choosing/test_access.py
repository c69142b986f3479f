"""Who may not see a lead's stage is not chosen for it (D2.2)."""

from datetime import timedelta

import pytest

from contracts.events import Access, LeadAssigned, RequestDeferred, RuleRevived, RuleStalled
from domain.choosing.standings import judge
from domain.snapshot import dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    NEW,
    NOON,
    STAGES,
    Scenario,
    at,
    dp,
    due,
    given,
    limit,
    owned,
    refused,
    reported,
    rule,
    rules,
    users,
)

ALL = (ANN, BOB, CEM, DAN, BOSS)
WON = STAGES["won"]
TEAM = rules(rule(ANN, BOB, stages=(NEW, HOT)))


def described(*limited: Access) -> Scenario:
    return given(users(*ALL, limited=limited), rules=TEAM)


def got(scenario: Scenario) -> list[int]:
    return [e.manager_id for e in scenario.log if isinstance(e, LeadAssigned)]


@pytest.mark.parametrize(
    "access",
    [Access(ANN, is_free=True), Access(ANN, sees_no_leads=True), Access(ANN, hidden_stages=(NEW,))],
    ids=["free", "no leads", "hidden stage"],
)
def test_D2_2_who_may_not_see_the_stage_is_not_chosen(access: Access) -> None:
    scenario = described(access).when(dp(1), dp(2), dp(3))

    assert got(scenario) == [BOB, BOB, BOB]
    (standing, _) = next(e for e in scenario.log if isinstance(e, LeadAssigned)).standings
    assert (standing.manager_id, standing.verdict, standing.share) == (ANN, "no_access", 0)


def test_D2_2_a_hidden_stage_hides_no_other() -> None:
    assert got(described(Access(ANN, hidden_stages=(NEW,))).when(dp(1, stage=HOT))) == [ANN]


def test_D2_2_with_nobody_who_may_see_it_a_lead_waits_until_somebody_may() -> None:
    scenario = described(*(Access(each, hidden_stages=(NEW,)) for each in (ANN, BOB)))
    scenario.when(dp(1))

    (deferred,) = [e for e in scenario.answer if isinstance(e, RequestDeferred)]
    assert (deferred.reason, scenario.account.stalled) == ("no_access", ("a",))
    scenario.when(users(*ALL, limited=(Access(ANN, hidden_stages=(NEW,)),)), at=at(60))

    assert (got(scenario), scenario.account.stalled) == ([BOB], ())


def test_D7_4_neither_duty_nor_its_fallback_gets_what_they_may_not_see() -> None:
    duty = rule(ANN, duty={"rota": [{"manager": BOB}], "fallback": CEM}, off_hours="duty")
    blind = [Access(each, sees_no_leads=True) for each in (ANN, BOB, CEM)]
    scenario = given(users(*ALL, limited=blind), rules=rules(duty)).when(dp(1))

    assert (got(scenario), scenario.waiting()) == ([], ["1.1"])
    scenario.when(users(*ALL, limited=blind[:2]), at=at(60))

    assert got(scenario) == [CEM]


def test_D6_2_an_owner_who_may_not_see_the_stage_is_not_waited_for() -> None:
    owners = rules(rule(ANN, BOB, owners={"sources": ["contact"]}))
    blind = (Access(BOB, hidden_stages=(NEW,)),)
    scenario = given(users(*ALL, limited=blind), rules=owners).when(dp(1), owned(1, contact=BOB))

    (given_out,) = [e for e in scenario.log if isinstance(e, LeadAssigned)]
    assert given_out.manager_id == ANN
    assert [(o.manager_id, o.verdict) for o in given_out.owners] == [(BOB, "no_access")]


def test_D8_1_a_lead_is_reserved_for_the_first_starter_who_may_see_it() -> None:
    early, late = ({"weekly": {"tue": [f"{hour}:00-18:00"]}} for hour in ("08", "10"))
    night = rules(
        rule(
            {"manager": ANN, "schedule": "early"},
            {"manager": BOB, "schedule": "late"},
            off_hours="reserve_first_starter",
        ),
        schedules={"early": early, "late": late},
    )
    blind = (Access(ANN, hidden_stages=(NEW,)),)

    assert got(given(users(*ALL, limited=blind), rules=night).when(dp(1))) == [BOB]


def test_I7_what_users_may_not_see_is_part_of_the_state() -> None:
    account = described(Access(ANN, hidden_stages=(NEW, HOT)), Access(BOB, is_free=True)).account

    restored = load(dump(account))

    assert restored == account
    (rule_,) = restored.configuration.rules
    verdicts = [s.verdict for s in judge(restored, rule_, account.now)]
    assert verdicts == ["eligible", "no_access"]


def waiting(scenario: Scenario) -> list[str]:
    return sorted(scenario.account.requests.by_id)


def test_D5_3_a_lead_that_nobody_at_work_may_see_holds_up_no_newer_one() -> None:
    scenario = described(Access(ANN, hidden_stages=(NEW,)), Access(BOB, hidden_stages=(NEW,)))
    scenario.when(dp(1), dp(2), dp(3, stage=HOT), dp(4), dp(5, stage=HOT))

    assert (got(scenario), waiting(scenario)) == ([ANN, BOB], ["1.1", "2.2", "4.4"])
    scenario.when(users(*ALL, limited=(Access(ANN, hidden_stages=(NEW,)),)), at=at(60))

    newest = [e.lead_id for e in scenario.log if isinstance(e, LeadAssigned)][-3:]
    assert (newest, got(scenario)[-3:]) == ([1, 2, 4], [BOB] * 3)


def test_D5_3_a_place_that_frees_is_offered_past_a_lead_that_nobody_there_may_see() -> None:
    blind = (Access(ANN, hidden_stages=(NEW,)), Access(BOB, hidden_stages=(NEW,)))
    one_each = rules(rule(ANN, BOB, stages=(NEW, HOT), limit=limit(1)))
    scenario = given(users(*ALL, limited=blind), rules=one_each)
    scenario.when(dp(1), *(dp(lead, stage=HOT) for lead in (2, 3, 4, 5)))
    scenario.when(reported(3, WON, by=BOB, modified=at(60)), at=at(60))

    assert [e.lead_id for e in scenario.log if isinstance(e, LeadAssigned)] == [2, 3, 4]
    assert waiting(scenario) == ["1.1", "5.5"]


def test_D5_3_whoever_may_see_the_lead_and_is_full_gets_it_before_any_newer_one() -> None:
    only_ann = (Access(BOB, hidden_stages=(NEW,)),)
    one_each = rules(rule(ANN, BOB, stages=(NEW, HOT), limit=limit(1)))
    scenario = given(users(*ALL, limited=only_ann), rules=one_each)
    scenario.when(dp(1), dp(2), dp(3, stage=HOT), dp(4, stage=HOT))

    assert got(scenario) == [ANN, BOB]
    scenario.when(reported(1, WON, by=ANN, modified=at(60)), at=at(60))

    assert [e.lead_id for e in scenario.log if isinstance(e, LeadAssigned)] == [1, 3, 2]


def test_D5_3_a_lead_that_kommo_refuses_with_those_at_work_holds_up_no_newer_one() -> None:
    hours = {"weekly": {"tue": ["08:00-18:00"]}}
    day = rules(rule(ANN, {"manager": BOB, "schedule": "tomorrow"}), schedules={"tomorrow": hours})
    scenario = given(users(*ALL), rules=day).when(dp(1), refused(1, ANN, active=True), dp(2), dp(3))

    assert [e.lead_id for e in scenario.log if isinstance(e, LeadAssigned)] == [1, 2, 3]
    assert waiting(scenario) == ["1.1"]


def test_D5_3_the_look_for_a_lead_that_was_passed_stays_the_first() -> None:
    hours = {"weekly": {"mon": ["13:00-18:00"]}}
    blind = (Access(ANN, hidden_stages=(NEW,)),)
    day = rules(
        rule(ANN, {"manager": BOB, "schedule": "one"}, stages=(NEW, HOT), limit=limit(1)),
        schedules={"one": hours},
    )
    scenario = given(users(*ALL, limited=blind), rules=day)
    scenario.when(dp(1), dp(2, stage=HOT), dp(3, stage=HOT))

    look = scenario.account.timers["look/a"].due_at
    assert (got(scenario), look) == ([ANN], NOON + timedelta(minutes=15))
    scenario.when(due("look/a"), at=NOON + timedelta(minutes=15))
    scenario.when(due("look/a"), at=NOON + timedelta(minutes=60))

    assert [e.lead_id for e in scenario.log if isinstance(e, LeadAssigned)] == [2, 1]


def test_D8_3_a_rule_stays_stalled_while_newer_leads_pass_the_one_nobody_may_ever_see() -> None:
    blind = (Access(ANN, hidden_stages=(NEW,)), Access(BOB, hidden_stages=(NEW,)))
    scenario = described(*blind).when(dp(1), *(dp(lead, stage=HOT) for lead in (2, 3, 4)))

    stalls = [e for e in scenario.log if isinstance(e, RuleStalled | RuleRevived)]
    assert (len(stalls), scenario.account.stalled) == (1, ("a",))
