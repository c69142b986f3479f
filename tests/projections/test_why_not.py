"""How often each manager stood how, by rule and hour."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.events import LEAD, LeadAssigned, Standing
from domain.explain.why_not import lines
from projections import why_not
from projections.why_not import STOOD, Stood, Stretch, hour_of
from tests.projections.history import MANAGERS, story
from tests.projections.kit import ACCOUNT, NINE, apply, assigned, later, plan, recorded

TEN = later(60)
STANDINGS = (
    Standing(501, 1, "eligible", 0, LEAD, 0, 0, None),
    Standing(502, 1, "off_shift", 0, 0, 0, 0, None),
)


def given(lead_id: int, at: datetime, **changes: Any) -> LeadAssigned:
    return assigned(lead_id, at=at, **{"standings": STANDINGS, **changes})


async def test_D2_2_an_hour_counts_the_lines_of_each_manager(pool: Any) -> None:
    events = recorded(
        given(1, NINE),
        given(2, later(59), policy="owner", reason="owner", standings=()),
        given(3, TEN, manager_id=502, policy="duty", reason="duty"),
        given(4, TEN, rule_id="late"),
    )
    for event in events:  # each row is written anew
        await apply(pool, why_not, [event])

    asked = {"account_id": ACCOUNT, "since": NINE, "until": later(120), "limit": 0, "before": 99}
    first = await why_not.stood(pool, manager_id=501, **asked)
    second = await why_not.stood(pool, manager_id=502, **asked)
    of_a_rule = await why_not.stood(pool, manager_id=502, rule_id="new", **asked)
    stranger = await why_not.stood(pool, manager_id=9, **{**asked, "until": TEN})
    more = await why_not.stood(pool, manager_id=502, **{**asked, "limit": 1})
    older = await why_not.stood(pool, manager_id=502, **{**asked, "before": 4})
    cut = await why_not.stood(pool, manager_id=502, **{**asked, "until": later(119)})

    nine, ten, other = (
        Stretch(hour=hour, rule_id=rule_id, first_version=start, last_version=end)
        for hour, rule_id, start, end in (
            (NINE, "new", 1, 2),
            (TEN, "new", 3, 3),
            (TEN, "late", 4, 4),
        )
    )
    assert counts(first) == {"got": 2, "got_as_owner": 1, "to_duty": 1}
    assert counts(of_a_rule) == {"got": 1, "off_shift": 1, "to_owner": 1}
    assert counts(stranger) == {"to_owner": 1, "not_in_rule": 1}
    assert second == {
        "got": Stood(count=1, newest=(ten,)),
        "off_shift": Stood(count=2, newest=(other,)),
        "to_owner": Stood(count=1, newest=(nine,)),
    }
    assert more["off_shift"] == Stood(count=2, newest=(other, nine))
    assert older["off_shift"] == Stood(count=2, newest=(other, nine))
    assert cut["off_shift"] == Stood(count=1, newest=(other, nine))
    assert cut["got"] == Stood(count=0, newest=(ten,))


def counts(found: dict[Any, Stood]) -> dict[Any, int]:
    return {line: each.count for line, each in found.items()}


@pytest.mark.parametrize("seed", [1, 2])
async def test_I9_the_counts_are_those_of_the_decisions_in_whatever_batches(
    pool: Any, seed: int
) -> None:
    lived = story(seed=seed, messages=400)
    cut = len(lived.log) // 3
    await apply(pool, why_not, lived.log[:cut])
    await apply(pool, why_not, lived.log[cut:])
    decided = [e.event for e in lived.log if isinstance(e.event, LeadAssigned)]
    since, until = hour_of(decided[0].at), hour_of(decided[-1].at) + timedelta(hours=1)

    for manager_id in MANAGERS:
        expected = Counter(
            line for event in decided for who, line in lines(event) if who == manager_id
        )
        found = await why_not.stood(
            pool,
            account_id=ACCOUNT,
            manager_id=manager_id,
            since=since,
            until=until,
            limit=5,
            before=99_999,
        )
        told = Counter(counts(found))
        assert told.total() == len(decided)
        assert {line: told[line] for line in told if line not in ("to_owner", "not_in_rule")} == {
            **expected
        }


async def test_I13_a_week_of_a_manager_does_not_read_the_history(pool: Any) -> None:
    await apply(pool, why_not, recorded(given(1, NINE)))
    await pool.execute("""
        INSERT INTO why_not.hours
        SELECT account_id, timestamptz '2024-01-01' + n * interval '1 hour', 'new', 3, 0, n, n,
            ARRAY[501, 502], ARRAY['got', 'off_shift'], ARRAY[3, 3]
        FROM generate_series(1, 15000) AS n, (VALUES (7), (8)) AS accounts (account_id)
    """)
    await pool.execute("ANALYZE why_not.hours")
    week = NINE - timedelta(days=7), NINE

    text = await plan(pool, STOOD, ACCOUNT, 501, *week, None, *week, 99_999, 5)
    assert "hours_pkey" in text
    assert "Seq Scan" not in text
