"""Leads of each manager by day of the account's zone and rule."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from contracts.events import AccountDescribed, LeadAssigned, LeadLapsed
from projections import tallies
from projections.tallies import IN_RANGE, DayTally
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    apply,
    assigned,
    confirmed,
    lapsed,
    plan,
    recorded,
    withdrawn,
)

LATE = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def described(timezone: str) -> AccountDescribed:
    return AccountDescribed(timezone=timezone, active_user_ids=(501, 502), at=LATE)


async def days(pool: Any) -> list[DayTally]:
    return await tallies.in_range(
        pool, account_id=ACCOUNT, since=date(2026, 1, 1), until=date(2027, 1, 1)
    )


async def test_D3_8_a_day_is_one_of_the_accounts_zone(pool: Any) -> None:
    first, second = assigned(1, at=LATE), assigned(2, at=LATE)

    await apply(pool, tallies, recorded(described("America/Sao_Paulo"), first))
    await apply(pool, tallies, recorded(described("Asia/Tokyo"), second, after=2))

    assert await days(pool) == [
        DayTally(day=MONDAY, manager_id=501, rule_id="new", given=1),
        DayTally(day=TUESDAY, manager_id=501, rule_id="new", given=1),
    ]


async def test_D3_8_before_the_zone_is_known_and_with_one_that_is_unknown_days_are_utcs(
    pool: Any,
) -> None:
    await apply(pool, tallies, recorded(assigned(1, at=LATE)))
    await apply(pool, tallies, recorded(described("Mars/Phobos"), assigned(2, at=LATE), after=1))

    assert await days(pool) == [DayTally(day=MONDAY, manager_id=501, rule_id="new", given=2)]


async def test_D7_5_what_is_taken_back_counts_on_the_day_it_had_been_given(pool: Any) -> None:
    decision = assigned(1, at=LATE)

    await apply(pool, tallies, recorded(decision, assigned(2, at=LATE), confirmed(2)))
    await apply(pool, tallies, recorded(withdrawn(decision, at=LATE + timedelta(hours=2)), after=3))

    assert await days(pool) == [
        DayTally(day=MONDAY, manager_id=501, rule_id="new", given=2, withdrawn=1)
    ]
    assert await pool.fetch("TABLE tallies.pending") == []


async def test_D6_5_a_lead_that_stays_whose_it_is_is_given_for_good(pool: Any) -> None:
    await apply(pool, tallies, recorded(assigned(1, keeps_lead=True, at=LATE)))

    assert await days(pool) == [DayTally(day=MONDAY, manager_id=501, rule_id="new", given=1)]
    assert await pool.fetch("TABLE tallies.pending") == []


async def test_D7_3_how_it_came_to_them_and_what_they_let_lapse_is_counted(pool: Any) -> None:
    duty = assigned(1, policy="duty", reason="duty", movements=(), because="off_hours", at=LATE)
    owned = assigned(2, policy="owner", reason="owner", movements=(), at=LATE)

    passed_on = lapsed(4, at=LATE, passed_on_by="kommo:501")

    await apply(pool, tallies, recorded(duty, owned, lapsed(3, at=LATE), passed_on))

    assert await days(pool) == [
        DayTally(
            day=MONDAY,
            manager_id=501,
            rule_id="new",
            given=2,
            as_owner=1,
            on_duty=1,
            lapsed=2,
            passed_on=1,
        )
    ]


async def test_I9_the_tallies_add_up_to_the_decisions(pool: Any) -> None:
    lived = story(seed=5, messages=500)
    for start in range(0, len(lived.log), 101):
        await apply(pool, tallies, lived.log[start : start + 101])

    found = await days(pool)
    kinds = [type(each.event) for each in lived.log]
    assert sum(row.given for row in found) == kinds.count(LeadAssigned)
    assert sum(row.lapsed for row in found) == kinds.count(LeadLapsed) > 0


async def test_I13_a_month_does_not_read_the_history(pool: Any) -> None:
    await apply(pool, tallies, recorded(assigned(1, at=LATE)))
    await pool.execute("""
        INSERT INTO tallies.days
        SELECT account_id, date '2020-01-01' + n / 10, 500 + n % 10, 'new', 1, 0, 0, 0, 0, 0
        FROM generate_series(1, 20000) AS n, (VALUES (7), (8)) AS accounts (account_id)
    """)
    await pool.execute("ANALYZE tallies.days")

    text = await plan(pool, IN_RANGE, ACCOUNT, date(2022, 1, 1), date(2022, 2, 1), None)

    assert "days_pkey" in text
    assert "Seq Scan" not in text
