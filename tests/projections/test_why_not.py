"""How often each manager stood how, by rule and hour."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.events import LEAD, LeadAssigned, Standing
from domain.explain.why_not import lines
from projections import why_not
from projections.why_not import NEWEST, TOTALS, Stretch, Totals, hour_of
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

    asked = {"account_id": ACCOUNT, "since": NINE, "until": later(120)}
    first = await why_not.totals(pool, manager_id=501, **asked)
    second = await why_not.totals(pool, manager_id=502, rule_id="new", **asked)
    stranger = await why_not.totals(pool, manager_id=9, **{**asked, "until": TEN})
    seen = [
        await why_not.newest(pool, manager_id=502, limit=limit, before=before, lines=told, **asked)
        for told, limit, before in (
            (("off_shift", "to_owner", "got", "not_in_rule"), 0, 99),
            (("off_shift",), 1, 99),
            (("off_shift",), 0, 4),
        )
    ]

    assert first.stood == {"got": 2, "got_as_owner": 1, "to_duty": 1}
    assert second.stood == {"got": 1, "off_shift": 1, "to_owner": 1}
    assert stranger.stood == {"to_owner": 1, "not_in_rule": 1}
    assert first == Totals(
        decisions=4, to_owners=1, lines={"got": 2, "got_as_owner": 1, "to_duty": 1}
    )
    assert second == Totals(decisions=3, to_owners=1, lines={"got": 1, "off_shift": 1})
    assert stranger == Totals(decisions=2, to_owners=1, lines={})
    early = Stretch(line="off_shift", hour=NINE, rule_id="new", first_version=1, last_version=2)
    late = Stretch(line="off_shift", hour=TEN, rule_id="late", first_version=4, last_version=4)
    assert seen == [
        [
            late,
            Stretch(line="got", hour=TEN, rule_id="new", first_version=3, last_version=3),
            replace(early, line="to_owner"),
        ],
        [late, early],
        [early],
    ]


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
        found = await why_not.totals(
            pool, account_id=ACCOUNT, manager_id=manager_id, since=since, until=until
        )
        assert (found.decisions, found.lines) == (len(decided), expected)


async def test_I13_a_week_of_a_manager_does_not_read_the_history(pool: Any) -> None:
    await apply(pool, why_not, recorded(given(1, NINE)))
    await pool.execute("""
        INSERT INTO why_not.hours
        SELECT account_id, timestamptz '2024-01-01' + n * interval '1 hour', 'new', 3, 0, n, n,
            ARRAY[501, 502], ARRAY['got', 'off_shift'], ARRAY[3, 3]
        FROM generate_series(1, 15000) AS n, (VALUES (7), (8)) AS accounts (account_id)
    """)
    await pool.execute("ANALYZE why_not.hours")
    week = (ACCOUNT, NINE - timedelta(days=7), NINE, None, 501)

    for statement, more in ((TOTALS, ()), (NEWEST, (["got"], 99_999, 5))):
        text = await plan(pool, statement, *week, *more)
        assert "hours_pkey" in text
        assert "Seq Scan" not in text
