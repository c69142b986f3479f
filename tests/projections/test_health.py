"""When each account last did what it does."""

from datetime import timedelta
from typing import Any

from contracts.events import LeadAssigned
from projections import health
from projections.health import Vitals
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    NINE,
    apply,
    assigned,
    confirmed,
    later,
    opened,
    recorded,
    seen,
    withdrawn,
)


async def test_D11_2_when_an_account_was_last_heard_asked_decided_and_confirmed(pool: Any) -> None:
    decision = assigned(2, at=later(8))
    events = recorded(
        seen(1, at=later(1)),
        seen(1, source="sweep", at=later(2)),
        opened(1, at=later(3)),
        assigned(1, at=later(4)),
        confirmed(1, at=later(5)),
        opened(2, source="sweep", at=later(7)),
        decision,
        withdrawn(decision, reason="rejected", at=later(9)),
        withdrawn(assigned(3), at=later(10)),
    )
    await apply(pool, health, events[:5])
    await apply(pool, health, events[5:])
    await apply(pool, health, recorded(opened(1), account_id=3))

    assert await health.of_accounts(pool) == [
        Vitals(account_id=3, version=1, asked_at=NINE),
        Vitals(
            account_id=ACCOUNT,
            version=9,
            heard_at=later(1),
            asked_at=later(7),
            decided_at=later(8),
            confirmed_at=later(5),
            refused_at=later(9),
            given=2,
            swept=1,
            by_hour={NINE: 2},
        ),
    ]


def test_D11_2_of_hours_only_those_of_a_day_are_kept() -> None:
    given = [assigned(n, at=NINE + timedelta(hours=n)) for n in (0, 0, 1, 23, 24)]
    vitals = Vitals(account_id=ACCOUNT)

    for each in recorded(*given):
        vitals.follow(each)

    assert vitals.by_hour == {
        NINE + timedelta(hours=1): 1,
        NINE + timedelta(hours=23): 1,
        NINE + timedelta(hours=24): 1,
    }
    assert vitals.given == 5
    assert vitals.given_since(NINE + timedelta(hours=2)) == 2


def test_I9_a_life_is_counted_whole_and_kept_for_a_day() -> None:
    log = story(seed=8, messages=300).log
    vitals = Vitals(account_id=ACCOUNT)

    for each in log:
        vitals.follow(each)

    assert vitals.given == sum(isinstance(each.event, LeadAssigned) for each in log)
    assert 0 < len(vitals.by_hour) <= 24
