"""An account that has let nobody in for a week: nothing waits for it any longer (F57)."""

from datetime import timedelta

from contracts.inbound import DistributeLeads, Ended, StayedSuspended
from domain.requests.suspension import ENDED_MAX
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    NEW,
    NOON,
    at,
    given,
    limit,
    observed,
    patched,
    reported,
    rule,
    rules,
    told,
)

DAY = timedelta(days=1)
ONE_EACH = rules(rule(ANN, BOB, limit=limit(1)))


def suspended(*, before: timedelta) -> StayedSuspended:
    return StayedSuspended(since=NOON, asked_before=NOON + before)


def test_F57_after_a_week_what_waits_is_closed_and_what_never_reached_kommo_is_taken_back() -> None:
    story = given(rules=ONE_EACH)
    story.when(reported(1), at=at(1)).when(patched(1, ANN), at=at(2))
    story.when(reported(2), at=at(3)).when(reported(3), at=at(4)).when(reported(4), at=at(5))
    story.when(reported(5), at=NOON + 6 * DAY)
    assert story.waiting() == ["3.3", "4.4", "5.5"]

    story.when(suspended(before=1 * DAY), at=NOON + 8 * DAY)

    story.then(
        "withdrawn 2.2 from 502: suspended",
        "closed 2.2: suspended",
        "closed 3.3: suspended",
        "closed 4.4: suspended",
        # Bob's place is free; what asked lately is still wanted, should the account come back.
        "assigned 5.5 to 502",
    )
    assert story.account.leads[1].responsible_id == ANN


def test_F57_what_is_told_again_changes_nothing_and_reinstalled_the_leads_can_be_ordered() -> None:
    story = given(rules=ONE_EACH).when(reported(1)).when(suspended(before=DAY), at=NOON + 8 * DAY)

    assert story.when(suspended(before=DAY), at=NOON + 9 * DAY).answer == ()
    seen = observed(1, NEW, modified=NOON, reason="sweep")
    assert story.when(seen, at=NOON + 10 * DAY).answer == ()
    ended = (Ended(1, "1.1", "suspended", BOSS),)
    order = DistributeLeads(lead_ids=(1,), by="person:7", ended=ended)
    story.when(order, at=NOON + 10 * DAY)
    assert any(line.startswith("assigned 1.") for line in map(told, story.answer))


def test_F57_so_many_are_ended_at_once_and_the_oldest_first() -> None:
    story = given(rules=rules(rule(ANN, limit=limit(1))))
    for lead in range(1, ENDED_MAX + 12):
        story.when(reported(lead), at=at(lead))

    story.when(suspended(before=DAY), at=NOON + 8 * DAY)
    left = [request.lead_id for request in story.account.requests.by_id.values()]
    # The one that Ann had, and 499 that waited; the place that this frees is for the next.
    assert left == list(range(ENDED_MAX + 2, ENDED_MAX + 12))
    story.when(suspended(before=DAY), at=NOON + 8 * DAY)
    assert story.account.requests.by_id == {}
    assert story.credits() == {}
