"""What Kommo refuses: a manager who is gone, or just this lead with this manager (F59, F53)."""

from contracts.events import AssignmentWithdrawn, LeadAssigned, RequestClosed
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    Scenario,
    given,
    participant,
    patched,
    pause,
    refused,
    reported,
    rule,
    rules,
    users,
)

ODD = "NotSupportedChoice: responsible_user_id"
ALL = (ANN, BOB, CEM, DAN, BOSS)


def refusing(scenario: Scenario, lead: int = 1, **rest: object) -> Scenario:
    """Kommo refuses the lead with whomever it is meant for now."""
    wanted = scenario.account.leads[lead].wanted
    assert wanted is not None
    told = refused(
        lead,
        wanted.manager_id,
        request=wanted.request_id,
        attempt=wanted.attempt,
        detail=ODD,
        **{"active": True, **rest},  # type: ignore[arg-type]
    )
    return scenario.when(told)


def taking(scenario: Scenario, lead: int) -> Scenario:
    """Kommo takes the lead with whomever it is meant for now."""
    wanted = scenario.account.leads[lead].wanted
    assert wanted is not None
    told = patched(lead, wanted.manager_id, request=wanted.request_id, attempt=wanted.attempt)
    return scenario.when(told)


def test_F59_a_lead_refused_with_an_active_manager_benches_nobody() -> None:
    scenario = refusing(given(reported(1)))

    scenario.then(
        "withdrawn 1.1 from 501: manager_refused",
        "assigned 1.1 to 502 again (2)",
    )
    assert scenario.account.refused_user_ids == ()
    # Ann goes on with other leads at once.
    scenario.when(reported(2)).then(
        "lead 2 in new of 900", "opened 2.2 under a", "assigned 2.2 to 501"
    )


def test_F53_a_lead_that_kommo_refuses_with_everybody_is_closed_in_kommos_words() -> None:
    scenario = refusing(refusing(given(reported(1))))

    scenario.then("withdrawn 1.1 from 502: manager_refused", "closed 1.1: rejected")
    (closed,) = [event for event in scenario.answer if isinstance(event, RequestClosed)]
    assert closed.detail == ODD
    assert scenario.account.refused_user_ids == ()
    assert (scenario.credits(), scenario.account.leads[1].wanted) == ({}, None)
    # The other leads of the account do not wait for anything.
    scenario.when(reported(2))
    assert [e.lead_id for e in scenario.answer if isinstance(e, LeadAssigned)] == [2]


def test_F53_of_many_managers_only_a_few_are_tried_for_an_odd_lead() -> None:
    team = range(600, 700)
    scenario = given(users(*ALL, *team), rules=rules(rule(*team))).when(reported(1))

    tried = 0
    while scenario.account.leads[1].wanted is not None:
        refusing(scenario)
        tried += 1

    assert tried == 5
    assert [e.reason for e in scenario.answer if isinstance(e, RequestClosed)] == ["rejected"]


def test_F53_duty_is_asked_before_an_odd_lead_is_given_up() -> None:
    duty = rule(ANN, duty={"manager": DAN})
    scenario = refusing(given(rules=rules(duty)).when(reported(1)))

    (given_out,) = [event for event in scenario.answer if isinstance(event, LeadAssigned)]
    assert (given_out.manager_id, given_out.because) == (DAN, "refused")

    refusing(scenario).then("withdrawn 1.1 from 504: manager_refused", "closed 1.1: rejected")


def test_F59_a_manager_refused_for_several_leads_that_others_get_is_benched() -> None:
    scenario = given(rules=rules(rule(participant(ANN, coefficient=100), BOB)))
    benched: list[int] = []
    for lead in range(1, 4):
        scenario.when(reported(lead))
        refusing(scenario, lead, active=None)
        taking(scenario, lead)
        benched.append(len(scenario.account.refused_user_ids))

    assert benched == [0, 0, 1]
    assert scenario.account.refused_user_ids == (ANN,)
    scenario.when(users(*ALL))
    assert (scenario.account.refused_user_ids, scenario.account.refusals) == ((), {})


def test_F59_leads_that_nobody_may_have_bench_nobody() -> None:
    scenario = given()
    for lead in range(1, 9):
        scenario.when(reported(lead))
        refusing(refusing(scenario, lead), lead)

    assert scenario.account.refused_user_ids == ()
    withdrawn = [event for event in scenario.log if isinstance(event, AssignmentWithdrawn)]
    assert len(withdrawn) == 16


def test_F59_one_lead_that_kommo_takes_with_a_manager_clears_them() -> None:
    scenario = given(rules=rules(rule(participant(ANN, coefficient=100), BOB)))
    for lead in (1, 2):
        scenario.when(reported(lead))
        taking(refusing(scenario, lead), lead)
    scenario.when(reported(3))
    taking(scenario, 3)

    assert scenario.account.refusals == {}


def test_F53_a_lead_waits_for_one_with_whom_kommo_may_take_it_yet() -> None:
    scenario = refusing(given(pause(BOB), reported(1)))

    scenario.then(
        "withdrawn 1.1 from 501: manager_refused",
        "deferred 1.1: refused until 13:00:00",
        "timer look/a #1: 13:00:00",
    )
