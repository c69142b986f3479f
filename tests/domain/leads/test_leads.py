"""Hooks that repeat, overtake, come late or not at all; echoes; people who are faster (F27-F36)."""

from msgspec.structs import replace

from contracts.events import LEAD, LeadAssigned, LeadSeen
from tests.domain.scenario import (
    ANN,
    BOB,
    HOT,
    NEW,
    STAGES,
    WORK,
    announced,
    at,
    dp,
    given,
    missing,
    observed,
    patched,
    pause,
    removed,
    reported,
    rule,
    rules,
)

WON = STAGES["won"]
LONG_AGO = at(-86_400 * 30)
TWO_RULES = rules(rule(501, 502), rule(501, 502, rule_id="b", stages=(HOT,)))


def test_D1_3_a_trigger_after_the_end_is_a_new_request_even_for_an_old_lead() -> None:
    old = given(
        observed(1, NEW, modified=LONG_AGO, created=LONG_AGO, reason="baseline"),
        reported(1, WON, modified=at(10), created=LONG_AGO),
    )
    old.when(dp(1, NEW), at=at(20)).then("look up 1: trigger_after_end")
    old.when(observed(1, NEW, modified=at(19), created=LONG_AGO, reason="lookup"), at=at(21)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )


def test_D1_1_an_accepted_incoming_lead_is_read_and_distributed_however_old_it_is() -> None:
    accepted = given(rules(rule(ANN, BOB)))
    accepted.when(announced(1), at=at(10)).then("look up 1: announced")
    accepted.when(announced(1), at=at(11)).then()
    accepted.when(
        observed(1, NEW, modified=at(9), created=LONG_AGO, reason="lookup"), at=at(12)
    ).then("lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501")

    # The hooks about the same lead that come as well ask for nothing more.
    accepted.when(reported(1, NEW, action="add", modified=at(9)), at=at(13)).then()
    accepted.when(announced(1), at=at(14)).then("look up 1: announced")
    accepted.when(
        observed(1, NEW, modified=at(9), created=LONG_AGO, reason="lookup"), at=at(15)
    ).then("lead 1 in new of 900")


def test_D1_7_a_lead_that_is_read_for_another_reason_is_as_old_as_it_is() -> None:
    known = given(
        rules(rule(ANN, BOB)),
        observed(1, WORK, modified=LONG_AGO, created=LONG_AGO, reason="baseline"),
    )
    known.when(announced(1), at=at(10)).then("look up 1: announced")
    known.when(
        observed(1, WORK, modified=LONG_AGO, created=LONG_AGO, reason="lookup"), at=at(11)
    ).then("lead 1 in work of 900")


def test_D1_3_a_late_repeat_after_leaving_is_looked_up_and_asks_nothing() -> None:
    back = given(
        reported(1, WORK, action="add"),
        dp(1, NEW, old_stage=WORK),
        reported(1, WORK, modified=at(60)),
    )
    back.when(dp(1, NEW, old_stage=WORK), at=at(1_200)).then("look up 1: trigger_may_be_late")
    back.when(observed(1, WORK, modified=at(60), reason="lookup"), at=at(1_201)).then(
        "lead 1 in work of 900"
    )


def test_F29_a_late_first_trigger_that_does_not_continue_what_is_known_is_looked_up() -> None:
    moved_on = given(reported(1, WORK, modified=at(60)))

    moved_on.when(dp(1, NEW, old_stage=HOT), at=at(1_200)).then("look up 1: trigger_may_be_late")


def test_D1_3_a_late_repeat_is_recognised_after_the_lead_was_closed_and_reopened() -> None:
    reopened = given(dp(1, HOT, old_stage=NEW), rules=TWO_RULES)
    reopened.when(reported(1, WON, modified=at(60)), at=at(60))
    reopened.when(reported(1, NEW, modified=at(120)), at=at(120))

    reopened.when(dp(1, HOT, old_stage=NEW), at=at(1_200)).then("look up 1: trigger_may_be_late")


def test_F29_a_trigger_with_a_time_is_believed_when_it_is_newer_and_ignored_when_older() -> None:
    known = given(reported(1, WORK, modified=at(60)))
    known.when(dp(1, NEW, source="dp_widget", occurred_at=at(59)), at=at(90)).then()
    known.when(dp(1, NEW, source="dp_widget", occurred_at=at(60)), at=at(91)).then(
        "look up 1: trigger_may_be_late"
    )
    known.when(dp(1, NEW, source="dp_widget", occurred_at=at(61)), at=at(92)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )


