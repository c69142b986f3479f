"""The feed of decisions: what is told of each, filters, and pages in both directions."""

from itertools import pairwise
from typing import Any

import pytest

from contracts.stage import Stage
from projections import decisions
from projections.decisions import Decision, DecisionFilter
from tests.projections.history import LATE, NEW, story
from tests.projections.kit import (
    ACCOUNT,
    apply,
    assigned,
    closed,
    deferred,
    lapsed,
    later,
    plan,
    recorded,
    reserved,
    withdrawn,
)
from tests.projections.kit import NEW as STAGE

FILLED = 40_000
# A history of another account, and of ours: 40 managers, 20 rules, 10 stages, rare reasons.
FILL = f"""
INSERT INTO decisions.feed
SELECT account_id, n, n % 5000, n || '.1', CASE n % 3 WHEN 0 THEN 'assigned' ELSE 'deferred' END,
    timestamptz '2026-01-01' + n * interval '1 minute', 500 + n % 40, 'rule ' || n % 20, 1, n % 10,
    CASE WHEN n % 1000 = 0 THEN 'duty' ELSE 'largest_credit' END
FROM generate_series(1, {FILLED}) AS n, (VALUES (7), (8)) AS accounts (account_id)
"""  # noqa: S608 - numbers of ours


async def test_D10_2_a_decision_tells_manager_rule_stage_and_reason(pool: Any) -> None:
    decision = assigned(1)
    passed_on = lapsed(2, passed_on_by="kommo:501", reason="not my town")
    events = recorded(
        deferred(1), decision, withdrawn(decision), closed(1), reserved(2), lapsed(2), passed_on
    )

    await apply(pool, decisions, events)

    found = await decisions.page(pool, account_id=ACCOUNT, limit=9, after=0)
    told = [
        (d.kind, d.manager_id, d.rule_id, (d.pipeline_id, d.status_id), d.reason) for d in found
    ]
    nowhere = (None, None)
    assert told == [
        ("deferred", None, "new", nowhere, "off_shift"),
        ("assigned", 501, "new", STAGE, "largest_credit"),
        ("withdrawn", 501, None, STAGE, "taken_by_person"),
        ("closed", None, None, nowhere, "left_stage"),
        ("reserved", 501, "new", nowhere, None),
        ("lapsed", 501, "new", nowhere, "no_touch"),
        ("lapsed", 501, "new", nowhere, "passed_on"),
    ]


FILTERS = [
    DecisionFilter(),
    DecisionFilter(manager_ids=[501]),
    DecisionFilter(manager_ids=[501, 503], kinds=["assigned"]),
    DecisionFilter(rule_ids=["late"]),
    DecisionFilter(stages=[NEW]),
    DecisionFilter(stages=[NEW, LATE], lead_ids=[3, 4, 5]),
    DecisionFilter(reasons=["largest_credit"]),
    DecisionFilter(reasons=["largest_credit", "longest_wait"], manager_ids=[502]),
    DecisionFilter(kinds=["assigned", "closed"], rule_ids=["new", "late"]),
]


def wanted(decision: Decision, which: DecisionFilter) -> bool:
    stage = decision.pipeline_id and Stage(decision.pipeline_id, decision.status_id or 0)
    pairs = (
        (decision.kind, which.kinds),
        (decision.lead_id, which.lead_ids),
        (decision.manager_id, which.manager_ids),
        (decision.rule_id, which.rule_ids),
        (decision.reason, which.reasons),
        (stage, which.stages),
    )
    return (
        all(not values or value in values for value, values in pairs)
        and (which.since is None or decision.at >= which.since)
        and (which.until is None or decision.at < which.until)
    )


@pytest.mark.parametrize("which", FILTERS, ids=str)
async def test_D10_2_pages_of_either_direction_show_each_once(
    pool: Any, which: DecisionFilter
) -> None:
    lived = story(seed=3, messages=500)
    await apply(pool, decisions, lived.log)
    middle = lived.log[len(lived.log) // 2].event.at
    for bounds in ({}, {"since": middle}, {"until": middle}):
        asked = DecisionFilter(
            **{name: getattr(which, name) for name in DecisionFilter.__slots__} | bounds
        )
        expected = [d for d in decisions.changes(lived.log) if wanted(d, asked)]

        assert await paged(pool, asked, downwards=False) == expected
        assert await paged(pool, asked, downwards=True) == expected[::-1]


async def paged(pool: Any, which: DecisionFilter, *, downwards: bool) -> list[Decision]:
    found: list[Decision] = []
    while True:
        end = found[-1].version if found else None
        page = await decisions.page(
            pool,
            account_id=ACCOUNT,
            limit=7,
            which=which,
            before=end if downwards else None,
            after=None if downwards else end or 0,
        )
        if not page:
            return found
        found += page
        assert all((a.version > b.version) == downwards for a, b in pairwise(page))


INDEXES = [
    (DecisionFilter(), "feed_pkey"),
    (DecisionFilter(lead_ids=[17]), "feed_lead_idx"),
    (DecisionFilter(manager_ids=[501]), "feed_manager_idx"),
    (DecisionFilter(rule_ids=["rule 3"]), "feed_rule_idx"),
    (DecisionFilter(stages=[Stage(1, 3)]), "feed_stage_idx"),
    (DecisionFilter(reasons=["duty"]), "feed_reason_idx"),
    (DecisionFilter(manager_ids=[501], reasons=["duty"]), "feed_"),
    (DecisionFilter(since=later(0), until=later(60)), "feed_at_idx"),
    (DecisionFilter(manager_ids=[501, 502], rule_ids=["rule 3", "rule 4"]), "feed_"),
]


@pytest.mark.parametrize("ends", [{}, {"before": FILLED // 2}, {"after": FILLED // 2}], ids=str)
async def test_I13_no_page_reads_the_history(pool: Any, ends: dict[str, int]) -> None:
    await apply(pool, decisions, recorded(closed(1)))
    await pool.execute("DELETE FROM decisions.feed")
    await pool.execute(FILL)
    await pool.execute("ANALYZE decisions.feed")
    for which, index in INDEXES:
        statement, arguments = decisions.paged(ACCOUNT, limit=50, which=which, **ends)

        text = await plan(pool, statement, *arguments)

        assert "Seq Scan" not in text, text
        assert index in text, text
