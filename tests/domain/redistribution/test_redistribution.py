"""Touches, clocks, lapses and passes: what happens to a lead that nobody works on (D7)."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from contracts.events import (
    LEAD,
    LeadAssigned,
    LeadLapsed,
    LeadTouched,
    RequestClosed,
    TouchesRequested,
)
from contracts.inbound import LeadReported, TouchReported
from contracts.rules import ScheduleSection
from domain.explain.reproduced import is_reproduced
from domain.redistribution.touches import counts
from domain.schedule import HORIZON, compile_schedule
from domain.snapshot import digest, dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    MONDAY,
    NEW,
    NOON,
    OFFICE,
    STAGES,
    WORK,
    Scenario,
    at,
    clock,
    dp,
    given,
    limit,
    missing,
    observed,
    participant,
    patched,
    pause,
    read,
    refused,
    reported,
    rule,
    rules,
    told,
    touch,
)

HALF_PAST = NOON + timedelta(minutes=30)


def passing(*participants: Any, minutes: int = 30, **rest: Any) -> Scenario:
    """A lead that Kommo shows with its first manager since noon, under a rule that passes on."""
    section: dict[str, Any] = {"after_minutes": minutes, **rest.pop("how", {})}
    file = {k: rest.pop(k) for k in ("schedules", "default_schedule", "absences") if k in rest}
    began: datetime = rest.pop("began", NOON)
    rule_ = rule(*(participants or (ANN, BOB, CEM)), redistribution=section, **rest)
    return given(dp(1), patched(1), rules=rules(rule_, **file), at=began)


def lapse(scenario: Scenario, *, after: timedelta = timedelta(minutes=30)) -> Scenario:
    """The lead's clock is over, and Kommo, asked, tells of nothing."""
    offer = scenario.account.offers[1]
    scenario.when(clock(scenario), at=scenario.clock + after)
    return scenario.when(read(attempt=offer.attempt))


def hold(scenario: Scenario) -> Scenario:
    """Kommo shows the manager of the newest decision."""
    offer = scenario.account.offers[1]
    stamp = scenario.clock.replace(microsecond=0)
    return scenario.when(patched(1, offer.manager_id, attempt=offer.attempt, modified=stamp))


def lapsed(scenario: Scenario) -> list[LeadLapsed]:
    return [event for event in scenario.log if isinstance(event, LeadLapsed)]


# The clock ------------------------------------------------------------------------------------


def test_D7_2_the_clock_starts_when_kommo_shows_the_assignment() -> None:
    scenario = given(dp(1), rules=rules(rule(ANN, BOB, redistribution={"after_minutes": 30})))
    assert "lapse/1" not in scenario.account.timers

    scenario.when(patched(1), at=at(7)).then(
        "confirmed 1.1 of 501: answered", "timer lapse/1: 12:30:07"
    )


def test_D7_1_a_lead_lapses_only_after_kommo_was_asked() -> None:
    scenario = passing()

    scenario.when(clock(scenario), at=HALF_PAST).then(
        "ask for touches of 1 until 12:40:00", "timer lapse/1: 12:40:00"
    )
    scenario.when(read()).then(
        "lapsed 1.1 of 501", "assigned 1.1 to 502 again (2)", "timer lapse/1: never"
    )


def test_I10_a_lapsed_lead_takes_no_place_from_an_older_one_that_waits() -> None:
    late = {"weekly": {"mon": ["12:30-18:00"]}}
    people = (BOB, participant(DAN, limit=1), participant(CEM, schedule="late", limit=1))
    section = rule(*people, redistribution={"after_minutes": 29, "clock": "wall_clock"})
    scenario = given(dp(1), dp(2), rules=rules(section, schedules={"late": late}))
    scenario.when(patched(2, DAN), refused(1, BOB))
    scenario.when(clock(scenario, 2), at=NOON + timedelta(minutes=29))
    assert scenario.waiting() == ["1.1"]

    scenario.when(read(2), at=HALF_PAST + timedelta(seconds=1))

    assert [told(e) for e in scenario.answer][:2] == [
        f"lapsed 2.2 of {DAN}",
        f"assigned 1.1 to {CEM} again (2)",
    ]
    assert scenario.got() == [CEM]