def test_F28_an_entry_is_one_request_whichever_of_its_two_hooks_comes_first() -> None:
    update = reported(1, NEW, modified=at(5), created=LONG_AGO, action="update")
    status = reported(1, NEW, modified=at(5), created=LONG_AGO, action="status")

    given().when(status, update, at=at(6)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )
    given().when(update, status, at=at(6)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )


def test_F28_the_return_of_a_lead_without_a_request_is_one_although_its_leaving_was_lost() -> None:
    baseline = observed(1, NEW, modified=LONG_AGO, created=LONG_AGO, reason="baseline")

    given(baseline).when(reported(1, NEW, modified=at(5), created=LONG_AGO), at=at(6)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )


def test_F28_a_deletion_that_overtakes_the_lead_is_remembered() -> None:
    deleted = given().when(removed(1), at=at(5)).then("lead 1 deleted")
    deleted.when(removed(1), at=at(6)).then()
    deleted.when(reported(1, NEW, action="add"), at=at(7)).then("look up 1: report_after_end")
    deleted.when(dp(1, NEW), at=at(8)).then()
    deleted.when(missing(1), at=at(9)).then("lead 1 deleted")


def test_F29_a_late_deletion_of_a_lead_that_is_back_from_the_bin_takes_nothing_from_it() -> None:
    waits = given(pause(ANN), pause(BOB), reported(1, NEW, modified=at(5)))
    waits.when(removed(1), at=at(60)).then("look up 1: deletion_told")
    waits.when(removed(1), at=at(61)).then()
    back = observed(1, NEW, modified=at(50), reason="lookup")

    waits.when(back, at=at(62)).then("lead 1 in new of 900")
    assert waits.waiting() == ["1.1"]


def test_F30_a_lead_that_comes_back_from_the_bin_to_another_stage_has_entered_it() -> None:
    old = given(observed(1, WORK, modified=LONG_AGO, created=LONG_AGO, reason="baseline"))
    gone = old.when(removed(1), at=at(5)).when(missing(1), at=at(6))
    back = reported(1, NEW, modified=at(50), created=LONG_AGO, action="restore")
    gone.when(back, at=at(51)).then("look up 1: report_after_end")
    truth = observed(1, NEW, modified=at(50), created=LONG_AGO, reason="lookup")

    gone.when(truth, at=at(52)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )


def test_F30_a_closed_lead_that_comes_back_from_the_bin_and_is_open_has_entered() -> None:
    old = given(observed(1, WORK, modified=LONG_AGO, created=LONG_AGO, reason="baseline"))
    won = old.when(reported(1, WON, modified=at(5), created=LONG_AGO), at=at(6))
    gone = won.when(removed(1), at=at(7)).then("lead 1 deleted")
    gone.when(reported(1, NEW, modified=at(50), created=LONG_AGO), at=at(51))
    truth = observed(1, NEW, modified=at(50), created=LONG_AGO, reason="lookup")

    gone.when(truth, at=at(52)).then(
        "lead 1 in new of 900", "opened 1.1 under a", "assigned 1.1 to 501"
    )


def test_F30_a_lead_that_comes_back_from_the_bin_to_where_it_was_asks_for_nothing() -> None:
    old = given(observed(1, NEW, modified=LONG_AGO, created=LONG_AGO, reason="baseline"))
    gone = old.when(removed(1), at=at(5)).when(missing(1), at=at(6)).when(missing(1), at=at(7))
    gone.when(reported(1, NEW, modified=at(50), created=LONG_AGO, action="restore"), at=at(51))
    truth = observed(1, NEW, modified=at(50), created=LONG_AGO, reason="lookup")

    gone.when(truth, at=at(52)).then("lead 1 in new of 900")


def test_F53_a_deletion_that_is_true_ends_the_request_when_it_was_read() -> None:
    told = given(reported(1, NEW)).when(removed(1), at=at(60))

    told.when(missing(1), at=at(61)).then(
        "withdrawn 1.1 from 501: lead_gone", "closed 1.1: lead_deleted", "lead 1 deleted"
    )


def test_F28_a_closing_that_overtakes_the_lead_is_remembered() -> None:
    closed = given().when(reported(1, WON, modified=at(5)), at=at(6)).then("lead 1 in won of 900")
    closed.when(reported(1, WON, modified=at(5)), at=at(7)).then()
    closed.when(reported(1, NEW, modified=at(0), action="add"), at=at(8)).then()


def test_F29_a_lead_closed_long_ago_means_nothing_to_us() -> None:
    given().when(reported(1, WON, modified=LONG_AGO, created=LONG_AGO, action="update")).then()


