"""Hooks that repeat, overtake, come late or not at all; echoes; people who are faster (F27-F36)."""

from tests.domain.scenario import (
    HOT,
    NEW,
    STAGES,
    at,
    dp,
    given,
    observed,
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