def test_D7_1_without_an_answer_the_lead_lapses_after_a_while_and_the_event_says_so() -> None:
    scenario = passing()
    scenario.when(clock(scenario), at=HALF_PAST)
    scenario.when(clock(scenario), at=HALF_PAST + timedelta(minutes=10))

    assert [(event.manager_id, event.is_read) for event in lapsed(scenario)] == [(ANN, False)]


def test_D7_1_what_is_asked_for_is_everything_since_our_own_write() -> None:
    scenario = passing()
    scenario.when(clock(scenario), at=HALF_PAST)

    assert scenario.answer[0] == TouchesRequested(
        request_id="1.1",
        attempt=1,
        lead_id=1,
        manager_id=ANN,
        since=NOON,
        decide_at=HALF_PAST + timedelta(minutes=10),
        at=HALF_PAST,
    )


def test_D7_2_the_clock_counts_the_working_time_of_the_manager() -> None:
    half_past_five = MONDAY + timedelta(hours=17, minutes=50)
    scenario = passing(
        schedules={"office": OFFICE}, default_schedule="office", began=half_past_five
    )

    (timer,) = (t for i, t in scenario.account.timers.items() if i == "lapse/1")
    assert timer.due_at == MONDAY + timedelta(days=1, hours=9, minutes=20)


def test_D7_2_by_the_wall_clock_every_minute_counts() -> None:
    ten_to_six = MONDAY + timedelta(hours=17, minutes=50)
    scenario = passing(
        how={"clock": "wall_clock"},
        schedules={"office": OFFICE},
        default_schedule="office",
        began=ten_to_six,
    )

    assert scenario.account.timers["lapse/1"].due_at == ten_to_six + timedelta(minutes=30)


@pytest.mark.parametrize("off_hours", ["wait", "reserve_first_starter"])
def test_D7_2_a_clock_that_is_over_after_the_shift_waits_for_the_next_one(off_hours: str) -> None:
    half_past_five = MONDAY + timedelta(hours=17, minutes=30)
    scenario = passing(
        schedules={"office": OFFICE},
        default_schedule="office",
        began=half_past_five,
        off_hours=off_hours,
    )
    opening = MONDAY + timedelta(days=1, hours=9)

    scenario.when(clock(scenario), at=MONDAY + timedelta(hours=18)).then(
        "timer lapse/1: Tue 09:00:00"
    )
    scenario.when(clock(scenario), at=opening)
    scenario.when(read())

    assert [(event.manager_id, event.at) for event in lapsed(scenario)] == [(ANN, opening)]
    assert scenario.got() == [BOB]


def test_D7_3_while_everybody_is_paused_the_lead_goes_to_duty_and_waits_for_nobody() -> None:
    scenario = passing(ANN, BOB, duty={"manager": DAN})
    scenario.when(pause(ANN), pause(BOB))
    lapse(scenario)

    assert scenario.got() == [DAN]


def test_D7_2_an_answer_that_comes_after_the_shift_waits_and_is_asked_for_again() -> None:
    half_past_five = MONDAY + timedelta(hours=17, minutes=20)
    scenario = passing(
        schedules={"office": OFFICE}, default_schedule="office", began=half_past_five
    )
    scenario.when(clock(scenario), at=MONDAY + timedelta(hours=17, minutes=59))
    scenario.when(read(), at=MONDAY + timedelta(hours=18, minutes=1)).then(
        "timer lapse/1: Tue 09:00:00"
    )

    scenario.when(clock(scenario), at=MONDAY + timedelta(days=1, hours=9))
    assert [type(event) for event in scenario.answer][:1] == [TouchesRequested]
    assert lapsed(scenario) == []


