"""Speed to lead: asked, decided, in Kommo, first touch; by the clock and in working time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from contracts.events import (
    AccountDescribed,
    AssignmentConfirmed,
    LeadAssigned,
    LeadTouched,
    RulesApplied,
    TouchesRequested,
)
from projections import response
from projections.response import LATE, By, LateRule, LegTimes, figures_statement
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    NINE,
    apply,
    assigned,
    closed,
    confirmed,
    later,
    opened,
    plan,
    recorded,
    touched,
    withdrawn,
)

HOUR_MS = 3_600_000
YESTERDAY = NINE - timedelta(hours=13)  # 20:00 of Sunday
WEEK = ["mon", "tue", "wed", "thu", "fri"]


def rules(hours: str, **options: object) -> RulesApplied:
    file = {
        "version": 1,
        "timezone": "UTC",
        "default_schedule": "office",
        "schedules": {"office": {"weekly": {day: [hours] for day in WEEK}}},
        "rules": [
            {
                "id": "new",
                "stages": [{"pipeline": 1, "stage": 11}],
                "participants": [{"manager": 501}, {"manager": 502}],
                **options,
            }
        ],
    }
    return RulesApplied(revision=1, rules=file, by="admin", at=YESTERDAY)


def described(timezone: str = "UTC") -> AccountDescribed:
    return AccountDescribed(timezone=timezone, active_user_ids=(501, 502), at=YESTERDAY)


async def rows(pool: Any) -> list[tuple[object, ...]]:
    found = await pool.fetch("""
        SELECT request_id, attempt, manager_id, asked_at, decided_at, in_kommo_at, touched_at,
            decided_worked_ms, in_kommo_worked_ms, touched_worked_ms
        FROM response.leads ORDER BY request_id, attempt
    """)
    return [tuple(row) for row in found]


LIFE = recorded(
    described(),
    rules("08:00-12:00"),
    opened(1, at=YESTERDAY),
    assigned(1, at=NINE),
    confirmed(1, at=later(30)),
    touched(1, happened_at=later(300), at=later(301)),
)
ROW = ("1.1", 1, 501, YESTERDAY, NINE, later(30), later(300), HOUR_MS, HOUR_MS * 3 // 2)


@pytest.mark.parametrize("batch", [1, 2, 6])
async def test_D12_1_the_way_of_a_lead_by_the_clock_and_in_working_time(
    pool: Any, batch: int
) -> None:
    """Asked on Sunday evening, given at 9 on Monday; they work from 8 to 12."""
    for start in range(0, len(LIFE), batch):
        await apply(pool, response, LIFE[start : start + batch])

    assert await rows(pool) == [(*ROW, 4 * HOUR_MS)]
    assert await pool.fetch("TABLE response.asked") == []


async def test_D12_1_working_time_goes_by_the_rules_of_then(pool: Any) -> None:
    changed = [
        *(each.event for each in LIFE[:5]),
        rules("08:00-20:00"),
        touched(1, happened_at=later(300), at=later(301)),
    ]

    await apply(pool, response, recorded(*changed))

    assert await rows(pool) == [(*ROW, 6 * HOUR_MS)]


async def test_D12_1_without_a_schedule_all_time_is_working_time(pool: Any) -> None:
    duty = assigned(1, manager_id=900, policy="duty", reason="duty", movements=(), at=NINE)

    await apply(pool, response, recorded(rules("08:00-12:00"), opened(1, at=YESTERDAY), duty))

    [(*_, decided_worked_ms, _, _)] = await rows(pool)
    assert decided_worked_ms == 13 * HOUR_MS


async def test_D12_1_a_touch_by_somebody_else_or_a_later_one_is_not_the_first(pool: Any) -> None:
    touches = (
        touched(1, by=502, happened_at=later(2), at=later(2)),
        touched(1, happened_at=NINE - timedelta(seconds=1), at=later(3)),
        touched(1, happened_at=later(4), at=later(4)),
    )

    await apply(pool, response, recorded(opened(1), assigned(1), *touches))

    [(*_, touched_at, _, _, _)] = await rows(pool)
    assert touched_at == NINE, "whole seconds of Kommo may be before the decision"


async def test_D12_1_each_time_a_lead_is_given_is_a_row_and_it_asked_once(pool: Any) -> None:
    first = assigned(1, at=later(1))
    second = assigned(1, manager_id=502, attempt=2, at=later(9))

    await apply(pool, response, recorded(opened(1), first, withdrawn(first)))
    await apply(pool, response, recorded(second, confirmed(1, attempt=2, at=later(10)), after=3))

    assert [row[:6] for row in await rows(pool)] == [
        ("1.1", 1, 501, NINE, later(1), None),
        ("1.1", 2, 502, NINE, later(9), later(10)),
    ]


async def test_D12_1_a_request_that_ends_without_a_manager_leaves_nothing(pool: Any) -> None:
    await apply(pool, response, recorded(opened(1), opened(2)))
    waiting = await pool.fetch("SELECT request_id FROM response.asked ORDER BY request_id")
    await apply(pool, response, recorded(closed(1), closed(2), after=2))

    assert [row["request_id"] for row in waiting] == ["1.1", "2.1"]
    assert await pool.fetch("TABLE response.asked") == []


async def test_D12_1_count_median_and_p90(pool: Any) -> None:
    for lead_id, minutes in enumerate((1, 2, 3, 10), 1):
        request = opened(lead_id), assigned(lead_id, manager_id=501 + lead_id % 2)
        answer = touched(
            lead_id,
            manager_id=501 + lead_id % 2,
            by=501 + lead_id % 2,
            happened_at=later(minutes),
            at=later(minutes),
        )
        await apply(pool, response, recorded(*request, answer, after=3 * lead_id - 3))
    await apply(pool, response, recorded(opened(9), assigned(9), after=12))
    asked = {"account_id": ACCOUNT, "since": NINE, "until": later(1), "now": later(99)}

    [rule] = await response.figures(pool, by="rule", **asked)
    by_manager = await response.figures(pool, by="manager", **asked)
    [one] = await response.figures(pool, by="manager", manager_id=502, **asked)
    nobody = await response.figures(pool, by="manager", manager_id=503, **asked)
    [hour] = await response.figures(pool, by="hour", **asked)

    touch = rule.legs["touch"]
    assert (rule.of, rule.given, touch.leads, touch.median_s) == ("new", 5, 4, 150)
    assert touch.p90_s == pytest.approx(474)
    assert [
        (each.of, each.legs["touch"].leads, each.legs["touch"].median_s) for each in by_manager
    ] == [(501, 2, 360), (502, 2, 120)]
    assert (one, nobody) == (by_manager[1], [])
    assert (hour.of, hour.given, hour.judged, hour.in_target) == (NINE, 5, 0, 0)
    assert hour.legs["wait"] == LegTimes(
        leads=5, median_s=0, p90_s=0, median_worked_s=0, p90_worked_s=0
    )
    assert hour.legs["push"] == LegTimes(
        leads=0, median_s=None, p90_s=None, median_worked_s=None, p90_worked_s=None
    )


PASSED_ON = {"redistribution": {"after_minutes": 300}, "first_touch_target_minutes": 30}


async def judged(pool: Any, *events: Any, now: datetime) -> tuple[int, int]:
    """How many of the leads of a rule are judged, and how many were in time."""
    await apply(pool, response, recorded(described(), *events))
    [found] = await response.figures(
        pool,
        account_id=ACCOUNT,
        since=YESTERDAY,
        until=later(9_999),
        by="rule",
        now=now,
    )
    return found.judged, found.in_target


@pytest.mark.parametrize(
    ("minutes", "in_target"),
    [(30, 1), (31, 0), (4 * 60 + 20, 0)],
)
async def test_D12_1_a_touch_is_within_the_target_of_its_rule_or_not(
    pool: Any, minutes: int, in_target: int
) -> None:
    touch = touched(1, happened_at=later(minutes), at=later(400))

    found = await judged(
        pool, rules("08:00-12:00", **PASSED_ON), opened(1), assigned(1), touch, now=NINE
    )

    assert found == (1, in_target)


async def test_D12_1_the_target_is_counted_in_working_time(pool: Any) -> None:
    """Given at 11:50, they have ten minutes before and twenty after the night."""
    given, morning = assigned(1, at=later(170)), later(23 * 60)
    hours = rules("08:00-12:00", **PASSED_ON)
    in_time = touched(1, happened_at=morning + timedelta(minutes=20), at=later(2_000))
    late = touched(2, happened_at=morning + timedelta(minutes=21), at=later(2_000))

    found = await judged(
        pool,
        hours,
        opened(1),
        opened(2),
        given,
        replace(given, request_id="2.1", lead_id=2),
        in_time,
        late,
        now=NINE,
    )

    assert found == (2, 1)


@pytest.mark.parametrize(
    ("asked_at", "now", "is_judged"),
    [(31, 41, 1), (31, 40, 0), (29, 300, 0)],
)
async def test_D12_1_without_a_touch_a_lead_is_late_once_kommo_was_asked_after_the_target(
    pool: Any, asked_at: int, now: int, is_judged: int
) -> None:
    question = asked_for_touches(1, at=later(asked_at), decide_at=later(asked_at + 10))

    found = await judged(
        pool,
        rules("08:00-12:00", **PASSED_ON),
        opened(1),
        assigned(1),
        question,
        now=later(now),
    )

    assert found == (is_judged, 0)


async def test_D12_1_a_touch_that_the_answer_tells_is_judged_by_its_own_time(pool: Any) -> None:
    question = asked_for_touches(1, at=later(31), decide_at=later(41))
    touch = touched(1, happened_at=later(12), at=later(32))

    found = await judged(
        pool,
        rules("08:00-12:00", **PASSED_ON),
        opened(1),
        assigned(1),
        question,
        touch,
        now=later(99),
    )

    assert found == (1, 1)


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"redistribution": {"after_minutes": 300}}, {}),
        ({"first_touch_target_minutes": 30}, {}),
        ({**PASSED_ON}, {"policy": "duty", "reason": "duty", "movements": ()}),
    ],
)
async def test_D12_1_nothing_is_judged_without_a_target_or_where_touches_are_not_known(
    pool: Any, options: dict[str, object], given: dict[str, object]
) -> None:
    found = await judged(
        pool,
        rules("08:00-12:00", **options),
        opened(1),
        assigned(1, **given),
        asked_for_touches(1, at=later(31), decide_at=later(41)),
        touched(1, happened_at=later(50), at=later(51)),
        now=later(99),
    )

    assert found == (0, 0)


def asked_for_touches(lead_id: int, *, at: datetime, decide_at: datetime) -> TouchesRequested:
    return TouchesRequested(
        request_id=f"{lead_id}.1",
        attempt=1,
        lead_id=lead_id,
        manager_id=501,
        since=NINE,
        decide_at=decide_at,
        at=at,
    )


def lives(minutes: list[int | None]) -> list[Any]:
    """Leads, the first given first, each touched after so many minutes; None for not at all."""
    events: list[Any] = []
    for lead_id, touched_after in enumerate(minutes, 1):
        at = NINE + timedelta(seconds=lead_id)
        events += [opened(lead_id, at=at), assigned(lead_id, at=at)]
        if touched_after is not None:
            touched_at = at + timedelta(minutes=touched_after)
            events.append(touched(lead_id, happened_at=touched_at, at=touched_at))
    return events


IN_TIME, TOO_LATE = 30, 31


@pytest.mark.parametrize(
    ("minutes", "late"),
    [
        ([TOO_LATE] * 19, None),
        ([TOO_LATE] * 10 + [IN_TIME] * 10, 10),
        ([TOO_LATE] * 9 + [IN_TIME] * 11, None),
        ([TOO_LATE] * 5 + [IN_TIME] * 10 + [TOO_LATE] * 10, 10),
        ([TOO_LATE] * 20 + [IN_TIME] * 11, None),
        ([TOO_LATE] * 20 + [None] * 30, 20),
    ],
)
async def test_D12_1_a_rule_is_late_with_half_of_its_last_20_leads_that_are_judged(
    pool: Any, minutes: list[int | None], late: int | None
) -> None:
    hours = rules("08:00-12:00", **PASSED_ON)
    await apply(pool, response, recorded(described(), hours, *lives(minutes)))

    found = await response.late_rules(pool, now=later(99))

    wanted = [] if late is None else [LateRule(account_id=ACCOUNT, rule_id="new", late=late)]
    assert found == wanted


async def test_D12_1_leads_that_nobody_touched_count_as_late_when_it_is_sure(pool: Any) -> None:
    asked = [asked_for_touches(each, at=later(31), decide_at=later(41)) for each in range(1, 21)]
    hours = rules("08:00-12:00", **PASSED_ON)
    await apply(pool, response, recorded(described(), hours, *lives([None] * 20), *asked))

    assert await response.late_rules(pool, now=later(40)) == []
    [found] = await response.late_rules(pool, now=later(41))
    assert found.late == 20
    assert await response.late_rules(pool, now=later(41), account_id=ACCOUNT) == [found]
    assert await response.late_rules(pool, now=later(41), account_id=ACCOUNT + 1) == []


async def test_D12_1_a_rule_is_not_late_without_a_target_or_after_a_month(pool: Any) -> None:
    hours = rules("08:00-12:00", **PASSED_ON)
    events = [described(), hours, *lives([TOO_LATE] * 20)]
    await apply(pool, response, recorded(*events))
    month = NINE + timedelta(days=30)
    assert len(await response.late_rules(pool, now=month)) == 1
    assert await response.late_rules(pool, now=month + timedelta(seconds=1)) == []

    await apply(pool, response, recorded(rules("08:00-12:00"), after=len(events)))

    assert await response.late_rules(pool, now=later(99)) == []


async def test_I13_who_is_late_is_asked_without_reading_the_history(pool: Any) -> None:
    await apply(pool, response, recorded(rules("08:00-12:00", **PASSED_ON)))
    await pool.execute("""
        INSERT INTO response.leads
        SELECT 7, n || '.1', 1, n, 501, 'rule ' || n % 50, at, at, at, at, 0, 0, 0, at, NULL
        FROM generate_series(2, 20000) AS n,
            LATERAL (SELECT timestamptz '2024-01-01' + n * interval '1 minute' AS at) AS instants
    """)
    await pool.execute("ANALYZE response.leads")

    text = await plan(pool, LATE, datetime(2024, 1, 6, tzinfo=UTC), 20, 100, None)

    assert "leads_due_idx" in text
    assert "Seq Scan on leads" not in text


async def test_D12_1_every_decision_of_a_life_is_timed_in_its_order(pool: Any) -> None:
    lived = story(seed=6, messages=600)
    for start in range(0, len(lived.log), 97):
        await apply(pool, response, lived.log[start : start + 97])

    kinds = [type(each.event) for each in lived.log]
    found = await rows(pool)
    assert len(found) == kinds.count(LeadAssigned) > 30
    assert sum(row[5] is not None for row in found) == kinds.count(AssignmentConfirmed)
    assert sum(row[6] is not None for row in found) <= kinds.count(LeadTouched)
    ways = [[at for at in row[3:6] if isinstance(at, datetime)] for row in found]
    assert [way for way in ways if way != sorted(way)] == []


@pytest.mark.parametrize("by", get_args(By))
async def test_I13_no_figure_reads_the_history(pool: Any, by: By) -> None:
    await apply(pool, response, recorded(opened(1), assigned(1)))
    await pool.execute("""
        INSERT INTO response.leads
        SELECT account_id, n || '.1', 1, n, 501 + n % 9, 'new', at, at, at, at, 0, 0, 0, at, NULL
        FROM (VALUES (7), (8)) AS accounts (account_id), generate_series(2, 20000) AS n,
            LATERAL (SELECT timestamptz '2024-01-01' + n * interval '1 minute' AS at) AS instants
    """)
    await pool.execute("ANALYZE response.leads")
    day = datetime(2024, 1, 5, tzinfo=UTC), datetime(2024, 1, 6, tzinfo=UTC)

    text = await plan(pool, figures_statement(by, of_one=False), ACCOUNT, *day, NINE)
    of_one = await plan(pool, figures_statement(by, of_one=True), ACCOUNT, *day, NINE, 502)
    assert "leads_decided_idx" in text
    assert "leads_manager_idx" in of_one
    assert "Seq Scan" not in text + of_one
