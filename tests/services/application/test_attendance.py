"""Who is there, and how they are doing (W4.1, W4.3)."""

from datetime import timedelta

from contracts.stage import Stage
from services.application.attendance import CountedDay, seen_in
from services.application.span import Span
from tests.domain.scenario import ANN, BOB, CEM, DAN, MONDAY, NOON, OFFICE, dp, given, pause, rule
from tests.domain.scenario import rules as file

RULES = file(
    rule(ANN, BOB, off_hours="duty", duty={"manager": CEM}, limit={"max": 1}),
    rule(BOB, rule_id="b", stages=[Stage(9, 1)]),
    schedules={"office": OFFICE},
    default_schedule="office",
)
DAY = CountedDay(
    span=Span(start=MONDAY, end=MONDAY + timedelta(days=1)),
    got={ANN: 1, BOB: 2},
    shares={},
    reasons={BOB: "ill"},
)


def test_W4_3_one_of_them_is_seen_as_among_the_others() -> None:
    account = given(dp(1), dp(2), pause(BOB), rules=RULES).account
    mates = seen_in(account, NOON, DAY)

    assert [each.manager_id for each in mates] == [ANN, BOB, CEM]
    for mate in mates:
        assert seen_in(account, NOON, DAY, only=mate.manager_id) == [mate]
    assert seen_in(account, NOON, DAY, only=DAN) == []