def test_D7_2_new_rules_give_more_time_to_a_running_clock() -> None:
    scenario = passing()
    patient = rules(rule(ANN, BOB, CEM, redistribution={"after_minutes": 60}))

    scenario.when(patient).when(clock(scenario), at=HALF_PAST).then("timer lapse/1: 13:00:00")


def test_D7_2_rules_without_redistribution_stop_all_clocks() -> None:
    scenario = passing()
    scenario.when(rules(rule(ANN, BOB, CEM)))
    assert scenario.account.offers == {}

    scenario.when(clock(scenario), at=HALF_PAST).then("timer lapse/1: never")
    assert "lapse/1" not in scenario.account.timers


def test_F10_F68_a_timer_that_comes_late_twice_or_out_of_date_changes_nothing() -> None:
    scenario = passing()
    first = clock(scenario)
    scenario.when(first, at=HALF_PAST)
    asked = clock(scenario)

    scenario.when(first, first).then()
    scenario.when(read())
    scenario.when(first, asked, read(), at=at(10_000)).then()
    hold(scenario)
    scenario.when(first, asked, read(), at=at(10_001)).then()


def test_D7_2_generations_of_a_clock_never_repeat() -> None:
    scenario = passing()
    generations = [clock(scenario).generation]
    for _ in range(2):
        lapse(scenario)
        hold(scenario)
        generations.append(clock(scenario).generation)

    assert generations == sorted(set(generations))


