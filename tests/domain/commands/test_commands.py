"""Pauses, corrections, rules that are refused; clocks that jump or wake late (D9, D3.8, F64)."""

from datetime import timedelta

from contracts.events import LEAD, CommandRefused, ManagerPaused
from contracts.inbound import ApplyRules, PostCorrection
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    NOON,
    Scenario,
    at,
    dp,
    due,
    given,
    pause,
    reported,
    resume,
    rule,
    rules,
    users,
)

ONE = timedelta(hours=1)


def correct(units: int, manager: int = ANN) -> PostCorrection:
    return PostCorrection(manager_id=manager, credit_units=units, by="admin", reason="holiday")


def _waiting() -> Scenario:
    """A lead waits for ANN, who is at lunch for an hour."""
    return given(pause(ANN, until=NOON + ONE), dp(1), rules=rules(rule(ANN)))


def test_D9_2_who_paused_when_until_and_why_is_recorded() -> None:
    given().when(pause(ANN, until=NOON + ONE, reason="lunch")).then_events(
        ManagerPaused(
            manager_id=ANN,
            by="501",
            by_administrator=False,
            until=NOON + ONE,
            reason="lunch",
            at=NOON,
        ),
        *given().when(pause(ANN, until=NOON + ONE)).answer[1:],
    ).then("paused 501 by 501 until 13:00:00", "timer pause/501 #1: 13:00:00")


def activity(**switches: bool) -> ApplyRules:
    return rules(rule(ANN, BOB), activity=switches)


def refusals(scenario: Scenario) -> list[str]:
    return [e.reason for e in scenario.answer if isinstance(e, CommandRefused)]


def test_D9_1_managers_may_change_their_own_activity_unless_the_rules_forbid_it() -> None:
    only = "administrators_only"
    scenario = given(pause(ANN)).when(activity(managers_may_change=False))

    assert refusals(scenario.when(resume(ANN), pause(BOB))) == [only, only]
    assert refusals(scenario.when(pause(BOB, admin=True), resume(ANN, admin=True))) == []
    assert scenario.when(dp(1)).got() == [ANN]


def test_D9_1_with_the_activity_block_off_nobody_is_paused() -> None:
    off = "activity_off"
    scenario = given(pause(ANN)).when(activity(enabled=False), dp(1))
    assert scenario.got() == [ANN]
    assert refusals(scenario.when(pause(BOB, admin=True), resume(ANN, admin=True))) == [off, off]

    assert scenario.when(activity(), dp(2)).got() == [BOB]  # it still stands: nobody lifted it


def test_D9_1_leads_that_waited_for_the_paused_go_out_when_the_block_is_switched_off() -> None:
    scenario = given(pause(ANN), pause(BOB), dp(1)).when(activity(enabled=False))

    assert scenario.got() == [ANN]


def test_D9_2_a_pause_ends_by_itself_and_the_waiting_are_served() -> None:
    _waiting().when(due("pause/501"), at=NOON + ONE).then(
        "resumed 501 by clock: until", "assigned 1.1 to 501"
    )


def test_D9_2_resuming_cancels_the_timer_and_serves_the_waiting() -> None:
    _waiting().when(resume(ANN), at=at(60)).then(
        "resumed 501 by 501: resumed", "timer pause/501 #2: never", "assigned 1.1 to 501"
    )


def test_D9_2_a_timer_that_is_late_changes_nothing_about_when_the_pause_ended() -> None:
    late = given(pause(ANN, until=NOON + ONE)).when(dp(1), at=NOON + 2 * ONE)
    assert late.got() == [ANN]

    late.when(due("pause/501"), at=NOON + 3 * ONE).then("resumed 501 by clock: until")
    late.when(due("pause/501"), at=NOON + 3 * ONE).then()


def test_D9_2_a_timer_that_is_early_is_asked_for_again() -> None:
    early = _waiting().when(due("pause/501"), at=NOON + ONE - timedelta(seconds=1))

    early.then("timer pause/501 #2: 13:00:00")
    early.when(due("pause/501", 2), at=NOON + ONE).then(
        "resumed 501 by clock: until", "assigned 1.1 to 501"
    )


