"""Which leads are new: those that nothing has shown while they were old (D1.7)."""

from datetime import timedelta

import pytest

from contracts.events import LeadAssigned, RequestOpened
from contracts.inbound import LeadReported
from tests.domain.scenario import (
    ANN,
    BOB,
    HOT,
    MONDAY,
    NEW,
    NOON,
    WORK,
    Scenario,
    at,
    dp,
    given,
    observed,
    reported,
    rule,
    rules,
)

LONG_AGO = MONDAY - timedelta(days=400)  # what an integration wrote as `created_at`


def edited(lead: int = 1, stage: object = NEW, *, old_status_id: int | None = None) -> LeadReported:
    """A hook about an edit of a lead that is said to have been made before the connection."""
    return LeadReported(
        lead_id=lead,
        action="update",
        stage=NEW if stage is NEW else WORK,
        responsible_id=900,
        modified_at=NOON,
        created_at=LONG_AGO,
        old_status_id=old_status_id,
    )


def got(scenario: Scenario) -> list[int]:
    return [e.lead_id for e in scenario.log if isinstance(e, LeadAssigned)]


def test_D1_7_a_lead_that_a_sweep_is_the_first_to_show_is_new_whenever_it_was_made() -> None:
    assert got(given(observed(1, created=LONG_AGO))) == [1]


def test_D1_7_a_lead_that_the_baseline_shows_is_old() -> None:
    shown = given(observed(1, created=LONG_AGO, reason="baseline"))
    shown.when(observed(1, created=LONG_AGO, modified=at(5)), at=at(60))

    assert got(shown) == []


def test_D1_7_a_lead_that_a_sweep_showed_before_the_rules_is_old() -> None:
    early = given(rules=rules(rule(ANN, stages=(HOT,)))).when(observed(1, created=LONG_AGO))
    early.when(rules(rule(ANN, BOB)), observed(1, created=LONG_AGO, modified=at(5)), at=at(60))

    assert got(early) == []


def test_D1_7_a_hook_that_cannot_tell_old_from_new_leaves_the_lead_to_the_sweep() -> None:
    scenario = given().when(edited()).then()

    scenario.when(observed(1, created=LONG_AGO), at=at(120))

    assert got(scenario) == [1]


def test_D1_7_before_the_baseline_such_a_hook_makes_no_lead_new() -> None:
    scenario = given().when(edited()).then()

    scenario.when(observed(1, created=LONG_AGO, reason="baseline"), at=at(120))
    scenario.when(edited(), observed(1, created=LONG_AGO, modified=at(200)), at=at(240))

    assert got(scenario) == []


@pytest.mark.parametrize("old", [WORK.status_id, HOT.status_id])
def test_D1_1_an_update_that_names_another_old_stage_is_a_move(old: int) -> None:
    scenario = given().when(edited(old_status_id=old))

    (opened,) = [e for e in scenario.log if isinstance(e, RequestOpened)]
    assert (opened.lead_id, opened.stage, opened.source) == (1, NEW, "webhook")


def test_D1_1_an_update_that_names_its_own_stage_as_the_old_one_is_none() -> None:
    given().when(edited(old_status_id=NEW.status_id)).then()


def test_D1_1_an_old_stage_in_a_hook_about_the_responsible_is_of_an_earlier_move() -> None:
    given().when(
        LeadReported(
            lead_id=1,
            action="responsible",
            stage=NEW,
            responsible_id=900,
            modified_at=NOON,
            created_at=LONG_AGO,
            old_status_id=WORK.status_id,
        )
    ).then()


def test_D1_3_the_other_hook_of_the_same_move_asks_for_nothing_more() -> None:
    scenario = given().when(edited(old_status_id=WORK.status_id), reported(1, NEW), dp(1))

    assert got(scenario) == [1]


def test_D1_1_a_move_that_a_reading_showed_without_telling_it_counts_when_it_is_told() -> None:
    shown = given(observed(1, NEW, created=LONG_AGO, reason="baseline"))

    shown.when(edited(old_status_id=WORK.status_id))

    assert got(shown) == [1]


def test_D1_7_what_is_restored_long_after_its_deletion_is_not_new() -> None:
    restored = given().when(reported(1, NEW, action="restore", created=LONG_AGO))

    restored.then("lead 1 in new of 900")
    restored.when(observed(1, created=LONG_AGO, modified=at(9)), at=at(120))
    assert got(restored) == []
