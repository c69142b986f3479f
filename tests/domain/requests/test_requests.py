"""The life of a request: assigned, waiting or closed; limits, shifts, refusals, new rules."""

from datetime import timedelta

import pytest

from contracts.events import (
    LEAD,
    LeadAssigned,
    LeadSeen,
    RequestDeferred,
    RequestOpened,
    Standing,
    TimerScheduled,
)
from domain.requests import backlog
from domain.schedule import tzdata_version
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    MONDAY,
    NEW,
    NINE,
    NOON,
    OFFICE,
    STAGES,
    WORK,
    Scenario,
    at,
    dp,
    due,
    given,
    limit,
    missing,
    observed,
    participant,
    patched,
    pause,
    refused,
    removed,
    reported,
    resume,
    rule,
    rules,
    users,
)

WON = STAGES["won"]
ONE_EACH = rules(rule(ANN, BOB, limit=limit(1)))
OFFICE_HOURS = rules(rule(ANN, BOB), schedules={"office": OFFICE}, default_schedule="office")
SEVEN = MONDAY + timedelta(hours=7)


# One decision an entry (D1) -------------------------------------------------------------------


def test_D1_2_a_request_is_assigned_in_the_step_that_opens_it() -> None:
    lead = {"lead_id": 1, "at": NOON, "stage": NEW}
    eligible = {"tier": 1, "verdict": "eligible", "credit": 0, "last_turn": 0}
    given().when(dp(1)).then_events(
        LeadSeen(
            responsible_id=None,
            modified_at=None,
            was_stage=None,
            was_owner_id=None,
            owner_id=None,
            source="dp_hook",
            **lead,
        ),
        RequestOpened(request_id="1.1", rule_id="a", source="dp_hook", **lead),
        LeadAssigned(
            request_id="1.1",
            attempt=1,
            turn=1,
            manager_id=ANN,
            rule_id="a",
            revision=1,
            policy="fair_share",
            policy_version=1,
            ledger="account",
            tier=1,
            responsible_before=None,
            was_owner_id=None,
            standings=(
                Standing(manager_id=ANN, share=LEAD // 2, open_leads=0, limit=None, **eligible),
                Standing(manager_id=BOB, share=LEAD // 2, open_leads=0, limit=None, **eligible),
            ),
            movements=((ANN, -LEAD // 2), (BOB, LEAD // 2)),
            reason="smaller_id",
            tzdata=tzdata_version(),
            **lead,
        ),
    )


def test_D1_2_a_request_nobody_can_take_waits_with_reason_and_instant() -> None:
    look = NOON + timedelta(hours=1)
    paused = {"tier": 1, "verdict": "paused", "credit": 0, "share": 0, "last_turn": 0}
    answer = given(pause(ANN), pause(BOB)).when(dp(1)).answer

    assert answer[2:] == (
        RequestDeferred(
            request_id="1.1",
            lead_id=1,
            rule_id="a",
            reason="paused",
            next_look_at=look,
            standings=(
                Standing(manager_id=ANN, open_leads=0, limit=None, **paused),
                Standing(manager_id=BOB, open_leads=0, limit=None, **paused),
            ),
            at=NOON,
        ),
        TimerScheduled(timer_id="look/a", generation=1, due_at=look, at=NOON),
    )


def test_D1_3_a_repeated_trigger_changes_nothing() -> None:
    given(dp(1)).when(dp(1), dp(1), at=at(5_700)).then()


def test_D1_3_a_trigger_a_webhook_and_a_sweep_of_one_entry_are_one_decision() -> None:
    entry = given(dp(1), at=at(1)).when(
        reported(1, NEW), observed(1, NEW), reported(1, NEW, action="add"), at=at(2)
    )

    entry.then("lead 1 in new of 900")


def test_D1_3_a_lead_that_leaves_and_returns_is_a_new_request() -> None:
    left = given(reported(1, NEW), patched(1, ANN, modified=at(2)))
    left.when(reported(1, WORK, by=ANN, modified=at(10)), at=at(10)).then("lead 1 in work of 501")
    left.when(reported(1, NEW, by=ANN, modified=at(20)), at=at(20)).then(
        "lead 1 in new of 501", "opened 1.2 under a", "assigned 1.2 to 502"
    )


def test_D1_4_the_first_rule_that_covers_the_stage_decides() -> None:
    two = rules(rule(ANN), rule(BOB, rule_id="b", stages=(NEW, HOT)))

    given(rules=two).when(dp(1, NEW), dp(2, HOT)).then(
        "lead 1 in new of None",
        "opened 1.1 under a",
        "assigned 1.1 to 501",
        "lead 2 in hot of None",
        "opened 2.2 under b",
        "assigned 2.2 to 502",
    )


def test_D1_4_a_rule_that_is_switched_off_leaves_its_leads_to_the_next() -> None:
    two = rules(rule(ANN, enabled=False), rule(BOB, rule_id="b"))

    given(rules=two).when(dp(1, NEW)).then(
        "lead 1 in new of None", "opened 1.1 under b", "assigned 1.1 to 502"
    )


def test_D1_5_a_trigger_without_a_rule_is_closed_with_that_reason() -> None:
    given().when(dp(1, WORK)).then(
        "lead 1 in work of None", "opened 1.1 under None", "closed 1.1: no_rule"
    )


def test_D1_5_a_webhook_from_a_stage_without_a_rule_asks_nothing() -> None:
    given().when(reported(1, WORK)).then("lead 1 in work of 900")


# Limits (D5) ----------------------------------------------------------------------------------


def test_D5_2_the_limit_counts_leads_whoever_assigned_them() -> None:
    loaded = given(
        observed(8, WORK, by=ANN, reason="baseline"),
        reported(9, HOT, by=BOB),
        rules=ONE_EACH,
    )

    loaded.when(dp(1)).then(
        "lead 1 in new of None",
        "opened 1.1 under a",
        "deferred 1.1: at_limit until 12:15:00",
        "timer look/a #1: 12:15:00",
    )


def test_D5_2_decisions_that_kommo_does_not_know_yet_count() -> None:
    given(dp(1), dp(2), rules=ONE_EACH).when(dp(3)).then(
        "lead 3 in new of None",
        "opened 3.3 under a",
        "deferred 3.3: at_limit until 12:15:00",
        "timer look/a #1: 12:15:00",
    )


def test_D5_1_only_leads_at_the_limits_stages_count() -> None:
    only_hot = rules(rule(ANN, limit=limit(1, HOT)))
    loaded = given(observed(8, WORK, by=ANN), observed(9, NEW, by=ANN), rules=only_hot)
    assert loaded.when(dp(1)).got() == [ANN]

    assert loaded.when(reported(8, HOT, by=ANN, modified=at(9)), dp(2)).got() == []


def test_D5_1_a_participant_can_have_a_limit_of_his_own() -> None:
    own = rules(rule(participant(ANN, limit=2), BOB, limit=limit(1)))

    assert given(rules=own).when(*map(dp, range(1, 6))).got() == [ANN, BOB, ANN]


def _full() -> Scenario:
    """ANN and BOB have a lead each, two more wait."""
    messages = [reported(lead, NEW) for lead in (1, 2, 3, 4)]
    confirmed = (patched(1, ANN, modified=at(1)), patched(2, BOB, modified=at(1)))
    return given(*messages, *confirmed, rules=ONE_EACH)


def test_D5_3_a_closed_lead_frees_a_place_for_the_oldest_waiting_in_the_same_step() -> None:
    full = _full().when(reported(2, WON, by=BOB, modified=at(60)), at=at(60))

    full.then("lead 2 in won of 502", "assigned 3.3 to 502", "timer look/a #2: 12:16:00")


def test_D5_3_a_lead_that_somebody_else_took_frees_a_place() -> None:
    taken = _full().when(reported(1, NEW, by=DAN, modified=at(60), action="update"), at=at(60))

    assert (taken.got(), taken.waiting()) == ([ANN], ["4.4"])


def test_D5_3_a_deleted_lead_frees_a_place() -> None:
    deleted = _full().when(removed(1), at=at(60)).when(missing(1), at=at(61))

    assert (deleted.got(), deleted.waiting()) == ([ANN], ["4.4"])


def test_D5_3_a_lead_that_moves_out_of_the_limits_stages_frees_a_place() -> None:
    only_new = rules(rule(ANN, limit=limit(1, NEW)))
    full = given(reported(1, NEW), reported(2, NEW), rules=only_new)

    full.when(reported(1, WORK, modified=at(60)), at=at(60)).then(
        "lead 1 in work of 900", "assigned 2.2 to 501"
    )


def test_D5_3_a_newer_request_never_overtakes_a_waiting_one() -> None:
    full = _full().when(dp(5), at=at(30))
    assert full.waiting() == ["3.3", "4.4", "5.5"]

    full.when(reported(1, WON, by=ANN, modified=at(60)), at=at(60))
    full.when(reported(2, WON, by=BOB, modified=at(61)), at=at(61))

    order = [e.request_id for e in full.log if isinstance(e, LeadAssigned)]
    assert (order, full.waiting()) == (["1.1", "2.2", "3.3", "4.4"], ["5.5"])


def test_I10_a_lead_that_kommo_refused_goes_behind_the_older_that_wait() -> None:
    people = (participant(ANN, schedule="office", limit=1), BOB)
    file = rules(rule(*people), schedules={"office": OFFICE})
    before = given(dp(1), dp(2), rules=file, at=NINE - timedelta(minutes=10))
    before.when(refused(1, BOB))

    # The shift has begun, and its timer is late.
    before.when(refused(2, BOB), at=NINE + timedelta(seconds=1)).then(
        f"withdrawn 2.2 from {BOB}: manager_refused",
        f"inactive {BOB}",
        "deferred 2.2: behind_queue until 09:00:01",
        f"assigned 1.1 to {ANN} again (2)",
        "timer look/a #2: 09:15:01",
    )


def test_D5_3_a_waiting_lead_that_leaves_is_closed_and_the_next_keeps_its_place() -> None:
    left = _full().when(reported(3, WORK, modified=at(60)), at=at(60))

    left.then("closed 3.3: left_stage", "lead 3 in work of 900", "timer look/a #2: 12:16:00")
    assert left.waiting() == ["4.4"]


# Waiting for a shift (D8) ---------------------------------------------------------------------


def test_D8_1_off_hours_a_request_waits_for_the_next_shift() -> None:
    given(rules=OFFICE_HOURS, at=SEVEN).when(dp(1)).then(
        "lead 1 in new of None",
        "opened 1.1 under a",
        "deferred 1.1: off_shift until 09:00:00",
        "timer look/a #1: 09:00:00",
    )


def test_D8_1_the_timer_opens_the_shift_and_the_backlog_drains_oldest_first() -> None:
    night = given(*map(dp, range(1, 5)), rules=OFFICE_HOURS, at=SEVEN)

    night.when(due("look/a", 1), at=NINE).then(
        "assigned 1.1 to 501",
        "assigned 2.2 to 502",
        "assigned 3.3 to 501",
        "assigned 4.4 to 502",
    )


def test_D8_1_any_message_after_the_opening_drains_even_if_the_timer_is_late() -> None:
    night = given(dp(1), dp(2), rules=OFFICE_HOURS, at=SEVEN)
    night.when(dp(3), at=NINE + timedelta(seconds=1))

    order = [e.request_id for e in night.answer if isinstance(e, LeadAssigned)]
    assert order == ["1.1", "2.2", "3.3"]
    night.when(due("look/a", 1), at=NINE + timedelta(seconds=2)).then()


def test_D8_2_a_long_backlog_is_served_in_pieces_that_keep_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "SERVED_PER_STEP_MAX", 2)
    night = given(*map(dp, range(1, 6)), rules=OFFICE_HOURS, at=SEVEN)

    night.when(due("look/a", 1), at=NINE).then(
        "assigned 1.1 to 501", "assigned 2.2 to 502", "timer more #1: 09:00:00"
    )
    night.when(due("more", 1), at=NINE).then(
        "timer more #2: never",
        "assigned 3.3 to 501",
        "assigned 4.4 to 502",
        "timer more #3: 09:00:00",
    )
    night.when(due("more", 3), at=NINE).then("timer more #4: never", "assigned 5.5 to 501")


# What Kommo answers (F53, F59) ----------------------------------------------------------------


def test_F53_a_lead_that_is_gone_closes_its_request_and_refunds() -> None:
    gone = given(reported(1, NEW)).when(refused(1, ANN, reason="lead_gone"))

    gone.then("withdrawn 1.1 from 501: lead_gone", "closed 1.1: lead_deleted", "lead 1 deleted")
    assert (gone.credits(), gone.account.loads.totals) == ({}, {})


def test_F53_a_lead_that_a_lookup_misses_closes_its_waiting_request() -> None:
    waits = given(pause(ANN), pause(BOB), dp(1)).when(missing(1))

    waits.then("closed 1.1: lead_deleted", "lead 1 deleted")


def test_F53_a_rejected_push_closes_the_request_in_kommos_words() -> None:
    rejected = given(reported(1, NEW)).when(refused(1, ANN, reason="rejected", detail="odd"))

    rejected.then("withdrawn 1.1 from 501: rejected", "closed 1.1: rejected")
    assert (rejected.answer[1].detail, rejected.credits()) == ("odd", {})  # type: ignore[union-attr]


def test_F53_a_lead_that_closes_before_the_push_closes_its_request() -> None:
    given(reported(1, NEW)).when(reported(1, WON, modified=at(5)), at=at(6)).then(
        "withdrawn 1.1 from 501: lead_closed", "closed 1.1: lead_closed", "lead 1 in won of 900"
    )


def test_F59_a_refused_manager_is_refunded_and_the_lead_decided_again_without_him() -> None:
    again = given(reported(1, NEW)).when(refused(1, ANN))

    again.then(
        "withdrawn 1.1 from 501: manager_refused",
        "inactive 501",
        "assigned 1.1 to 502 again (2)",
    )
    assert again.credits() == {}
    again.when(refused(1, ANN)).then()


def test_F59_of_a_lead_that_has_left_the_stage_the_refusal_is_the_end() -> None:
    moved = given(reported(1, NEW), reported(1, WORK, modified=at(5))).when(refused(1, ANN))

    moved.then("withdrawn 1.1 from 501: manager_refused", "inactive 501", "closed 1.1: left_stage")
    # It waited for ever else: who leaves again, or closes, was not found by it.
    assert moved.waiting() == []
    moved.when(reported(1, STAGES["won"], modified=at(9)), at=at(9)).then("lead 1 in won of 900")


def test_F59_when_all_are_refused_the_lead_waits_and_nothing_loops() -> None:
    nobody = given(reported(1, NEW), refused(1, ANN)).when(refused(1, BOB, attempt=2))

    nobody.then(
        "withdrawn 1.1 from 502: manager_refused",
        "inactive 502",
        "deferred 1.1: inactive until 13:00:00",
        "timer look/a #1: 13:00:00",
        "stalled a",
    )
    nobody.when(due("look/a", 1), at=at(3_600)).then("timer look/a #2: 14:00:00")
    nobody.when(users(ANN, BOB, BOSS), at=at(3_700)).then(
        "account in UTC", "assigned 1.1 to 501 again (3)", "revived a"
    )


def test_F59_a_refused_request_returns_to_its_place_in_the_queue() -> None:
    queue = given(*(reported(n, NEW) for n in (1, 2, 3)), rules=rules(rule(ANN, limit=limit(1))))
    queue.when(refused(1, ANN))

    assert queue.waiting() == ["1.1", "2.2", "3.3"]


# A person is faster, or not (F60) -------------------------------------------------------------


def test_F60_before_the_push_the_person_wins_and_nobody_is_charged() -> None:
    taken = given(reported(1, NEW))
    taken.when(reported(1, NEW, by=DAN, modified=at(5), action="responsible"), at=at(5)).then(
        "withdrawn 1.1 from 501: taken_by_person",
        "closed 1.1: taken_by_person",
        "lead 1 in new of 504",
    )
    assert (taken.credits(), taken.account.loads.totals) == ({}, {DAN: 1})
    taken.when(patched(1, ANN, modified=at(6)), at=at(6)).then()


def test_F60_after_the_push_the_person_wins_and_the_turn_stays_charged() -> None:
    taken = given(reported(1, NEW), patched(1, ANN, modified=at(3)))
    taken.when(reported(1, NEW, by=DAN, modified=at(5), action="responsible"), at=at(5)).then(
        "lead 1 in new of 504"
    )
    assert taken.credits() == {ANN: -LEAD // 2, BOB: LEAD // 2}
    assert taken.account.loads.totals == {DAN: 1}


def test_F60_during_the_push_the_last_write_that_kommo_reports_stands() -> None:
    race = given(reported(1, NEW))
    person = reported(1, NEW, by=DAN, modified=at(5), action="responsible")
    echo = reported(1, NEW, by=ANN, modified=at(6), action="responsible")
    race.when(person, echo, patched(1, ANN, modified=at(6)), at=at(7)).then(
        "withdrawn 1.1 from 501: taken_by_person",
        "closed 1.1: taken_by_person",
        "lead 1 in new of 504",
        "lead 1 in new of 501",
    )


def test_F60_a_waiting_lead_that_a_person_takes_is_closed() -> None:
    waits = given(pause(ANN), pause(BOB), reported(1, NEW))
    waits.when(reported(1, NEW, by=DAN, modified=at(5), action="update"), at=at(5)).then(
        "closed 1.1: taken_by_person", "lead 1 in new of 504"
    )


# The rules change while requests wait (F84) ---------------------------------------------------


def test_F84_waiting_requests_are_looked_at_under_the_new_revision() -> None:
    waits = given(*(reported(n, NEW) for n in (1, 2, 3)), rules=ONE_EACH)
    waits.when(rules(rule(ANN, BOB, limit=limit(2))), at=at(60)).then(
        "rules 2 by admin", "assigned 3.3 to 502"
    )
    assert waits.answer[1].revision == 2  # type: ignore[union-attr]


def test_F84_a_stage_no_longer_covered_closes_its_waiting_requests() -> None:
    waits = given(pause(ANN), pause(BOB), dp(1))

    waits.when(rules(rule(ANN, BOB, stages=(HOT,)))).then("rules 2 by admin", "closed 1.1: no_rule")


def test_F84_a_renamed_rule_keeps_the_order_of_its_queue() -> None:
    waits = given(pause(ANN), pause(BOB), dp(1), dp(2), dp(3))
    waits.when(rules(rule(ANN, BOB, rule_id="z")), at=at(60))
    assert (waits.waiting("a"), waits.waiting("z")) == ([], ["1.1", "2.2", "3.3"])

    waits.when(resume(ANN), at=at(120))
    assert [e.request_id for e in waits.answer if isinstance(e, LeadAssigned)] == [
        "1.1",
        "2.2",
        "3.3",
    ]


def test_F84_the_same_rules_again_write_nothing() -> None:
    given().when(rules(rule(ANN, BOB))).then()


def test_F84_a_decision_of_a_removed_rule_is_decided_again_under_the_present_one() -> None:
    swapped = given(reported(1, NEW), rules(rule(BOB, CEM, rule_id="z")))

    swapped.when(refused(1, ANN)).then(
        "withdrawn 1.1 from 501: manager_refused",
        "inactive 501",
        "assigned 1.1 to 502 again (2)",
    )


# Echoes (F36) ---------------------------------------------------------------------------------


def _echo(action: str, author: int | None) -> object:
    return reported(1, NEW, by=ANN, modified=at(3), action=action, author=author)


def test_F36_an_echo_confirms_and_asks_nothing_in_any_form() -> None:
    answer = patched(1, ANN, modified=at(3))
    for author in (0, 777, None):
        for hooks in (("responsible",), ("update", "responsible"), ("responsible", "update")):
            echoes = [_echo(action, author) for action in hooks]
            before = given(reported(1, NEW)).when(*echoes, answer, at=at(4))  # type: ignore[arg-type]
            after = given(reported(1, NEW)).when(answer, *echoes, at=at(4))  # type: ignore[arg-type]

            before.then("confirmed 1.1 of 501: echo", "lead 1 in new of 501")
            after.then("confirmed 1.1 of 501: answered", "lead 1 in new of 501")


def test_F36_a_persons_change_in_the_second_of_our_push_is_looked_up() -> None:
    pushed = given(reported(1, NEW), patched(1, ANN, modified=at(3)))
    person = reported(1, NEW, by=DAN, modified=at(3), action="responsible", author=0)
    pushed.when(person, at=at(4)).then("look up 1: same_second")
    pushed.when(observed(1, NEW, by=DAN, modified=at(3), reason="lookup"), at=at(5)).then(
        "lead 1 in new of 504"
    )
    pushed.when(_echo("responsible", 0), at=at(6)).then("look up 1: same_second")  # type: ignore[arg-type]