def test_D9_2_a_timer_of_an_older_generation_means_nothing() -> None:
    longer = given(pause(ANN, until=NOON + ONE), pause(ANN, until=NOON + 2 * ONE))

    longer.when(due("pause/501", 1), at=NOON + ONE).then()
    longer.when(due("pause/501", 2), at=NOON + 2 * ONE).then("resumed 501 by clock: until")


def test_D9_2_a_pause_without_end_cancels_the_timer_of_the_one_before() -> None:
    given(pause(ANN, until=NOON + ONE)).when(pause(ANN)).then(
        "paused 501 by 501", "timer pause/501 #2: never"
    )


def test_D9_2_a_manager_cannot_lift_or_shorten_an_administrators_pause() -> None:
    scenario = given(pause(ANN, admin=True))
    scenario.when(resume(ANN)).then("refused resume: pause_not_yours")
    scenario.when(pause(ANN, until=NOON + ONE)).then("refused pause: paused_by_administrator")
    scenario.when(resume(ANN, admin=True)).then("resumed 501 by admin: resumed")


def test_D9_2_an_administrator_takes_over_a_managers_own_pause() -> None:
    given(pause(ANN)).when(pause(ANN, admin=True)).then("paused 501 by admin")


def test_D9_2_the_same_pause_again_writes_nothing() -> None:
    given(pause(ANN, until=NOON + ONE)).when(pause(ANN, until=NOON + ONE), resume(BOB)).then()


def test_D9_2_a_pause_until_the_past_or_of_a_stranger_is_refused() -> None:
    given().when(pause(ANN, until=NOON), pause(7)).then(
        "refused pause: until_past, until 2026-10-12T12:00:00+00:00",
        "refused pause: not_an_active_user, manager 7",
    )


def test_D3_8_a_correction_is_borne_by_the_others() -> None:
    corrected = given(rules=rules(rule(ANN, BOB, CEM))).when(correct(LEAD))

    corrected.then("moved corrected: {501: 1000000000, 502: -500000000, 503: -500000000}")
    assert corrected.when(*map(dp, range(1, 7))).got().count(ANN) == 3


def test_D3_8_a_correction_that_cannot_be_booked_is_refused() -> None:
    given().when(correct(0), correct(1_001 * LEAD), correct(LEAD, BOSS)).then(
        "refused correct: correction_out_of_bounds",
        "refused correct: correction_out_of_bounds",
        "refused correct: in_no_rule, manager 900",
    )
    given(rules=rules(rule(ANN))).when(correct(LEAD)).then("refused correct: nobody_bears_it")


def test_F84_rules_with_a_problem_are_refused_and_change_nothing() -> None:
    broken = given().when(rules(rule(ANN, ANN)))

    broken.then(
        "refused apply_rules: rules_unusable, field rules.0.participants.1.manager, count 1"
    )
    assert broken.account.revision == 1


def test_F64_time_never_runs_backwards() -> None:
    jumped = given(dp(1), at=NOON + ONE).when(dp(2), at=NOON)

    assert {event.at for event in jumped.answer} == {NOON + ONE}
    assert jumped.account.now == NOON + ONE


def test_F64_a_pause_that_the_log_has_passed_stays_over_when_the_clock_steps_back() -> None:
    over = given(pause(ANN, until=NOON + ONE), rules=rules(rule(ANN)))
    over.when(dp(1), at=NOON + 2 * ONE)

    assert over.when(dp(2), at=NOON).got() == [ANN]


def test_F68_timers_that_come_due_together_are_judged_at_the_present() -> None:
    asleep = given(
        pause(ANN, until=NOON + ONE),
        pause(BOB, until=NOON + 2 * ONE),
        reported(1),
        reported(2),
    )
    asleep.when(reported(2, by=CEM, modified=at(9), action="responsible"), at=at(10))
    awake = NOON + 9 * ONE
    asleep.when(due("pause/501"), at=awake).then(
        "resumed 501 by clock: until", "assigned 1.1 to 501"
    )
    asleep.when(due("pause/502"), at=awake).then("resumed 502 by clock: until")
    asleep.when(due("look/a", 1), at=awake).then()


def test_F59_reading_the_same_users_again_writes_nothing() -> None:
    given(active=(ANN, BOB)).when(users(ANN, BOB)).then()
