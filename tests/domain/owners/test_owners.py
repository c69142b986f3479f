"""Owners first: whose a lead is already, who is waited for, what is left alone (D6.1 to D6.3)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from contracts.events import LEAD, LeadAssigned, OwnerStanding, RequestReserved, Responsible
from contracts.inbound import ApplyRules
from domain.explain.reproduced import is_reproduced
from domain.requests import backlog
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    MONDAY,
    NOON,
    Scenario,
    at,
    dp,
    due,
    facts,
    given,
    observed,
    owned,
    participant,
    pause,
    refused,
    reported,
    resume,
    rule,
    rules,
    told,
    users,
)
from tests.support.words import in_words

DAYS = ("mon", "tue", "wed", "thu", "fri")
HOURS = {
    "office": {"weekly": {day: ["09:00-18:00"] for day in DAYS}},
    "late": {"weekly": {day: ["14:00-20:00"] for day in DAYS}},
    "evening": {"weekly": {day: ["15:00-20:00"] for day in DAYS}},
}
ALL = ["lead", "contact", "company", "other_lead"]


def owners_first(*participants: Any, sources: Any = ALL, **section: Any) -> ApplyRules:
    """Managers of the office, who take part in a rule that asks for owners."""
    return rules(
        rule(*(participants or (ANN, BOB)), owners={"sources": sources, **section}),
        schedules=HOURS,
        default_schedule="office",
    )


def assigned(scenario: Scenario) -> LeadAssigned:
    (event,) = [event for event in scenario.answer if isinstance(event, LeadAssigned)]
    return event


# Who the owner is (D6.1) ----------------------------------------------------------------------


@pytest.mark.parametrize("source", ALL[1:])
def test_D6_1_the_responsible_of_what_belongs_to_the_lead_gets_it(source: str) -> None:
    got = given(dp(1), rules=owners_first()).when(owned(1, **{source: BOB}))

    assert (got.got(), assigned(got).policy, assigned(got).reason) == ([BOB], "owner", "owner")


def test_D6_1_the_sources_are_asked_in_the_order_of_the_rule() -> None:
    contact_first = owners_first(sources=["contact", "company"])
    company_first = owners_first(sources=["company", "contact"])
    read = owned(1, contact=ANN, company=BOB)

    assert given(dp(1), rules=contact_first).when(read).got() == [ANN]
    assert given(dp(1), rules=company_first).when(read).got() == [BOB]


def test_D6_1_whoever_is_not_in_the_owner_set_is_passed_over() -> None:
    got = given(dp(1), rules=owners_first()).when(owned(1, contact=CEM, company=BOB))

    assert assigned(got).owners == (
        OwnerStanding("lead", BOSS, "not_an_owner", None),
        OwnerStanding("contact", CEM, "not_an_owner", None),
        OwnerStanding("company", BOB, "eligible", None),
    )


def test_D6_1_the_owner_set_may_be_wider_or_narrower_than_the_participants() -> None:
    wider = given(dp(1), rules=owners_first(among=[CEM])).when(owned(1, contact=CEM))
    narrower = given(dp(1), rules=owners_first(among=[CEM])).when(owned(1, contact=BOB))

    assert (wider.got(), narrower.got()) == ([CEM], [ANN])
    assert assigned(narrower).policy == "fair_share"


def test_D6_1_a_participant_without_a_fair_share_keeps_his_own_leads() -> None:
    without = owners_first(participant(ANN, coefficient=0), BOB)

    assert given(dp(1), rules=without).when(owned(1, contact=ANN)).got() == [ANN]


def test_D6_1_the_leads_own_responsible_needs_no_reading_when_he_is_known() -> None:
    own = owners_first(sources=["lead"])

    given(rules=own).when(reported(1, by=BOB)).then(
        f"lead 1 in new of {BOB}", "opened 1.1 under a", f"assigned 1.1 to {BOB}"
    )
    assert "read lead for 1.1 until 12:01:00" in map(told, given(rules=own).when(dp(1)).answer)


def test_D6_1_without_an_owner_the_fair_share_decides() -> None:
    got = given(dp(1), rules=owners_first()).when(owned(1))

    assert (got.got(), assigned(got).policy) == ([ANN], "fair_share")


# Whether they can take it (D6.2) --------------------------------------------------------------


def test_D6_2_an_owner_off_shift_who_is_back_soon_is_waited_for() -> None:
    late = owners_first(ANN, participant(BOB, schedule="late"))

    given(dp(1), rules=late).when(owned(1, contact=BOB)).then(
        f"lead 1 in new of {BOSS}",
        "prepared 1.1 for a",
        f"reserved 1.1 for {BOB} until 14:00:00",
        f"timer owner/{BOB} #1: 14:00:00",
    ).when(due(f"owner/{BOB}"), at=at(2 * 3600)).then(f"assigned 1.1 to {BOB}")


def test_D6_2_an_owner_who_comes_later_is_not() -> None:
    evening = owners_first(ANN, participant(BOB, schedule="evening"))
    got = given(dp(1), rules=evening).when(owned(1, contact=BOB))

    assert got.got() == [ANN]
    back_at = NOON + timedelta(hours=3)
    assert assigned(got).owners[-1] == OwnerStanding("contact", BOB, "off_shift", back_at)


def test_D6_2_how_long_is_waited_is_up_to_the_rule() -> None:
    people = (ANN, participant(BOB, schedule="evening"))
    patient, hasty = (owners_first(*people, wait_hours=h) for h in ("3", "2.99"))

    assert given(dp(1), rules=patient).when(owned(1, contact=BOB)).got() == []
    assert given(dp(1), rules=hasty).when(owned(1, contact=BOB)).got() == [ANN]


def test_D6_2_only_working_hours_of_the_account_count() -> None:
    evening = MONDAY + timedelta(hours=19)
    night = given(
        dp(1), rules=owners_first(participant(ANN, schedule="late"), BOB), at=evening
    ).when(
        facts(1, modified=evening, created_at=evening, responsibles=(Responsible("contact", BOB),))
    )

    # Ann works, but Bob is back after fourteen hours none of which is a working hour.
    assert (night.got(), list(night.account.requests.reserved)) == ([], [BOB])


def test_D6_2_an_owner_may_be_back_before_the_clock_says_so() -> None:
    paused = given(pause(BOB, until=at(3600)), dp(1), rules=owners_first())

    assert paused.when(owned(1, contact=BOB)).got() == []
    assert paused.when(resume(BOB)).got() == [BOB]


@pytest.mark.parametrize(
    "happens", [pause(BOB), users(ANN, CEM), rules(rule(ANN))], ids=["paused", "gone", "rules"]
)
def test_D6_2_an_owner_who_does_not_come_back_is_waited_for_no_longer(happens: Any) -> None:
    reserved = given(pause(BOB, until=at(3600)), dp(1), rules=owners_first())
    reserved.when(owned(1, contact=BOB)).when(happens)
    reserved.when(due(f"owner/{BOB}"), at=at(3600))

    assert [e.manager_id for e in reserved.log if isinstance(e, LeadAssigned)] == [ANN]


def test_I13_what_is_kept_for_an_owner_is_served_in_pieces_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "SERVED_PER_STEP_MAX", 2)
    kept = given(pause(BOB, until=at(3600)), rules=owners_first())
    kept.when(*(dp(lead) for lead in range(1, 6)))
    kept.when(*(owned(lead, contact=BOB) for lead in (5, 1, 2, 3, 4)))

    assert len(kept.account.requests.reserved[BOB]) == 5
    kept.when(due(f"owner/{BOB}"), at=at(3600))
    assert len(kept.got()) == 2
    kept.when(due(f"owner/{BOB}", 2)).when(due(f"owner/{BOB}", 3))
    order = [event.lead_id for event in kept.log if isinstance(event, LeadAssigned)]
    assert (order, kept.account.requests.reserved) == ([1, 2, 3, 4, 5], {})


def test_I13_an_owner_of_many_who_stays_away_longer_is_noted_piece_by_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "SERVED_PER_STEP_MAX", 2)
    kept = given(pause(BOB, until=at(3600)), rules=owners_first())
    kept.when(*(dp(lead) for lead in range(1, 6)))
    kept.when(*(owned(lead, contact=BOB) for lead in range(1, 6)))
    kept.when(pause(BOB, until=at(7200)))

    noted = []
    for generation in (1, 3, 5):
        kept.when(due(f"owner/{BOB}", generation), at=at(3600))
        noted.append([e.lead_id for e in kept.answer if isinstance(e, RequestReserved)])

    assert noted == [[1, 2], [3, 4], [5]]
    assert kept.account.timers[f"owner/{BOB}"].due_at == at(7200)
    kept.when(due(f"owner/{BOB}", 6), at=at(7200))
    assert len(kept.got()) == 2


def test_D6_2_he_is_waited_for_once_however_often_he_is_late() -> None:
    reserved = given(pause(BOB, until=at(3600)), dp(1), rules=owners_first())
    reserved.when(owned(1, contact=BOB)).when(pause(BOB, until=at(7200)))
    reserved.when(due(f"owner/{BOB}"), at=at(3600)).then(
        f"reserved 1.1 for {BOB} until 14:00:00", f"timer owner/{BOB} #2: 14:00:00"
    )
    reserved.when(pause(BOB, until=at(9000)))

    assert reserved.when(due(f"owner/{BOB}", 2), at=at(7200)).got() == [ANN]


@pytest.mark.parametrize("gone", [users(ANN, CEM), pause(BOB)], ids=["inactive", "paused"])
def test_D6_2_a_deactivated_or_paused_owner_leaves_it_to_the_fair_share(gone: Any) -> None:
    assert given(gone, dp(1), rules=owners_first()).when(owned(1, contact=BOB)).got() == [ANN]


@pytest.mark.parametrize(("ignore", "expected"), [(True, BOB), (False, ANN)])
def test_D6_2_owners_ignore_limits_unless_the_rule_says_otherwise(
    ignore: bool,  # noqa: FBT001 - a case of the switch
    expected: int,
) -> None:
    people = (ANN, participant(BOB, limit=1))
    full = given(reported(7, by=BOB), rules=owners_first(*people, ignore_limits=ignore))
    read = owned(2, contact=BOB)

    assert full.when(dp(2), read).got() == [expected]


def test_D5_3_an_owners_lead_does_not_stand_behind_those_that_wait_for_anybody() -> None:
    people = (participant(ANN, limit=0), participant(BOB, limit=0))
    full = given(dp(1), owned(1), rules=owners_first(*people))

    assert full.waiting() == ["1.1"]
    assert full.when(dp(2), owned(2, contact=BOB)).got() == [BOB]


def test_D3_7_owner_leads_do_not_touch_the_ledger() -> None:
    got = given(dp(1), rules=owners_first()).when(owned(1, contact=BOB))

    assert (assigned(got).movements, got.credits()) == ((), {})


def test_D3_7_owner_leads_may_count_until_the_owner_owes_so_many() -> None:
    counting = owners_first(ANN, BOB, debt_max=1)
    first = given(dp(1), rules=counting).when(owned(1, contact=BOB))
    half = LEAD // 2

    assert first.got() == [BOB]
    assert first.credits() == {ANN: half, BOB: -half}
    first.when(dp(2), owned(2, contact=BOB))
    assert first.credits() == {ANN: LEAD * 3 // 4, BOB: -LEAD * 3 // 4}
    assert is_reproduced(assigned(first))
    counts = (
        "It counts in the ledger like any other lead: -0.250 for M502, who may owe 1.000 at most."
    )
    assert in_words(assigned(first))[-2:] == [
        counts,
        "Credit afterwards: M501 +0.750, M502 -0.750.",
    ]


def test_D3_7_what_is_owed_at_most_is_never_exceeded_and_comes_back() -> None:
    counting = owners_first(ANN, BOB, debt_max=0)
    gift = given(dp(1), rules=counting).when(owned(1, contact=BOB))

    assert (gift.got(), gift.credits()) == ([BOB], {})
    owing = given(dp(1), owned(1, contact=BOB), rules=owners_first(ANN, BOB, debt_max=1))
    assert owing.when(observed(1, by=DAN, modified=at(60)), at=at(60)).credits() == {}


def test_F59_an_owner_whom_kommo_refuses_leaves_it_to_the_fair_share() -> None:
    got = given(dp(1), rules=owners_first()).when(owned(1, contact=BOB), refused(1, BOB))

    assert got.got() == [BOB, ANN]


def test_F29_a_reserved_request_ends_when_a_person_takes_the_lead() -> None:
    reserved = given(pause(BOB, until=at(3600)), dp(1), rules=owners_first())
    reserved.when(owned(1, contact=BOB)).when(observed(1, by=DAN, modified=at(60)), at=at(60))

    assert "closed 1.1: taken_by_person" in map(told, reserved.answer)
    assert reserved.account.requests.reserved == {}


@any_of(st.permutations([ANN, BOB, CEM]), st.sampled_from([ANN, BOB, CEM]))
def test_D6_1_the_order_of_the_participants_does_not_matter(order: list[int], owner: int) -> None:
    assert given(dp(1), rules=owners_first(*order)).when(owned(1, company=owner)).got() == [owner]


# Other employees' leads (D6.3) ----------------------------------------------------------------


def test_D6_3_by_default_another_employees_lead_is_distributed() -> None:
    assert given(dp(1), rules=owners_first()).when(owned(1, by=DAN)).got() == [ANN]


@pytest.mark.parametrize(
    "read", [facts(1, by=DAN), facts(1, by=ANN, created_by=DAN)], ids=["belongs", "created"]
)
def test_D6_3_keep_leaves_another_employees_lead_alone(read: Any) -> None:
    keeping = given(dp(1), rules=owners_first(sources=["contact"], others="keep"))

    assert "closed 1.1: kept" in map(told, keeping.when(read).answer)


@pytest.mark.parametrize("manager", [ANN, BOB])
def test_D6_7_keep_never_beats_an_owner_who_was_asked_for_and_is_there(manager: int) -> None:
    keeping = given(dp(1), rules=owners_first(sources=["contact"], others="keep"))

    assert keeping.when(owned(1, by=DAN, contact=manager)).got() == [manager]


def test_D6_7_keep_beats_an_owner_who_is_away() -> None:
    keeping = owners_first(sources=["contact"], others="keep")
    away = given(pause(BOB), dp(1), rules=keeping)

    assert "closed 1.1: kept" in map(told, away.when(owned(1, by=DAN, contact=BOB)).answer)


@pytest.mark.parametrize(("by", "created_by"), [(DAN, 0), (0, DAN), (DAN, DAN)])
def test_D6_7_a_deactivated_user_keeps_nothing_whatever_the_list_says(
    by: int, created_by: int
) -> None:
    keeping = given(dp(1), rules=owners_first(sources=["contact"], others="keep"))
    left = facts(1, by=by or ANN, created_by=created_by, inactive_ids=(DAN,))

    assert keeping.when(left).got() == [ANN]


def test_D6_3_keep_may_be_for_some_employees_only() -> None:
    keeping = owners_first(sources=["contact"], others="keep", keep_for=[DAN])

    assert given(dp(1), rules=keeping).when(facts(1, by=BOSS, created_by=0)).got() == [ANN]
    assert given(dp(1), rules=keeping).when(facts(1, by=DAN)).got() == []


def test_D6_3_a_deactivated_employees_lead_is_not_kept() -> None:
    keeping = owners_first(sources=["contact"], others="keep")

    assert given(users(ANN, BOB), dp(1), rules=keeping).when(facts(1, by=DAN)).got() == [ANN]


# In words (D10.2) -----------------------------------------------------------------------------


def test_D10_2_an_owners_decision_is_told_and_can_be_taken_again() -> None:
    event = assigned(given(dp(1), rules=owners_first()).when(owned(1, contact=BOB)))

    assert is_reproduced(event)
    assert in_words(event) == [
        'M502 got lead 1 under rule "a" (revision 1).',
        "M900 is responsible for the lead, but is no owner under this rule.",
        "M502 is responsible for its main contact, and gets it as the owner.",
    ]


def test_D10_2_a_fair_share_tells_why_the_owner_did_not_get_it() -> None:
    people = (ANN, participant(BOB, schedule="evening"))
    event = assigned(given(dp(1), rules=owners_first(*people)).when(owned(1, contact=BOB)))

    assert is_reproduced(event)
    assert in_words(event)[2] == (
        "M502 is responsible for its main contact, but off shift until 2026-10-12 15:00:00 UTC."
    )
