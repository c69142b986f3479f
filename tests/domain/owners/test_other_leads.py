"""Whose a contact's other leads are, and that its leads stay together (D6.6)."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.events import LeadAssigned, OtherLead
from contracts.inbound import ApplyRules, FactsRead
from domain.snapshot import dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    NOON,
    STAGES,
    Scenario,
    at,
    dp,
    due,
    facts,
    given,
    missing,
    observed,
    patched,
    pause,
    removed,
    reported,
    resume,
    rule,
    rules,
)

LONG_AGO = NOON - timedelta(days=9)
OWNERS = rules(rule(ANN, BOB, owners={"sources": ["other_lead"]}))


def read(lead: int, *others: OtherLead, **rest: Any) -> FactsRead:
    """What was read of a lead and its contact's other leads, the newest first."""
    return facts(lead, others=others, **rest)


def is_open(lead: int, manager: int) -> OtherLead:
    return OtherLead(lead, manager, is_open=True)


def closed(lead: int, manager: int) -> OtherLead:
    return OtherLead(lead, manager, is_open=False)


def asked(*leads: int, under: ApplyRules = OWNERS) -> Scenario:
    return given(*(dp(lead) for lead in leads), rules=under)


def managers(scenario: Scenario) -> dict[int, int]:
    return {e.lead_id: e.manager_id for e in scenario.log if isinstance(e, LeadAssigned)}


def test_D6_6_two_leads_of_one_contact_in_one_second_go_to_the_same_manager() -> None:
    together = asked(1, 2).when(read(1, is_open(2, BOSS)), read(2, is_open(1, BOSS)))

    assert managers(together) == {1: ANN, 2: ANN}


def test_D6_6_four_leads_of_two_contacts_stay_two_and_two() -> None:
    both = asked(1, 2, 3, 4).when(
        read(1, is_open(2, BOSS)),
        read(3, is_open(4, BOSS)),
        read(2, is_open(1, BOSS)),
        read(4, is_open(3, BOSS)),
    )

    assert managers(both) == {1: ANN, 2: ANN, 3: BOB, 4: BOB}


def test_D6_6_leads_of_one_contact_that_waited_stay_together_as_well() -> None:
    night = given(pause(ANN), pause(BOB), dp(1), dp(2), rules=OWNERS)
    night.when(read(1, is_open(2, BOSS)), read(2, is_open(1, BOSS)))
    assert len(night.waiting()) == 2
    night.account = load(dump(night.account))

    night.when(resume(BOB), resume(ANN), at=at(60))

    assert managers(night) == {1: BOB, 2: BOB}


def test_D6_6_the_decision_of_the_moment_goes_before_an_older_open_lead() -> None:
    two = asked(1, 2).when(read(1), read(2, is_open(9, BOB), is_open(1, BOSS)))

    assert managers(two) == {1: ANN, 2: ANN}


@pytest.mark.parametrize(
    ("others", "owner"),
    [
        ([closed(9, ANN), is_open(8, BOB)], BOB),
        ([is_open(9, BOB), is_open(8, ANN)], BOB),
        ([is_open(9, CEM), is_open(8, BOB)], BOB),
        ([is_open(9, CEM), closed(8, BOB)], BOB),
        ([closed(9, BOB), closed(8, ANN)], BOB),
        ([is_open(9, 0), closed(8, BOB)], BOB),
    ],
    ids=[
        "an open one before a newer lost one",
        "the newest open one",
        "an open one of an owner before one of somebody else",
        "a closed one of an owner before an open one of somebody else",
        "the newest closed one",
        "nobody is no owner",
    ],
)
def test_D6_6_open_leads_of_owners_go_first_then_closed_ones(
    others: list[OtherLead], owner: int
) -> None:
    decided = asked(1).when(read(1, *others))

    (event,) = [e for e in decided.log if isinstance(e, LeadAssigned)]
    assert (event.manager_id, event.policy) == (owner, "owner")
    assert [(o.source, o.verdict) for o in event.owners] == [("other_lead", "eligible")]


def test_D6_6_without_an_owner_among_them_the_fair_share_decides_and_says_so() -> None:
    decided = asked(1).when(read(1, is_open(9, CEM), closed(8, DAN)))

    (event,) = [e for e in decided.log if isinstance(e, LeadAssigned)]
    assert event.policy == "fair_share"
    assert [(o.manager_id, o.verdict) for o in event.owners] == [(CEM, "not_an_owner")]


def test_D6_6_what_is_known_by_now_goes_before_what_was_read() -> None:
    known = given(observed(9, by=BOB, reason="baseline", created=LONG_AGO), dp(1), rules=OWNERS)

    assert managers(known.when(read(1, is_open(9, ANN)))) == {1: BOB}


@pytest.mark.parametrize("end", ["won", "deleted"])
def test_D6_6_a_lead_that_ended_since_is_no_open_one(end: str) -> None:
    gone = given(observed(9, by=ANN, reason="baseline", created=LONG_AGO), dp(1), rules=OWNERS)
    if end == "won":
        gone.when(reported(9, STAGES["won"], by=ANN, modified=at(5)), at=at(5))
    else:
        gone.when(removed(9), missing(9), at=at(5))

    assert managers(gone.when(read(1, is_open(9, ANN), is_open(8, BOB)))) == {1: BOB}


def test_D6_6_the_manager_of_a_confirmed_decision_keeps_the_contact() -> None:
    before = asked(1).when(read(1), patched(1, ANN))

    assert managers(before.when(dp(2), read(2, is_open(1, BOSS), closed(8, BOB)))) == {
        1: ANN,
        2: ANN,
    }


def test_D6_6_an_owner_by_another_lead_is_waited_for_like_any_other() -> None:
    away = given(pause(BOB, until=at(3_600)), dp(1), rules=OWNERS).when(read(1, is_open(9, BOB)))

    assert list(away.account.requests.reserved) == [BOB]
    away.when(due(f"owner/{BOB}"), at=at(3_600))
    assert managers(away) == {1: BOB}
