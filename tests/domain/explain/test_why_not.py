"""A line for each participant of a decision: why the lead is not theirs."""

from typing import Any, get_args

import pytest

from contracts.events import LEAD, LeadAssigned, Standing, Verdict
from domain.explain.why_not import Line, lines
from tests.projections.kit import assigned


def decided(**changes: Any) -> LeadAssigned:
    """501 got it; 502 could have, 503 is of the second priority, 504 has another verdict."""
    standings = (
        Standing(501, 1, "eligible", 0, LEAD // 2, 0, 0, None),
        Standing(502, 1, "eligible", 0, LEAD // 2, 0, 0, None),
        Standing(504, 1, "paused", 0, 0, 0, 0, None),
        Standing(503, 2, "eligible", 0, 0, 0, 0, None),
        Standing(505, 2, "off_shift", 0, 0, 0, 0, None),
    )
    return assigned(1, **{"standings": standings, **changes})


def test_D2_2_everybody_has_one_line_their_own_verdict_before_their_priority() -> None:
    assert lines(decided()) == (
        (501, "got"),
        (502, "others_owed_more"),
        (503, "lower_priority"),
        (504, "paused"),
        (505, "off_shift"),
    )


def test_D3_6_by_another_policy_others_came_first() -> None:
    decision = decided(policy="least_loaded", reason="fewest_open")

    assert dict(lines(decision))[502] == "others_first"


def test_D7_4_who_could_have_taken_a_duty_lead_is_told_that_it_went_to_duty() -> None:
    decision = decided(policy="duty", reason="duty", manager_id=900, because="age_limit")

    assert dict(lines(decision)) == {
        501: "to_duty",
        502: "to_duty",
        503: "to_duty",
        504: "paused",
        505: "off_shift",
        900: "got",
    }


def test_D6_1_a_lead_that_went_to_its_owner_is_nobody_elses_question() -> None:
    decision = decided(policy="owner", reason="owner", manager_id=777)

    assert lines(decision) == ((777, "got_as_owner"),)


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_D2_2_every_verdict_is_a_line(verdict: Verdict) -> None:
    standings = (Standing(502, 1, verdict, 0, 0, 0, 0, None),)
    line = dict(lines(decided(standings=standings)))[502]

    assert line == ("others_owed_more" if verdict == "eligible" else verdict)
    assert line in {name for part in get_args(Line) for name in (get_args(part) or (part,))}
