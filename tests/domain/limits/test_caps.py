"""Caps per period; who waits is served in order whatever keeps them (D5.3, D5.5, D5.7)."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts.events import LeadAssigned
from domain.evolve import evolve
from domain.limits.caps import Caps, Given, quarter_of
from domain.schedule.zones import zone as zone_of
from domain.snapshot import digest, dump, load
from domain.state import Account
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    NEW,
    NOON,
    OFFICE,
    STAGES,
    Scenario,
    at,
    dp,
    due,
    given,
    limit,
    participant,
    pause,
    refused,
    reported,
    resume,
    rule,
    rules,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def capped(*, zone: str = "UTC", **most: int) -> Scenario:
    return given(rules=rules(rule(ANN, caps=most), timezone=zone))


def standing(scenario: Scenario) -> tuple[str, str | None]:
    judged = next(e for e in reversed(scenario.answer) if getattr(e, "standings", ()))
    first = judged.standings[0]  # type: ignore[union-attr]
    return first.verdict, first.cap


@pytest.mark.parametrize(
    ("zone", "period", "frees_at"),
    [
        ("UTC", "hour", NOON + HOUR),
        ("Asia/Kathmandu", "hour", NOON + timedelta(minutes=15)),  # 17:45 there
        ("UTC", "day", NOON + 12 * HOUR),
        ("America/Sao_Paulo", "day", NOON + 15 * HOUR),
        ("UTC", "week", NOON + 12 * HOUR + 6 * DAY),  # a Monday
        ("Europe/Berlin", "week", NOON + 10 * HOUR + 6 * DAY),  # summer time
        ("UTC", "month", NOON + 12 * HOUR + 19 * DAY),  # the first of November
        ("Europe/Berlin", "month", NOON + 11 * HOUR + 19 * DAY),  # winter time by then
    ],
)
def test_D5_5_a_used_up_cap_keeps_him_away_until_its_period_of_the_calendar_ends(
    zone: str, period: str, frees_at: datetime
) -> None:
    scenario = capped(zone=zone, **{period: 2}).when(dp(1), dp(2), dp(3))
    assert (scenario.got(), standing(scenario)) == ([ANN, ANN], ("at_limit", period))
    assert scenario.account.timers["look/a"].due_at == frees_at

    assert scenario.when(due(), at=frees_at - timedelta(microseconds=1)).got() == []
    assert scenario.when(due(generation=2), at=frees_at).got() == [ANN]


def test_D5_5_the_period_that_ends_last_is_named() -> None:
    scenario = capped(hour=1, day=1, week=2).when(dp(1), dp(2))
    assert standing(scenario) == ("at_limit", "day")

    scenario.when(due(), dp(3), at=NOON + DAY)
    assert scenario.waiting() == ["3.3"]
    assert scenario.account.timers["look/a"].due_at == NOON + 12 * HOUR + 6 * DAY


def test_D5_5_open_leads_are_no_matter_of_a_cap_and_ended_ones_are() -> None:
    scenario = capped(day=1).when(dp(1))
    scenario.when(reported(1, STAGES["won"], by=ANN, modified=at(60)), at=at(60))

    assert scenario.when(dp(2)).got() == []


def test_D5_5_leads_of_all_rules_count_and_leads_of_duty_do_not() -> None:
    first = rule(ANN, caps={"day": 2})
    second = rule(ANN, rule_id="b", stages=[HOT], duty={"manager": ANN}, off_hours="duty")
    scenario = given(rules=rules(first, second))
    scenario.when(dp(1, HOT), dp(2), dp(3))
    assert scenario.got() == [ANN, ANN]

    other = given(pause(ANN), rules=rules(first, second))
    fallback = rules(first, {**second, "duty": {"manager": BOB, "fallback": ANN}})
    other.when(fallback, pause(BOB), dp(1, HOT))
    assert (other.got(), other.account.given) == ([ANN], {})


@pytest.mark.parametrize(
    ("own", "of_rule", "instead", "gets"),
    [
        ({"hour": 3}, {"hour": 1}, False, 1),  # the rule's is tighter
        ({"hour": 3}, {"hour": 1}, True, 3),
        ({"hour": 1}, {"hour": 3}, False, 1),
        ({"day": 2}, {"hour": 3}, False, 2),  # each period by itself
        ({"day": 9}, {"hour": 3}, False, 3),
        ({"day": 9}, {"hour": 3}, True, 8),
        ({"month": 2}, {"hour": 3}, False, 2),
    ],
)
def test_D5_7_a_participants_caps_tighten_the_rules_unless_they_stand_instead(
    own: dict[str, int], of_rule: dict[str, int], *, instead: bool, gets: int
) -> None:
    ann = participant(ANN, caps=own, caps_instead=instead)
    scenario = given(rules=rules(rule(ann, caps=of_rule))).when(*map(dp, range(1, 9)))

    assert scenario.got() == [ANN] * gets


def test_D5_7_of_a_month_and_a_week_that_are_used_up_the_one_that_ends_last_is_named() -> None:
    late = datetime(2026, 10, 29, 12, tzinfo=UTC)  # a Thursday: the week ends after the month
    scenario = given(rules=rules(rule(ANN, caps={"week": 1, "month": 1})), at=late)

    assert standing(scenario.when(dp(1), dp(2))) == ("at_limit", "week")


def test_D5_7_a_months_leads_are_remembered_for_a_month() -> None:
    scenario = given(rules=rules(rule(ANN, BOB, caps={"month": 20}))).when(dp(1))
    for day in range(1, 19):
        scenario.when(dp(day + 1), at=NOON + day * DAY)

    assert sum(given_.total for given_ in scenario.account.given.values()) == 19
    assert load(dump(scenario.account)) == scenario.account


@for_all(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=60), st.integers(0, 1_000))
def test_D5_5_leads_are_counted_up_as_they_would_be_one_by_one(
    steps: list[tuple[int, bool]], since: int
) -> None:
    counted, quarter, taken = Given(), 1_000_000, list[int]()
    for gap, is_given in steps:
        quarter += gap
        at_ = datetime(1970, 1, 1, tzinfo=UTC) + quarter * timedelta(minutes=15)
        if is_given or not taken:
            counted.add(at_, kept_quarters=200)
            taken.append(quarter)
        else:
            back = taken.pop(len(taken) // 2)
            counted.take_back(datetime(1970, 1, 1, tzinfo=UTC) + back * timedelta(minutes=15))
    kept = [each for each in taken if each >= counted.quarters[0]] if counted.quarters else []

    assert counted.total == len(kept)
    assert counted.items() == sorted(Counter(kept).items())
    assert counted.since(1_000_000 + since) == sum(each >= 1_000_000 + since for each in kept)
    assert Given.of(counted.items()) == counted


def test_D5_5_a_lead_that_is_taken_back_frees_its_place() -> None:
    scenario = given(rules=rules(rule(ANN, BOB, caps={"hour": 1}))).when(dp(1))
    scenario.when(refused(1, ANN), dp(2))
    assert scenario.got() == [BOB]
    assert scenario.waiting() == ["2.2"]
    assert scenario.account.given.keys() == {BOB}


def test_D5_5_without_caps_nothing_is_counted() -> None:
    scenario = given(dp(1), rules=rules(rule(ANN, caps={"hour": 9})))
    assert scenario.account.given != {}

    assert scenario.when(rules(rule(ANN))).account.given == {}


@pytest.mark.parametrize(
    ("instant", "begins", "ends"),
    [  # Berlin: clocks go back on 25 October and forward on 29 March
        ("2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
    ],
)
def test_D5_5_a_day_is_as_long_as_the_clocks_make_it(instant: str, begins: str, ends: str) -> None:
    day = Caps("Europe/Berlin", hour=None, day=1, week=None)
    start, end, now = (
        datetime.fromisoformat(t).replace(tzinfo=UTC) for t in (begins, ends, instant)
    )
    last = timedelta(microseconds=1)

    def given_at(instant: datetime) -> Given:
        return Given.of([(quarter_of(instant), 1)])

    assert day.used_up(given_at(start), now) == ("day", end)
    assert day.used_up(given_at(start - last), now) is None
    assert day.used_up(given_at(start), end) is None


@for_all(
    st.lists(st.timedeltas(timedelta(0), 3 * DAY), min_size=1, max_size=80),
    st.integers(1, 5),
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/Sao_Paulo"]),
)
def test_D5_5_nobody_ever_gets_more_than_his_cap_in_a_day(
    gaps: list[timedelta], most: int, zone: str
) -> None:
    scenario, now, got = capped(zone=zone, day=most), NOON, list[datetime]()
    for number, gap in enumerate(gaps, start=1):
        now += gap / 8
        got += [e.at for e in scenario.when(dp(number), at=now).answer if type(e) is LeadAssigned]

    days = [(t.astimezone(zone_of(zone))).date() for t in got]
    assert all(days.count(day) <= most for day in days)
    kept = scenario.account.given.get(ANN, Given()).quarters
    assert len(kept) <= 8 * 24 * 4 + 1
    assert kept == sorted(kept)


# In order (D5.3) ------------------------------------------------------------------------------


def options(random: Random) -> dict[str, Any]:
    """A rule with any mix of what can keep a lead waiting, and send it on."""
    when_full = random.choice(("wait", "next_tier", "duty"))
    return {
        "limit": limit(random.randint(1, 3)),
        "caps": {"hour": random.randint(1, 3)},
        "when_full": when_full,
        "duty": {"rota": [{"manager": DAN, "schedule": "office"}]},
        "policy": random.choice(("fair_share", "least_loaded", "most_available")),
        **({"duty_after_minutes": random.randint(1, 90)} if when_full == "duty" else {}),
        **({"age_limit_minutes": 150} if random.random() < 0.5 else {}),
        **({"off_hours": "duty"} if random.random() < 0.5 else {}),
    }


def somebody_acts(random: Random, scenario: Scenario, lead: int, now: datetime) -> None:
    manager = random.choice((ANN, BOB, CEM))
    match random.randint(0, 5):
        case 0:
            scenario.when(pause(manager), at=now)
        case 1:
            scenario.when(resume(manager), at=now)
        case 2 if scenario.account.leads:
            ended = random.choice(sorted(scenario.account.leads))
            stage = STAGES["won"]
            scenario.when(reported(ended, stage, by=BOSS, modified=now), at=now)
        case 3:
            for timer_id, timer in sorted(scenario.account.timers.items()):
                if timer.due_at is not None and timer.due_at <= now:
                    scenario.when(due(timer_id, timer.generation), at=now)
        case _:
            scenario.when(dp(lead, random.choice((NEW, HOT))), at=now)


@pytest.mark.parametrize("seed", range(40))
def test_D5_3_a_newer_lead_never_overtakes_a_waiting_one_of_its_rule(seed: int) -> None:
    random = Random(seed)
    people = (participant(ANN, schedule="office"), BOB, participant(CEM, priority=2))
    applied = rules(
        rule(*people, **options(random)),
        rule(ANN, CEM, rule_id="b", stages=[HOT], **options(random)),
        schedules={"office": OFFICE},
    )
    scenario, now = given(rules=applied), NOON
    for lead in range(1, 150):
        now += timedelta(minutes=random.randint(0, 40))
        somebody_acts(random, scenario, lead, now)

    replayed = Account(ACCOUNT_ID)
    for event in scenario.log:
        if isinstance(event, LeadAssigned):
            number = int(event.request_id.rpartition(".")[2])
            ahead = [r.number for r in replayed.requests.waiting.get(event.rule_id, {}).values()]
            assert all(number <= other for other in ahead), event
        evolve(replayed, event)
    assert digest(replayed) == digest(scenario.account) == digest(load(dump(replayed)))
