"""Times that cannot be Kommo's: forged, or written by an integration (S2, F28, F64)."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from contracts.events import LeadAssigned
from contracts.inbound import DescribeAccount
from contracts.kommo.webhooks import LeadNotification, read_body
from contracts.stage import Stage
from domain.snapshot import dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    HOT,
    NEW,
    NOON,
    STAGES,
    WORK,
    Scenario,
    at,
    dp,
    given,
    observed,
    patched,
    reported,
    rule,
    rules,
    touch,
)

YEAR_9999 = datetime(9999, 1, 1, tzinfo=UTC)
TOMORROW = NOON + timedelta(days=1)
BEGAN = NOON - timedelta(days=300)
DESCRIBED = DescribeAccount(timezone="UTC", active_user_ids=(ANN, BOB, BOSS), began_at=BEGAN)
BEFORE = BEGAN - timedelta(days=1)


def got(scenario: Scenario) -> list[int]:
    return [e.lead_id for e in scenario.log if isinstance(e, LeadAssigned)]


@pytest.mark.parametrize("when", [YEAR_9999, TOMORROW, at(61), BEFORE], ids=str)
def test_S2_a_move_at_a_time_that_cannot_be_is_read_before_it_is_believed(when: datetime) -> None:
    told = given(DESCRIBED, reported(1, WORK)).when(reported(1, NEW, modified=when))

    told.then("look up 1: time_not_credible")
    told.when(observed(1, WORK, reason="lookup"), at=at(5))
    assert (got(told), told.account.leads[1].stage_at) == ([], NOON)


@pytest.mark.parametrize("when", [YEAR_9999, BEFORE], ids=str)
def test_S2_an_entry_of_such_a_time_into_a_stage_the_lead_never_left_asks_for_nobody(
    when: datetime,
) -> None:
    there = given(DESCRIBED, observed(1, NEW, reason="baseline", created=BEFORE))

    there.when(reported(1, NEW, modified=when), at=at(5)).then()


def test_S2_a_new_lead_with_such_a_time_is_read_and_then_decided() -> None:
    new = given().when(reported(1, NEW, action="add", modified=YEAR_9999))

    new.then("look up 1: time_not_credible")
    new.when(observed(1, NEW, reason="lookup"), at=at(5))
    assert got(new) == [1]


def test_F64_a_little_ahead_is_the_difference_of_clocks() -> None:
    assert got(given().when(reported(1, NEW, modified=at(59)))) == [1]


def test_F64_a_reading_of_a_time_to_come_is_believed_and_its_time_is_not_kept() -> None:
    moved = given(reported(1, WORK)).when(reported(1, NEW, modified=TOMORROW))
    moved.when(observed(1, NEW, modified=TOMORROW, reason="lookup"), at=at(5))

    assert (got(moved), moved.account.leads[1].stage_at) == ([1], at(5))
    # So the next move counts at once.
    moved.when(reported(1, HOT, modified=at(9)), at=at(9))
    assert moved.account.leads[1].stage == HOT


def spoilt(by: datetime) -> Scenario:
    """What an earlier release made of a forged hook: a time to come is the newest one known."""
    scenario = given(reported(1, WORK))
    account = scenario.account
    account.leads[1] = replace(account.leads[1], stage_at=by, responsible_at=by)
    scenario.account = load(dump(account))
    return scenario


@pytest.mark.parametrize(
    "told", [reported(1, NEW, modified=at(30)), dp(1, NEW)], ids=["hook", "dp"]
)
def test_S2_what_contradicts_a_known_time_to_come_is_read(told: object) -> None:
    scenario = spoilt(YEAR_9999).when(told, at=at(31))  # type: ignore[arg-type]

    assert list(scenario.account.lookups) == [1]
    scenario.when(observed(1, NEW, modified=at(30), reason="lookup"), at=at(35))
    assert (got(scenario), scenario.account.leads[1].stage_at) == ([1], at(30))


def test_S2_a_sweep_heals_a_time_that_was_a_little_ahead() -> None:
    """A forged stage within the difference of clocks hides the true one only for a moment."""
    forged = given(reported(1, NEW), patched(1)).when(reported(1, WORK, modified=at(50)), at=at(1))
    forged.when(reported(1, HOT, modified=at(20)), at=at(21)).then()  # older than what is known

    # Kommo was read well after that time, and knows of no change at it.
    forged.when(observed(1, HOT, by=ANN, modified=at(20)), at=at(180))
    forged.then("look up 1: known_time_spoilt")
    forged.when(observed(1, HOT, by=ANN, modified=at(20), reason="lookup"), at=at(185))
    assert forged.account.leads[1].stage == HOT


def test_F28_a_sweep_that_a_hook_overtook_changes_nothing_and_asks_nothing() -> None:
    moved = given(reported(1, WORK)).when(reported(1, NEW, modified=at(100)), at=at(101))

    moved.when(observed(1, WORK, modified=NOON), at=at(102)).then()


def test_S2_an_end_of_such_a_time_ends_nothing() -> None:
    ended = given(reported(1, NEW)).when(reported(1, STAGES["won"], modified=YEAR_9999))

    ended.then("look up 1: time_not_credible")
    assert 1 in ended.account.leads


def test_S2_a_lead_that_ended_is_read_when_such_a_time_tells_it_is_back() -> None:
    back = given(reported(1, NEW), reported(1, STAGES["won"], modified=at(5)))
    back.when(reported(1, NEW, modified=TOMORROW), at=at(9)).then("look up 1: time_not_credible")


def test_D7_1_an_edit_of_such_a_time_touches_nothing() -> None:
    passing = rules(rule(ANN, BOB, redistribution={"after_minutes": 30, "clock": "wall_clock"}))
    offered = given(rules=passing).when(dp(1), patched(1))

    offered.when(reported(1, NEW, by=ANN, action="update", modified=TOMORROW, author=ANN))
    assert 1 in offered.account.offers
    offered.when(touch(ANN, happened=at(5)), at=at(9))
    assert offered.account.offers == {}


def test_S2_the_later_of_two_differing_times_of_one_body_counts() -> None:
    body = b"leads[update][0][id]=7&leads[update][0][pipeline_id]=1&leads[update][0][status_id]=2"
    for first, second in ((b"1760000000", b"1760000005"), (b"1760000005", b"1760000000")):
        times = b"&leads[update][0][last_modified]=%b&leads[update][0][updated_at]=%b"
        (read,) = read_body(body + times % (first, second), None).notifications

        assert isinstance(read, LeadNotification)
        assert read.modified_at == datetime.fromtimestamp(1_760_000_005, UTC)
        assert Stage(read.pipeline_id, read.status_id) == Stage(1, 2)
