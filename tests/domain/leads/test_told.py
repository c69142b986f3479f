"""What only hooks tell, where hooks are not trusted: it is read before anything is written (S2)."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.events import LeadAssigned, Outcome, RequestOpened
from contracts.inbound import InboundBody
from domain import snapshot
from domain.leads.report import UNREAD_MAX
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    HOT,
    NEW,
    STAGES,
    WORK,
    Scenario,
    announced,
    at,
    dp,
    due,
    facts,
    given,
    limit,
    missing,
    observed,
    patched,
    refused,
    removed,
    reported,
    rule,
    rules,
)

WON = STAGES["won"]
SAFE = rules(rule(ANN, BOB), rule(ANN, BOB, rule_id="b", stages=(HOT,)), trust_webhooks=False)
TAGGED = rules(
    rule(ANN, rule_id="vip", conditions={"tags": ["vip"]}),
    rule(BOB, rule_id="rest"),
    trust_webhooks=False,
)
IS_TAGGED = Outcome("vip", "tags", is_met=True)
TRUSTING = rules(rule(ANN, BOB), trust_webhooks=True)


def served(stage: Any = NEW) -> Scenario:
    """Lead 1 came into a stage, was read, was given to somebody, and Kommo holds it."""
    scenario = given(reported(1, NEW, action="add"), rules=SAFE)
    scenario.when(observed(1, stage, reason="lookup"), at=at(1))
    got = scenario.got()
    if got:
        scenario.when(patched(1, got[0], modified=at(2)), at=at(2))
    return scenario


def decision(scenario: Scenario) -> LeadAssigned:
    (found,) = (event for event in scenario.answer if isinstance(event, LeadAssigned))
    return found


# Leads that nobody knows.


@pytest.mark.parametrize(
    "hook",
    [
        reported(1, NEW, action="add"),
        reported(1, NEW, action="status"),
        dp(1, NEW),
        dp(1, NEW, source="dp_widget", occurred_at=at(0)),
        announced(1),
    ],
    ids=["add", "status", "dp_hook", "dp_widget", "unsorted"],
)
def test_S2_an_unknown_lead_is_read_before_it_is_decided(hook: InboundBody) -> None:
    scenario = given(rules=SAFE)
    scenario.when(hook).then("look up 1: announced")
    scenario.when(dp(1, NEW)).then()
    scenario.when(observed(1, NEW, reason="lookup"), at=at(1)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )

    assert not decision(scenario).is_told


@pytest.mark.parametrize(
    ("by", "modified"),
    [(ANN, at(2)), (77, at(2))],
    ids=["a manager", "somebody else"],
)
def test_F60_whom_a_person_chose_while_the_lead_was_being_read_has_it(
    by: int, modified: Any
) -> None:
    scenario = given(reported(1, NEW, action="add", by=BOSS, modified=at(0)), rules=SAFE)
    before = scenario.credits()
    scenario.when(observed(1, NEW, by=by, modified=modified, reason="lookup"), at=at(3)).then(
        f"lead 1 in new of {by}", "opened 1.1 under a", "closed 1.1: taken_by_person"
    )

    assert scenario.credits() == before
    # It is known then: the hooks about it that come late ask for nobody either.
    scenario.when(reported(1, NEW, action="responsible", by=by, modified=at(2)), at=at(4)).then()


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (reported(1, NEW, action="add", by=BOSS, modified=at(0)), (BOSS, at(2))),
        # Nothing has changed since the hook: it was wrong about whose the lead was.
        (reported(1, NEW, action="add", by=77, modified=at(0)), (BOSS, at(0))),
        (dp(1, NEW), (77, at(2))),
        (announced(1), (77, at(2))),
    ],
    ids=["nobody chose", "nothing has changed", "trigger", "unsorted"],
)
def test_F60_whose_a_lead_is_when_it_comes_is_nobodys_choice(
    told: InboundBody, read: tuple[int, Any]
) -> None:
    scenario = given(told, rules=SAFE)
    by, modified = read
    scenario.when(observed(1, NEW, by=by, modified=modified, reason="lookup"), at=at(3))

    assert scenario.got() == [ANN]


def test_D10_3_F60_whose_a_lead_is_by_the_hook_is_in_the_snapshot() -> None:
    scenario = given(reported(1, NEW, action="add", by=BOSS, modified=at(0)), dp(2), rules=SAFE)
    again = snapshot.load(snapshot.dump(scenario.account))

    assert again.announced == scenario.account.announced
    assert again.announced[1].responsible_id == BOSS
    assert snapshot.digest(again) == snapshot.digest(scenario.account)


def test_S2_an_invented_lead_leaves_nothing_behind() -> None:
    scenario = given(rules=SAFE)
    before = snapshot.digest(replace(scenario.account, now=at(2), version=0))
    scenario.when(reported(1, NEW, action="add")).then("look up 1: announced")
    scenario.when(missing(1), at=at(2)).then("lead 1 deleted")

    assert snapshot.digest(replace(scenario.account, version=0)) == before
    scenario.when(reported(1, NEW, action="add")).then("look up 1: announced")


def test_S2_an_unknown_lead_that_lies_elsewhere_is_nobodys() -> None:
    scenario = given(reported(1, NEW, action="add"), rules=SAFE)
    scenario.when(observed(1, WORK, reason="lookup"), at=at(1)).then("lead 1 in work of 900")


def test_S2_S4_no_more_unknown_leads_are_read_at_a_time_than_four_requests_take() -> None:
    scenario = given(rules=SAFE)
    invented = [reported(lead, NEW, action="add") for lead in range(1, UNREAD_MAX + 3)]
    scenario.when(*invented)

    reasons = [getattr(event, "reason", "") for event in scenario.answer]
    assert reasons == ["announced"] * UNREAD_MAX + ["crowded"]
    scenario.when(missing(1)).then("lead 1 deleted")
    scenario.when(missing(2)).then("lead 2 deleted")
    scenario.when(dp(5_001, NEW)).then("look up 5001: announced")
    scenario.when(dp(5_002, NEW)).then("look up 5002: crowded")
    scenario.when(dp(5_003, NEW)).then()
    # A sweep shows those that exist.
    scenario.when(observed(5_003, NEW, reason="sweep")).then(
        "lead 5003 in new of 900", "opened 5003.1 under a", "assigned 5003.1 to 501"
    )


def test_S2_known_leads_wait_for_no_unknown_ones() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=SAFE)
    scenario.when(*(dp(lead, NEW) for lead in range(2, UNREAD_MAX + 10)))
    scenario.when(reported(1, NEW, modified=at(5)), at=at(6)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )


# Known leads.


def test_S2_a_decision_on_hooks_alone_says_so_and_since_when() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=SAFE)
    scenario.when(reported(1, NEW, modified=at(5)), at=at(6))

    assert (decision(scenario).is_told, decision(scenario).told_at) == (True, at(5))
    scenario.when(patched(1, ANN, modified=at(7)), at=at(7))
    scenario.when(reported(1, HOT, modified=at(8)), at=at(9))
    assert (decision(scenario).is_told, decision(scenario).told_at) == (True, at(8))


def test_S2_a_hook_without_a_time_says_none() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=SAFE)
    scenario.when(dp(1, NEW, old_stage=WORK), at=at(6))

    assert (decision(scenario).is_told, decision(scenario).told_at) == (True, None)


def test_S2_a_decision_on_a_reading_needs_none() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=SAFE)
    scenario.when(reported(1, HOT, modified=at(3)), observed(1, NEW, modified=at(5)), at=at(6))

    assert [event.is_told for event in scenario.answer if isinstance(event, LeadAssigned)] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("modified", "is_told"),
    [(at(5), False), (at(2), True)],
    ids=["it came as told", "nobody has touched it"],
)
def test_S2_what_was_read_for_a_request_is_not_read_again(modified: Any, *, is_told: bool) -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=TAGGED)
    scenario.when(reported(1, NEW, modified=at(5)), at=at(6))
    scenario.when(facts(1, modified=modified, outcomes=(IS_TAGGED,)), at=at(7))

    assert decision(scenario).is_told is is_told
    assert bool(scenario.account.told) is is_told


def test_S2_a_request_that_could_not_be_read_proves_nothing() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=TAGGED)
    scenario.when(reported(1, NEW, modified=at(5)), at=at(6))
    scenario.when(due("readings"), at=at(6 + 60))

    assert decision(scenario).is_told


def test_S2_trusted_hooks_are_believed_as_ever() -> None:
    scenario = given(rules=TRUSTING)
    scenario.when(reported(1, NEW, action="add")).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )

    assert not decision(scenario).is_told
    assert scenario.account.told == {}


def test_S2_a_forged_move_costs_nobody_a_lead_and_ends_where_the_lead_lies() -> None:
    scenario = served()
    before = scenario.credits()
    scenario.when(reported(1, HOT, by=ANN, modified=at(60)), at=at(60)).then(
        "lead 1 in hot of 501", "opened 1.2 under b", "assigned 1.2 to 502"
    )
    scenario.when(refused(1, BOB, request="1.2", reason="not_there"), at=at(61)).then(
        "withdrawn 1.2 from 502: not_there", "closed 1.2: not_there", "look up 1: not_there"
    )
    scenario.when(observed(1, NEW, by=ANN, modified=at(2), reason="lookup"), at=at(62)).then(
        "lead 1 in new of 501"
    )

    assert scenario.credits() == before
    assert scenario.account.told == {}


def test_S2_a_true_move_right_after_a_forged_one_is_believed() -> None:
    scenario = served()
    scenario.when(reported(1, HOT, by=ANN, modified=at(110)), at=at(60))
    scenario.when(refused(1, BOB, request="1.2", reason="not_there"), at=at(61))
    scenario.when(observed(1, NEW, by=ANN, modified=at(2), reason="lookup"), at=at(62))
    scenario.when(reported(1, HOT, by=ANN, modified=at(63)), at=at(63)).then(
        "lead 1 in hot of 501", "opened 1.3 under b", "assigned 1.3 to 502"
    )


def test_S2_a_sweep_that_finds_a_forged_move_asks_for_nobody_either() -> None:
    scenario = served()
    scenario.when(reported(1, WORK, by=ANN, modified=at(60)), at=at(60)).then(
        "lead 1 in work of 501"
    )
    scenario.when(observed(1, NEW, by=ANN, modified=at(62)), at=at(70)).then("lead 1 in new of 501")


@pytest.mark.parametrize("elsewhere", [HOT, WORK])
def test_S2_a_lead_that_waits_does_so_again_when_it_never_left(elsewhere: Any) -> None:
    scenario = given(
        rules=rules(
            rule(ANN, limit=limit(1)),
            rule(BOB, rule_id="b", stages=(HOT,)),
            trust_webhooks=False,
        )
    )
    scenario.when(observed(7, NEW), observed(1, NEW), at=at(1))
    assert scenario.waiting() == ["1.2"]
    scenario.when(reported(1, elsewhere, modified=at(60)), at=at(60))
    assert scenario.waiting() == []
    if elsewhere == HOT:
        scenario.when(refused(1, BOB, request="1.3", reason="not_there"), at=at(61))
    else:
        sweep = observed(1, NEW)
        scenario.when(sweep, at=at(200)).then("look up 1: known_time_spoilt")
    scenario.when(observed(1, NEW, reason="lookup"), at=at(201))

    assert len(scenario.waiting()) == 1
    assert scenario.account.waiting_of(1) is not None


def test_S2_a_decision_under_way_is_taken_again_when_the_lead_never_left() -> None:
    scenario = given(reported(1, NEW, action="add"), rules=SAFE)
    scenario.when(observed(1, NEW, reason="lookup"), at=at(1))
    scenario.when(reported(1, HOT, modified=at(2)), at=at(2)).then(
        "lead 1 in hot of 900",
        "opened 1.2 under b",
        "withdrawn 1.1 from 501: superseded",
        "closed 1.1: superseded",
        "assigned 1.2 to 502",
    )
    scenario.when(refused(1, BOB, request="1.2", reason="not_there"), at=at(3))
    scenario.when(observed(1, NEW, reason="lookup"), at=at(4)).then(
        "lead 1 in new of 900", "opened 1.3 under a", "assigned 1.3 to 501"
    )


def test_S2_a_true_move_that_kommo_did_not_show_yet_is_answered_after_all() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=SAFE)
    scenario.when(reported(1, NEW, modified=at(5)), at=at(6))
    scenario.when(refused(1, ANN, reason="not_there"), at=at(7)).then(
        "withdrawn 1.1 from 501: not_there", "closed 1.1: not_there", "look up 1: not_there"
    )
    scenario.when(observed(1, NEW, modified=at(5), reason="lookup"), at=at(8)).then(
        "lead 1 in new of 900", "opened 1.2 under a", "assigned 1.2 to 502"
    )

    assert not decision(scenario).is_told


def test_S2_a_lead_that_has_moved_on_asks_where_it_is() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=SAFE)
    scenario.when(reported(1, NEW, modified=at(5)), at=at(6))
    scenario.when(refused(1, ANN, reason="not_there"), at=at(7))
    scenario.when(observed(1, HOT, modified=at(6), reason="lookup"), at=at(8)).then(
        "lead 1 in hot of 900", "opened 1.2 under b", "assigned 1.2 to 502"
    )


def test_S2_an_entry_that_never_happened_is_no_entry_where_the_lead_lies() -> None:
    """An old lead in a stage of a rule: told to have come there now, it was not touched."""
    scenario = given(
        observed(1, NEW, modified=at(-900), created=at(-900), reason="baseline"), rules=SAFE
    )
    scenario.when(reported(1, NEW, modified=at(5), created=at(-900)), at=at(6))
    assert (decision(scenario).is_told, decision(scenario).told_at) == (True, at(5))
    scenario.when(refused(1, ANN, reason="not_there"), at=at(7))
    scenario.when(
        observed(1, NEW, modified=at(-900), created=at(-900), reason="lookup"), at=at(8)
    ).then("lead 1 in new of 900")


def test_S2_what_is_told_ends_with_the_lead() -> None:
    scenario = given(
        observed(1, WORK, reason="sweep"), observed(2, WORK, reason="sweep"), rules=SAFE
    )
    scenario.when(reported(1, HOT, modified=at(5)), reported(2, HOT, modified=at(5)), at=at(6))
    assert sorted(scenario.account.told) == [1, 2]
    scenario.when(reported(1, WON, modified=at(7)), removed(2), missing(2), at=at(8))

    assert scenario.account.told == {}


def test_D10_3_what_is_told_is_in_the_snapshot() -> None:
    scenario = given(observed(1, WORK, reason="sweep"), rules=SAFE)
    scenario.when(reported(1, HOT, modified=at(5)), at=at(6))
    loaded = snapshot.load(snapshot.dump(scenario.account))

    assert loaded.told == scenario.account.told != {}
    assert snapshot.digest(loaded) == snapshot.digest(scenario.account)


# Somebody has taken the lead, says a hook.

FULL = rules(rule(ANN, limit=limit(1)), trust_webhooks=False)


def waiting() -> Scenario:
    """Ann is full with lead 1, and lead 2 of the boss waits for her."""
    scenario = given(reported(1, NEW, action="add"), rules=FULL)
    scenario.when(observed(1, NEW, reason="lookup"), patched(1, modified=at(0)), at=at(1))
    scenario.when(reported(2, NEW, action="add"), at=at(2))
    scenario.when(observed(2, NEW, reason="lookup"), at=at(3))
    assert scenario.waiting() == ["2.2"]
    return scenario


def taken(lead: int, second: int) -> InboundBody:
    return reported(lead, NEW, by=BOB, action="responsible", modified=at(second))


def test_S2_a_forged_change_of_the_responsible_ends_no_waiting_for_good() -> None:
    scenario = waiting().when(taken(2, 60), at=at(61))
    scenario.then(
        "closed 2.2: taken_by_person", "lead 2 in new of 502", "look up 2: taken_by_hearsay"
    )
    scenario.when(observed(2, NEW, reason="lookup"), at=at(63))

    assert scenario.waiting() == ["2.3"]
    assert scenario.account.given_up == {}
    assert scenario.account.leads[2].responsible_id == BOSS


def test_D7_5_what_a_person_took_is_read_and_stays_theirs() -> None:
    scenario = waiting().when(taken(2, 60), at=at(61))
    scenario.when(observed(2, NEW, by=BOB, modified=at(60), reason="lookup"), at=at(63))

    assert (scenario.waiting(), scenario.account.given_up) == ([], {})
    assert scenario.account.leads[2].responsible_id == BOB
    scenario.when(observed(2, NEW, by=BOSS, modified=at(70), reason="sweep"), at=at(90))
    assert scenario.waiting() == []


def test_S2_a_decision_on_its_way_is_taken_again_after_a_forged_change() -> None:
    scenario = given(reported(1, NEW, action="add"), rules=SAFE)
    scenario.when(observed(1, NEW, reason="lookup"), at=at(1))
    assert scenario.got() == [ANN]
    scenario.when(taken(1, 60), at=at(61))
    assert scenario.account.leads[1].wanted is None
    scenario.when(observed(1, NEW, reason="lookup"), at=at(63))

    assert decision(scenario).request_id == "1.2"
    assert scenario.account.leads[1].wanted is not None


def test_D7_5_what_was_read_before_a_person_took_the_lead_gives_it_to_nobody() -> None:
    scenario = waiting().when(announced(2), at=at(50)).when(taken(2, 60), at=at(61))
    scenario.then(
        "closed 2.2: taken_by_person", "lead 2 in new of 502", "look up 2: taken_by_hearsay"
    )
    scenario.when(observed(2, NEW, reason="lookup"), at=at(55)).then()
    scenario.when(observed(2, NEW, by=BOB, modified=at(60), reason="lookup"), at=at(63))

    assert (scenario.waiting(), scenario.account.given_up) == ([], {})
    assert scenario.account.leads[2].responsible_id == BOB


def test_S2_nothing_is_doubted_any_more_once_hooks_are_trusted() -> None:
    scenario = waiting().when(reported(1, HOT, by=ANN, modified=at(60)), taken(2, 60), at=at(61))
    assert (set(scenario.account.told), set(scenario.account.given_up)) == ({1}, {2})
    scenario.when(rules(rule(ANN, limit=limit(1)), trust_webhooks=True), at=at(62))

    assert (scenario.account.told, scenario.account.given_up) == ({}, {})
    for second in (63, 64):
        scenario.when(observed(2, NEW, modified=at(second), reason="sweep"), at=at(second))
        assert not any(isinstance(event, RequestOpened) for event in scenario.answer)


def test_S2_a_change_that_is_read_needs_no_second_reading() -> None:
    scenario = waiting()
    scenario.when(observed(2, NEW, by=BOB, modified=at(60), reason="sweep"), at=at(90))

    scenario.then("closed 2.2: taken_by_person", "lead 2 in new of 502")
    assert (scenario.waiting(), scenario.account.given_up) == ([], {})


@pytest.mark.parametrize(
    "ended",
    [reported(2, WORK, modified=at(70)), reported(2, WON, modified=at(70)), missing(2)],
    ids=["moved", "won", "gone"],
)
def test_S2_a_lead_that_is_elsewhere_is_doubted_no_more(ended: InboundBody) -> None:
    scenario = waiting().when(taken(2, 60), at=at(61)).when(ended, at=at(71))

    assert (scenario.waiting(), scenario.account.given_up) == ([], {})


def test_S2_what_was_given_up_on_hearsay_survives_a_snapshot() -> None:
    scenario = waiting().when(taken(2, 60), at=at(61))
    restored = snapshot.load(snapshot.dump(scenario.account))

    assert restored.given_up == scenario.account.given_up == {2: BOSS}
    assert snapshot.digest(restored) == snapshot.digest(scenario.account)


def test_S2_trusted_hooks_are_not_read_after() -> None:
    scenario = given(reported(1, NEW, action="add"), rules=TRUSTING)
    scenario.when(taken(1, 60), at=at(61))

    assert (scenario.account.given_up, scenario.account.lookups) == ({}, {})