WORKDAY = compile_schedule(ScheduleSection.model_validate(OFFICE), "UTC")
instants = st.integers(0, 14 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


@examples(start=instants, minutes=st.integers(1, 5_000))
def test_D7_2_a_clock_is_over_exactly_when_the_time_has_been_worked(
    start: datetime, minutes: int
) -> None:
    worked = timedelta(minutes=minutes)
    over = WORKDAY.worked_at(start, worked)
    assert over is not None
    before = over - timedelta(microseconds=1)

    assert WORKDAY.working_time_between(start, over) == worked
    assert WORKDAY.working_time_between(start, before) < worked


def test_D7_2_who_never_works_is_looked_at_again_at_the_horizon() -> None:
    never = ScheduleSection.model_validate({"weekly": {"mon": []}})
    schedule = compile_schedule(never, "UTC")

    assert schedule.worked_at(NOON, timedelta(minutes=1)) is None
    assert timedelta(days=365) < HORIZON


# Touches --------------------------------------------------------------------------------------

KINDS: tuple[Any, ...] = ("note", "task_added", "task_completed", "message", "call")


@pytest.mark.parametrize("kind", [*KINDS, "stage_changed"])
def test_D7_1_what_the_responsible_does_stops_the_clock_for_good(kind: Any) -> None:
    scenario = passing()
    timer = clock(scenario)

    scenario.when(touch(ANN, kind=kind)).then(f"touched 1: {kind} by 501", "timer lapse/1: never")
    scenario.when(timer, read(), at=HALF_PAST).then()
    assert scenario.account.offers == {}


@pytest.mark.parametrize("by", [BOB, BOSS, 0, None], ids=["colleague", "boss", "bot", "unknown"])
def test_D7_1_what_others_and_robots_do_is_no_touch(by: int | None) -> None:
    passing().when(*(touch(by, kind=kind) for kind in KINDS)).then()


MEANINGS: tuple[Any, ...] = ("no_touch", "no_stage_change", "no_change_at_all")
STOPS = {  # meaning to what stops the clock, by the responsible and by another person
    "no_touch": ({*KINDS, "stage_changed"}, set()),
    "no_stage_change": ({"stage_changed"}, {"stage_changed"}),
    "no_change_at_all": ({*KINDS, "stage_changed", "edited"}, {*KINDS, "stage_changed", "edited"}),
}


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize("kind", [*KINDS, "stage_changed", "edited"])
def test_D7_1_the_three_meanings_of_nothing_changed(meaning: Any, kind: Any) -> None:
    his, others = STOPS[meaning]

    assert counts(meaning, kind, by=ANN, manager_id=ANN) is (kind in his)
    assert counts(meaning, kind, by=BOB, manager_id=ANN) is (kind in others)
    assert counts(meaning, kind, by=0, manager_id=ANN) is False
    assert counts(meaning, kind, by=None, manager_id=ANN) is False


@pytest.mark.parametrize("seconds", [-600, -1, 0])
def test_D7_1_what_was_done_before_our_write_is_no_touch(seconds: int) -> None:
    passing().when(touch(ANN, happened=at(seconds)), at=at(60)).then()


def test_D7_1_a_touch_before_kommo_shows_the_manager_is_none_of_his_lead() -> None:
    scenario = given(dp(1), rules=rules(rule(ANN, BOB, redistribution={"after_minutes": 30})))

    scenario.when(touch(ANN, happened=at(3)), at=at(4)).then()


def moved(by: int | None, *, to: Any = WORK, seconds: int = 60) -> LeadReported:
    return reported(1, to, by=ANN, modified=at(seconds), author=by)


def test_D7_1_a_stage_change_by_the_manager_is_a_touch() -> None:
    scenario = passing().when(moved(ANN), at=at(61))

    assert [e.kind for e in scenario.answer if isinstance(e, LeadTouched)] == ["stage_changed"]


def test_D7_1_a_bot_that_moves_the_lead_does_not_stop_the_clock() -> None:
    scenario = passing().when(moved(0), at=at(61))

    assert scenario.account.offers[1].manager_id == ANN
    lapse(scenario)
    assert scenario.got() == [BOB]


def test_D7_1_the_echo_of_our_own_write_is_no_change_at_all() -> None:
    scenario = passing(how={"nothing_changed": "no_change_at_all"})
    echoes = [
        reported(1, NEW, by=ANN, action=action, author=ANN) for action in ("responsible", "update")
    ]

    scenario.when(*echoes)
    assert 1 in scenario.account.offers
    scenario.when(reported(1, NEW, by=ANN, action="update", author=BOSS, modified=at(9)), at=at(9))
    assert [e.kind for e in scenario.answer if isinstance(e, LeadTouched)] == ["edited"]


# Passes ---------------------------------------------------------------------------------------


def test_D7_3_each_participant_is_offered_the_lead_once_and_then_it_stays_without_duty() -> None:
    scenario = passing()
    for _ in range(2):
        hold(lapse(scenario))
    lapse(scenario)

    offered = [e.manager_id for e in scenario.log if isinstance(e, LeadAssigned)]
    assert offered == [ANN, BOB, CEM]
    assert [event.tried for event in lapsed(scenario)] == [(ANN,), (ANN, BOB), (ANN, BOB, CEM)]
    scenario.then("lapsed 1.1 of 503", "closed 1.1: pass_exhausted", "timer lapse/1: never")
    assert scenario.account.leads[1].owner_id == CEM
    assert (scenario.account.offers, scenario.account.requests.opened) == ({}, {})


def test_D7_3_an_exhausted_pass_goes_to_duty_and_stays_there() -> None:
    scenario = passing(ANN, BOB, duty={"manager": DAN})
    hold(lapse(scenario))
    lapse(scenario).then(
        "lapsed 1.1 of 502", "assigned 1.1 to 504 again (3)", "timer lapse/1: never"
    )

    duty = next(e for e in scenario.answer if isinstance(e, LeadAssigned))
    assert (duty.policy, duty.because, duty.movements) == ("duty", "pass_exhausted", ())
    assert [(s.manager_id, s.verdict) for s in duty.standings] == [
        (ANN, "already_tried"),
        (BOB, "already_tried"),
    ]
    scenario.when(patched(1, DAN, attempt=3, modified=scenario.clock))
    assert (scenario.account.offers, "lapse/1" in scenario.account.timers) == ({}, False)


def test_D7_3_after_the_maximum_of_hops_the_lead_goes_to_duty() -> None:
    scenario = passing(how={"hops_max": 1}, duty={"manager": DAN})
    hold(lapse(scenario))
    assert scenario.account.offers[1].manager_id == BOB
    lapse(scenario)

    duty = next(e for e in scenario.answer if isinstance(e, LeadAssigned))
    assert (duty.manager_id, duty.because) == (DAN, "hops_exhausted")


def test_D7_3_who_let_it_lapse_is_charged_and_the_next_is_found_by_the_fair_share() -> None:
    scenario = lapse(passing())

    (event,) = lapsed(scenario)
    assert event.charged_units == LEAD - 333_333_334
    # Two leads' worth of shares were given, by three and by two, and two leads were paid for.
    assert scenario.credits() == {
        ANN: 333_333_334 - LEAD,
        BOB: 333_333_333 + 500_000_000 - LEAD,
        CEM: 333_333_333 + 500_000_000,
    }
    assert scenario.account.loads.totals == {BOB: 1}


def test_D7_3_D5_3_a_lapse_frees_a_place_and_the_oldest_waiting_takes_it_in_the_same_step() -> None:
    scenario = given(
        dp(1),
        patched(1),
        rules=rules(
            rule(ANN, BOB, redistribution={"after_minutes": 30}),
            rule(ANN, rule_id="b", stages=(HOT,), limit=limit(1)),
        ),
    )
    scenario.when(dp(2, HOT))
    assert scenario.waiting("b") == ["2.2"]

    lapse(scenario).then(
        "lapsed 1.1 of 501",
        "assigned 1.1 to 502 again (2)",
        "assigned 2.2 to 501",
        "timer lapse/1: never",
    )


def test_D7_3_who_cannot_take_it_is_passed_over_and_a_pass_begins_anew_with_a_new_entry() -> None:
    scenario = passing()
    scenario.when(pause(BOB))
    lapse(scenario)
    assert scenario.got() == [CEM]

    hold(scenario)
    scenario.when(moved(CEM, to=WORK, seconds=4_000), at=at(4_000))
    scenario.when(reported(1, NEW, by=CEM, modified=at(4_100)), at=at(4_100))
    assert scenario.account.offers[1].tried == ()


def test_F59_a_refused_manager_of_a_later_hop_does_not_send_the_lead_back() -> None:
    scenario = lapse(passing())
    scenario.when(refused(1, BOB, attempt=2))

    assert scenario.got() == [CEM]
    assert scenario.account.offers[1].tried == (ANN,)
    scenario.when(refused(1, CEM, attempt=3))
    assert [e.reason for e in scenario.answer if isinstance(e, RequestClosed)] == ["pass_exhausted"]
    assert scenario.account.leads[1].owner_id == ANN


# People, and other ends -----------------------------------------------------------------------


def test_D7_5_a_person_who_takes_the_lead_wins_and_nothing_is_charged() -> None:
    scenario = passing()
    before = scenario.credits()
    timer = clock(scenario)
    taken = reported(1, NEW, by=DAN, modified=at(90), action="responsible", author=BOSS)

    scenario.when(taken, at=at(91)).then("lead 1 in new of 504", "timer lapse/1: never")
    scenario.when(timer, read(), at=HALF_PAST).then()
    assert (scenario.credits(), scenario.account.loads.totals) == (before, {DAN: 1})


def test_D7_5_a_person_who_takes_the_lead_between_two_hops_wins() -> None:
    scenario = lapse(passing())
    taken = reported(
        1, NEW, by=DAN, modified=scenario.clock + timedelta(seconds=30), action="responsible"
    )
    scenario.when(taken, at=scenario.clock + timedelta(seconds=31))

    assert [e.reason for e in scenario.answer if isinstance(e, RequestClosed)] == [
        "taken_by_person"
    ]
    assert scenario.account.offers == {}
    assert scenario.account.loads.totals == {DAN: 1}


@pytest.mark.parametrize(
    "end",
    [missing(1), reported(1, STAGES["lost"], by=ANN, modified=at(50), author=0)],
    ids=["deleted", "closed"],
)
def test_D7_2_a_lead_that_ends_leaves_neither_clock_nor_timer(end: Any) -> None:
    scenario = passing().when(end, at=at(60))

    assert (scenario.account.offers, "lapse/1" in scenario.account.timers) == ({}, False)


def test_D7_2_no_rule_with_redistribution_means_no_clocks() -> None:
    scenario = given(dp(1), patched(1))

    assert scenario.account.offers == {}
    scenario.when(touch(ANN)).then()


def test_D7_2_what_is_moved_into_another_rules_stage_has_that_rules_clock() -> None:
    section = {"after_minutes": 30}
    scenario = given(
        dp(1),
        patched(1),
        rules=rules(
            rule(ANN, BOB, redistribution=section),
            rule(CEM, rule_id="b", stages=(HOT,), redistribution={"after_minutes": 5}),
        ),
    )
    scenario.when(dp(1, HOT, old_stage=NEW), at=at(100))
    assert (scenario.account.offers[1].rule_id, scenario.account.offers[1].held_at) == ("b", None)

    scenario.when(patched(1, CEM, request="1.2", modified=at(101)), at=at(101))
    assert scenario.account.timers["lapse/1"].due_at == at(101 + 300)


# Laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(150))
def test_D7_3_I3_I8_in_every_history_keys_are_unique_and_the_books_balance(seed: int) -> None:
    chance = Random(seed)
    managers = (ANN, BOB, CEM, DAN)[: chance.randint(1, 4)]
    how: dict[str, Any] = {"nothing_changed": chance.choice(MEANINGS)}
    if chance.random() < 0.5:
        how["hops_max"] = chance.randint(1, 3)
    rest: dict[str, Any] = {"duty": {"manager": BOSS}} if chance.random() < 0.5 else {}
    scenario = passing(*managers, how=how, **rest)
    for _ in range(25):
        scenario.clock += timedelta(seconds=chance.randint(1, 1_500))
        scenario.when(_something(scenario, chance))
        account = scenario.account
        restored = load(dump(account))
        assert restored == account
        assert digest(restored) == digest(account)
        assert sum(account.ledger("account").values()) == 0
        assert set(account.offers) <= set(account.leads)
        clocks = {t for t in account.timers if t.startswith("lapse/")}
        assert clocks == {f"lapse/{i}" for i, offer in account.offers.items() if offer.held_at}

    decided = [e for e in scenario.log if isinstance(e, LeadAssigned)]
    keys = [(e.request_id, e.attempt) for e in decided]
    assert len(set(keys)) == len(keys)
    assert all(is_reproduced(event) for event in decided)
    passes = Counter((e.request_id, e.manager_id) for e in decided if e.policy != "duty")
    assert set(passes.values()) <= {1}
    assert all(e.manager_id not in e.tried[:-1] for e in lapsed(scenario))


def _something(scenario: Scenario, chance: Random) -> Any:
    account, stamp = scenario.account, scenario.clock.replace(microsecond=0)
    wanted = account.leads[1].wanted if 1 in account.leads else None
    offer = account.offers.get(1)
    options: list[Any] = [
        TouchReported(
            lead_id=1,
            kind=chance.choice((*KINDS, "edited", "stage_changed")),
            by=chance.choice((0, None, BOSS)),
            happened_at=stamp,
        ),
        observed(1, NEW, by=account.leads[1].responsible_id or BOSS, modified=stamp),
    ]
    if wanted is not None:
        key = {"request": wanted.request_id, "attempt": wanted.attempt}
        options += [patched(1, wanted.manager_id, modified=stamp, **key)] * 6
    if chance.random() < 0.05:
        options = [
            reported(1, NEW, by=BOSS, modified=stamp, action="responsible"),
            touch(offer.manager_id if offer else ANN, happened=stamp),
            dp(1, chance.choice((NEW, HOT)), old_stage=chance.choice((NEW, HOT, WORK))),
        ]
    elif offer is not None and offer.held_at is not None:
        options += [clock(scenario)] * 4
        if offer.decide_at is not None:
            options += [read(attempt=offer.attempt, request=offer.request_id)] * 6
    return chance.choice(options)
