"""Who can get the next lead, and why whoever is owed most cannot (W2, W4.1)."""

from datetime import timedelta

from contracts.events import LEAD
from domain.choosing.standings import LOOK_AGAIN
from services.application.next_able import NextAble, Passed, next_in
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    DAN,
    MONDAY,
    NOON,
    OFFICE,
    dp,
    given,
    pause,
    rule,
    rules,
    users,
)

EVENING = MONDAY + timedelta(hours=20)
RULES = rules(
    rule(ANN, BOB, off_hours="duty", duty={"manager": CEM}),
    schedules={"office": OFFICE},
    default_schedule="office",
)


def test_W4_1_the_next_one_is_whoever_would_get_a_lead_that_asked_now() -> None:
    scenario = given(dp(1), rules=RULES)
    (foreseen,) = next_in(scenario.account, NOON)

    assert foreseen == NextAble(rule_id="a", manager_id=BOB)
    assert foreseen.manager_id == scenario.when(dp(2)).got()[-1]


def test_W4_1_whoever_is_owed_most_and_is_paused_is_named_with_the_reason() -> None:
    scenario = given(dp(1), pause(BOB), rules=RULES)
    (foreseen,) = next_in(scenario.account, NOON)

    owed = Passed(manager_id=BOB, credit_units=LEAD // 2, verdict="paused", until=None)
    assert foreseen == NextAble(rule_id="a", manager_id=ANN, passed=owed)


def test_W4_1_after_hours_it_is_whoever_has_duty() -> None:
    (foreseen,) = next_in(given(rules=RULES).account, EVENING)

    assert foreseen == NextAble(rule_id="a", manager_id=CEM, has_duty=True)


def test_D7_4_a_fallback_who_left_kommo_gets_nothing() -> None:
    fallback = {"rota": [{"manager": CEM, "schedule": "office"}], "fallback": DAN}
    data = rules(
        rule(ANN, off_hours="duty", duty=fallback),
        schedules={"office": OFFICE},
        default_schedule="office",
    )
    (there,) = next_in(given(rules=data).account, EVENING)
    (gone,) = next_in(given(users(ANN, BOB, CEM), rules=data).account, EVENING)

    assert (there.manager_id, gone.manager_id) == (DAN, None)


def test_D5_3_the_next_lead_of_a_rule_whose_leads_wait_is_looked_at_with_them() -> None:
    nobody = given(pause(ANN), rules=rules(rule(ANN)))
    later = NOON + timedelta(minutes=5)
    (alone,) = next_in(nobody.account, later)
    (behind,) = next_in(nobody.when(dp(1)).account, later)

    assert alone.looks_at == later + LOOK_AGAIN
    assert behind.looks_at == NOON + LOOK_AGAIN
