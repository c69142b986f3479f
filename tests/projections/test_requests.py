"""Where every request stands."""

from typing import Any

from projections import requests
from projections.requests import Tally
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    apply,
    assigned,
    closed,
    deferred,
    later,
    opened,
    prepared,
    reading,
    recorded,
    reserved,
    timer,
    withdrawn,
)


async def of(pool: Any, request_id: str = "1.1") -> tuple[str, str | None, Any]:
    found = await requests.of_request(pool, account_id=ACCOUNT, request_id=request_id)
    assert found is not None
    return found.state, found.reason, found.next_look_at


async def test_D1_2_a_request_waits_is_assigned_or_is_closed(pool: Any) -> None:
    await apply(
        pool,
        requests,
        recorded(
            opened(1),
            deferred(1),
            opened(2),
            assigned(2),
            opened(3, rule_id=None),
            closed(3, reason="no_rule"),
        ),
    )

    assert await of(pool, "1.1") == ("waiting", "off_shift", later(60))
    assert await of(pool, "2.1") == ("assigned", None, None)
    assert await of(pool, "3.1") == ("closed", "no_rule", None)
    assert await requests.unaccounted(pool) == []
    assert await requests.counts(pool, ACCOUNT) == [
        Tally(rule_id="", source="webhook", state="closed", requests=1),
        Tally(rule_id="new", source="webhook", state="assigned", requests=1),
        Tally(rule_id="new", source="webhook", state="waiting", requests=1),
    ]


async def test_I2_a_request_without_an_answer_is_shown(pool: Any) -> None:
    decision = assigned(2)
    await apply(pool, requests, recorded(opened(1), opened(2), decision))
    before = await requests.unaccounted(pool)
    await apply(pool, requests, recorded(deferred(1), withdrawn(decision), after=3))

    after = await requests.unaccounted(pool)

    assert [found.request_id for found in before] == ["1.1"]
    assert [found.request_id for found in after] == ["2.1"]


async def test_I2_a_closed_request_stays_closed_whatever_order_its_end_is_told_in(
    pool: Any,
) -> None:
    decision = assigned(1)

    await apply(pool, requests, recorded(opened(1), decision, closed(1), withdrawn(decision)))

    assert await of(pool) == ("closed", "left_stage", None)


async def test_D8_1_the_next_look_follows_the_timer_of_the_rule(pool: Any) -> None:
    await apply(pool, requests, recorded(opened(1), deferred(1), timer(due_at=later(30))))
    by_timer = await of(pool)
    anew = deferred(1, next_look_at=later(90), at=later(30))
    await apply(pool, requests, recorded(anew, after=3))
    by_request = await of(pool)
    await apply(pool, requests, recorded(timer(due_at=None, generation=2), after=4))
    await apply(pool, requests, recorded(timer("pause/501", due_at=later(5)), after=5))

    assert by_timer == ("waiting", "off_shift", later(30))
    assert by_request == ("waiting", "off_shift", later(90))
    assert await of(pool) == by_request


async def test_D5_3_whoever_comes_behind_an_older_one_is_looked_at_with_it(pool: Any) -> None:
    behind = deferred(2, next_look_at=later(90))
    await apply(
        pool,
        requests,
        recorded(opened(1), deferred(1), timer(due_at=later(30)), opened(2), behind),
    )

    found = await requests.waiting(pool, ACCOUNT, limit=9)

    assert [each.next_look_at for each in found] == [later(30), later(30)]


async def test_D5_3_waiting_requests_are_listed_in_the_order_they_are_served(pool: Any) -> None:
    await apply(
        pool,
        requests,
        recorded(opened(3), deferred(3), opened(1), deferred(1), opened(2), deferred(2)),
    )
    first = await requests.waiting(pool, ACCOUNT, limit=2)

    rest = await requests.waiting(pool, ACCOUNT, limit=2, after=first[-1].opened_version)

    assert [found.lead_id for found in first] == [3, 1]
    assert [found.lead_id for found in rest] == [2]


async def test_I2_a_whole_life_leaves_nothing_unaccounted(pool: Any) -> None:
    lived = story(seed=6, messages=600)
    start = 0
    for stop in range(1, len(lived.log) + 1):
        is_whole = stop == len(lived.log) or lived.log[stop].cause != lived.log[stop - 1].cause
        if is_whole and (stop - start > 40 or stop == len(lived.log)):
            await apply(pool, requests, lived.log[start:stop])
            assert await requests.unaccounted(pool) == []
            start = stop

    waiting = await requests.waiting(pool, ACCOUNT, limit=1_000)
    counts = await requests.counts(pool, ACCOUNT)

    account = lived.account
    expected = {
        (request_id, None if request_id in account.requests.preparing else request.rule_id)
        for request_id, request in account.requests.by_id.items()
    }
    assert {(found.request_id, found.rule_id) for found in waiting} == expected
    assert sum(tally.requests for tally in counts) == lived.account.requests_total


async def test_D5_5_the_inflow_counts_what_was_opened_since_by_stage(pool: Any) -> None:
    old, new = opened(1), [opened(lead, at=later(60)) for lead in (2, 3)]
    await apply(pool, requests, recorded(old, *new, assigned(2)))

    assert await requests.inflow(pool, ACCOUNT, since=later(1)) == {old.stage: 2}
    assert await requests.inflow(pool, ACCOUNT + 1, since=later(1)) == {}


async def test_I2_a_request_that_waits_for_kommo_or_its_owner_waits_with_an_instant(
    pool: Any,
) -> None:
    await apply(pool, requests, recorded(opened(1, rule_id=None), reading(1)))
    (reads,) = await requests.waiting(pool, ACCOUNT, limit=9)
    await apply(pool, requests, recorded(prepared(1), reserved(1), timer(), after=2))
    (waits,) = await requests.waiting(pool, ACCOUNT, limit=9)

    assert (reads.reason, reads.next_look_at, reads.rule_id) == ("reading", later(1), None)
    # The timer is of those who wait in the rule's queue.
    assert (waits.reason, waits.next_look_at, waits.rule_id) == ("owner", later(30), "new")


async def test_D1_2_waiting_requests_are_counted_by_what_they_wait_for(pool: Any) -> None:
    await apply(
        pool,
        requests,
        recorded(
            opened(1),
            deferred(1),
            opened(2),
            deferred(2, reason="at_limit", next_look_at=later(90)),
            opened(3),
            deferred(3),
            opened(4),
            assigned(4),
        ),
    )
    found = await requests.waiting_by_reason(pool, ACCOUNT)

    assert [(each.reason, each.leads, each.oldest_lead_id) for each in found] == [
        ("off_shift", 2, 1),
        ("at_limit", 1, 2),
    ]
    assert [each.next_look_at for each in found] == [later(60), later(90)]
    assert await requests.waiting_by_reason(pool, ACCOUNT + 1) == []