def test_F28_a_late_hook_does_not_answer_a_doubt_that_kommo_was_to_settle() -> None:
    doubtful = given(reported(1, WORK, by=BOB, modified=at(5)))
    doubtful.when(reported(1, WORK, by=ANN, modified=at(5), action="responsible"), at=at(6)).then(
        "look up 1: same_second"
    )
    doubtful.when(reported(1, WORK, by=BOB, modified=at(1), action="update"), at=at(300)).then()

    doubtful.when(observed(1, WORK, by=ANN, modified=at(5), reason="lookup"), at=at(301)).then(
        f"lead 1 in work of {ANN}"
    )


def test_F36_the_echo_of_a_superseded_decision_is_nobody_taking_the_lead() -> None:
    moved = given(reported(1, NEW, action="add"), reported(1, HOT, modified=at(5)), rules=TWO_RULES)
    assert [e.manager_id for e in moved.log if isinstance(e, LeadAssigned)] == [501, 502]
    wanted = moved.account.leads[1].wanted
    assert wanted is not None

    moved.when(reported(1, HOT, by=501, modified=at(6), action="responsible"), at=at(7)).then(
        "lead 1 in hot of 501"
    )
    # Else whoever pushes would take 501 for a person's choice, and wait for ours to end for ever.
    assert [e.source for e in moved.answer if isinstance(e, LeadSeen)] == ["own_write"]
    assert moved.account.leads[1].wanted == replace(wanted, previous_id=501)
    moved.when(patched(1, 502, request="1.2", modified=at(8)), at=at(8)).then(
        "confirmed 1.2 of 502: answered"
    )


def test_D1_2_a_decision_that_a_newer_entry_replaces_is_refunded_and_closed() -> None:
    first = given(reported(1, NEW, action="add"), rules=TWO_RULES)

    first.when(reported(1, HOT, modified=at(5)), at=at(5)).then(
        "lead 1 in hot of 900",
        "opened 1.2 under b",
        "withdrawn 1.1 from 501: superseded",
        "closed 1.1: superseded",
        "assigned 1.2 to 502",
    )
    # As if the first decision had never been: one lead, shared by two, given to the second.
    assert first.account.ledger("account") == {501: LEAD // 2, 502: -LEAD // 2}


def test_D7_5_an_edit_is_nobody_taking_a_lead_whose_responsible_was_unknown() -> None:
    decided = given(dp(1, NEW))

    decided.when(reported(1, NEW, modified=at(60), action="update"), at=at(61)).then(
        "lead 1 in new of 900"
    )
    decided.when(reported(1, NEW, by=503, modified=at(70), action="responsible"), at=at(71)).then(
        "withdrawn 1.1 from 501: taken_by_person",
        "closed 1.1: taken_by_person",
        "lead 1 in new of 503",
    )


def test_F28_a_trigger_with_a_time_does_not_make_a_report_of_the_responsible_stale() -> None:
    moved = given(
        reported(1, WORK, action="add"),
        dp(1, NEW, source="dp_widget", old_stage=WORK, occurred_at=at(12)),
    )

    moved.when(reported(1, WORK, by=503, modified=at(10), action="responsible"), at=at(13)).then(
        "withdrawn 1.1 from 501: taken_by_person",
        "closed 1.1: taken_by_person",
        "lead 1 in new of 503",
    )


def test_F28_a_trigger_for_the_known_stage_moves_its_time_forward() -> None:
    known = given(
        observed(1, NEW, modified=LONG_AGO, created=LONG_AGO, reason="baseline"),
        dp(1, NEW, source="dp_widget", occurred_at=at(5)),
        rules=TWO_RULES,
    )

    known.when(reported(1, HOT, modified=at(5)), at=at(6)).then("look up 1: same_second")


def test_F79_a_lead_that_somebody_was_given_meanwhile_asks_for_nobody() -> None:
    unknown = given()
    unknown.when(observed(1, NEW, by=502, taken=True)).then("lead 1 in new of 502")

    moved_since = given(reported(1, WORK))
    moved_since.when(observed(1, NEW, by=502, modified=at(60), taken=True), at=at(90)).then(
        "lead 1 in new of 502"
    )
    assert moved_since.account.leads[1].request_id is None


def test_F79_a_request_that_waits_ends_when_somebody_was_given_the_lead_meanwhile() -> None:
    waiting = given(pause(501), pause(502), dp(1, NEW))

    waiting.when(observed(1, NEW, by=502, modified=at(60), taken=True), at=at(90)).then(
        "closed 1.1: taken_by_person", "lead 1 in new of 502"
    )
