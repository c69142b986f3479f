"""What Kommo's list of leads tells of those that are not in it (D11.2)."""

import pytest

from contracts.events import LeadDeleted, LeadSeen, RequestOpened
from contracts.inbound import LeadsListed
from tests.domain.scenario import (
    ANN,
    BOSS,
    NEW,
    NOON,
    WORK,
    Scenario,
    at,
    dp,
    given,
    missing,
    observed,
    patched,
    removed,
    reported,
)


def listed(*lead_ids: int, after: int = 0, up_to: int | None = None) -> LeadsListed:
    return LeadsListed(after_id=after, up_to_id=up_to, lead_ids=lead_ids)


def known(*lead_ids: int) -> Scenario:
    return given(*(observed(lead, WORK, reason="baseline") for lead in lead_ids))


def test_D11_2_a_lead_that_is_not_listed_is_read_and_only_the_reading_ends_it() -> None:
    scenario = known(1, 2, 3).when(listed(1, 3)).then("look up 2: not_listed")
    assert sorted(scenario.account.leads) == [1, 2, 3]

    scenario.when(missing(2)).then("lead 2 deleted")
    assert scenario.account.loads.totals == {BOSS: 2}


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (listed(2, after=1, up_to=2), []),
        (listed(after=1, up_to=2), [2]),
        (listed(after=3, up_to=None), [4, 5]),
        (listed(after=0, up_to=3), [1, 2, 3]),
        (listed(1, 2, 3, 4, 5, 6), []),
        (listed(after=5, up_to=None), []),
    ],
)
def test_D11_2_a_page_speaks_for_its_part_of_the_list_only(
    page: LeadsListed, expected: list[int]
) -> None:
    known(5, 4, 3, 2, 1).when(page).then(*(f"look up {lead}: not_listed" for lead in expected))


def test_D11_2_what_is_being_read_already_is_not_asked_for_twice() -> None:
    known(1, 2).when(listed(1)).when(listed(1)).then()


def test_D11_2_a_lead_that_was_only_skipped_by_the_list_stays() -> None:
    scenario = known(1).when(listed()).when(observed(1, WORK, reason="lookup"))

    assert sorted(scenario.account.leads) == [1]
    assert scenario.account.lookups == {}


def test_D11_2_a_vanished_lead_ends_its_request_and_its_decision() -> None:
    scenario = given(dp(1)).when(listed()).when(missing(1))

    scenario.then("withdrawn 1.1 from 501: lead_gone", "closed 1.1: lead_deleted", "lead 1 deleted")
    assert scenario.credits() == {}


def test_D11_2_repairs_are_events_that_say_so() -> None:
    scenario = given(dp(1), patched(1), reported(2, WORK, by=ANN, action="add"))
    scenario.when(observed(1, WORK, by=ANN, modified=at(40)), at=at(50))
    scenario.when(observed(3, NEW, by=BOSS, modified=at(45), created=at(45)))

    seen = [e.source for e in scenario.log if isinstance(e, LeadSeen)][-2:]
    assert seen == ["sweep", "sweep"]
    assert [e.source for e in scenario.log if isinstance(e, RequestOpened)] == ["dp_hook", "sweep"]


def test_D11_2_how_a_deletion_was_found_is_told() -> None:
    scenario = known(1, 2).when(listed(1), missing(2), removed(1), missing(1))

    assert [e.source for e in scenario.log if isinstance(e, LeadDeleted)] == ["lookup", "webhook"]


def test_D11_2_leads_of_the_baseline_open_no_requests() -> None:
    scenario = given(observed(1, NEW, reason="baseline", created=NOON - (at(60) - NOON)))

    assert [e for e in scenario.log if isinstance(e, RequestOpened)] == []
