"""How far observed assignments are from turns among the people of a kind and day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import LEAD
from services.application.shadow.judged import Kind, Observed, judge

NINE = datetime(2026, 10, 12, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SITE, FAIR = Kind(1, 0), Kind(2, 5)


def given_to(*managers: int, kind: Kind = SITE, at: datetime = NINE) -> list[Observed]:
    return [
        Observed(lead_id=number, manager_id=manager, at=at, kind=kind)
        for number, manager in enumerate(managers, start=1)
    ]


def test_who_takes_turns_is_fair() -> None:
    found = judge(given_to(501, 502, 501, 502), UTC)

    assert [(each.got, each.fair_units, each.deviation_units) for each in found.managers] == [
        (2, 2 * LEAD, 0),
        (2, 2 * LEAD, 0),
    ]


def test_who_gets_more_than_a_turn_is_above() -> None:
    found = judge(given_to(501, 501, 501, 502), UTC)

    assert {each.manager_id: each.deviation_units for each in found.managers} == {
        501: LEAD,
        502: -LEAD,
    }
    assert found.widest is not None
    assert abs(found.widest.deviation_units) == LEAD


def test_each_kind_and_each_day_is_shared_among_its_own_people() -> None:
    found = judge(
        [
            *given_to(501, 501),
            *given_to(502, 502, at=NINE + DAY),
            *given_to(501, 501, 501, 503, kind=FAIR),
        ],
        UTC,
    )

    assert {each.manager_id: each.deviation_units for each in found.managers} == {
        501: LEAD,
        502: 0,
        503: -LEAD,
    }
    assert [(each.kind, each.leads, each.people) for each in found.kinds] == [
        (SITE, 4, 2),
        (FAIR, 4, 2),
    ]
    assert (found.kinds[1].manager_id, found.kinds[1].deviation_units) == (501, LEAD)


def test_days_are_the_accounts_own() -> None:
    late = datetime(2026, 10, 12, 23, tzinfo=UTC)  # one in the morning in Berlin
    observed = [*given_to(501, 501, 501), *given_to(502, at=late)]

    assert judge(observed, UTC).managers[0].deviation_units == LEAD
    assert judge(observed, ZoneInfo("Europe/Berlin")).managers[0].deviation_units == 0


@pytest.mark.parametrize(("leads", "lot"), [(100, 5), (400, 10)])
def test_a_lottery_is_off_by_the_root_of_its_leads(leads: int, lot: int) -> None:
    found = judge(given_to(*([501, 502] * (leads // 2))), UTC)

    assert found.managers[0].lot_units == lot * LEAD


@given(st.lists(st.tuples(st.integers(501, 505), st.integers(0, 2), st.integers(0, 3))))
def test_deviations_add_up_to_nothing(given_: list[tuple[int, int, int]]) -> None:
    found = judge(
        [
            Observed(lead_id=n, manager_id=m, at=NINE + day * DAY, kind=Kind(pipeline, 0))
            for n, (m, pipeline, day) in enumerate(given_)
        ],
        UTC,
    )

    assert sum(each.deviation_units for each in found.managers) == 0
    assert sum(each.got for each in found.managers) == len(given_)
    assert sum(each.leads for each in found.kinds) == len(given_)


def test_without_leads_there_is_nobody() -> None:
    found = judge([], UTC)

    assert (found.managers, found.kinds, found.widest) == ((), (), None)
