"""Timers, lookups, readings and the feed of decisions."""

from typing import Any

from contracts.events import (
    LinkedChanged,
    LinkedDecided,
    LinkedRequested,
    ManagerPaused,
    ManagerResumed,
    RulesApplied,
    Transfer,
)
from projections import decisions, linked, lookups, pauses, readings, timers
from projections.timers import Timer
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    NINE,
    apply,
    assigned,
    closed,
    deferred,
    deleted,
    later,
    lookup,
    opened,
    prepared,
    reading,
    recorded,
    seen,
    timer,
    withdrawn,
)


def look(generation: int = 1, minutes: int = 60, account_id: int = ACCOUNT) -> Timer:
    return Timer(
        account_id=account_id,
        timer_id="look/new",
        generation=generation,
        due_at=later(minutes),
    )


async def test_F10_timers_come_due_in_order_and_once_when_marked(pool: Any) -> None:
    await apply(pool, timers, recorded(timer(), timer("pause/501", due_at=later(90))))
    await apply(pool, timers, recorded(timer(due_at=later(5)), account_id=8))
    too_early = await timers.due(pool, now=later(4), limit=9)
    due = await timers.due(pool, now=later(60), limit=9)

    await timers.mark_emitted(pool, due)

    assert too_early == []
    assert due == [look(minutes=5, account_id=8), look()]
    assert await timers.due(pool, now=later(60), limit=9) == []
    assert await timers.next_due_at(pool) == later(90)


async def test_F10_a_mark_of_an_older_generation_means_nothing(pool: Any) -> None:
    await apply(pool, timers, recorded(timer()))
    due = await timers.due(pool, now=later(60), limit=9)
    await apply(pool, timers, recorded(timer(generation=2, due_at=later(61)), after=1))

    await timers.mark_emitted(pool, due)

    assert await timers.due(pool, now=later(61), limit=9) == [look(2, 61)]


async def test_F10_a_marked_timer_comes_due_again_in_its_next_generation(pool: Any) -> None:
    await apply(pool, timers, recorded(timer()))
    await timers.mark_emitted(pool, [look()])
    await apply(pool, timers, recorded(timer(generation=2), after=1))

    assert await timers.due(pool, now=later(60), limit=9) == [look(2)]


async def test_D9_2_a_cancelled_timer_never_comes_due(pool: Any) -> None:
    await apply(pool, timers, recorded(timer(), timer(generation=2, due_at=None)))

    assert await timers.due(pool, now=later(999), limit=9) == []
    assert await timers.next_due_at(pool) is None


async def test_F28_a_reading_is_wanted_until_the_lead_is_heard_of(pool: Any) -> None:
    await apply(pool, lookups, recorded(lookup(1), lookup(2), lookup(3, at=later(-1)), seen(9)))
    first = await lookups.pending(pool, limit=2)
    rest = await lookups.pending(pool, limit=2, after=first[-1])
    await apply(pool, lookups, recorded(seen(1, source="lookup"), deleted(2), lookup(1), after=4))

    left = await lookups.pending(pool, limit=9)

    assert [found.lead_id for found in first] == [3, 1]
    assert [found.lead_id for found in rest] == [2]
    assert [(found.lead_id, found.asked_version) for found in left] == [(3, 3), (1, 7)]


async def test_F70_a_list_is_told_without_some_accounts(pool: Any) -> None:
    mine, theirs = recorded(lookup(1), reading(1)), recorded(lookup(2), reading(2), account_id=9)
    for events in (mine, theirs):
        await apply(pool, lookups, events)
        await apply(pool, readings, events)

    for pending in (lookups.pending, readings.pending):
        first, _ = await pending(pool, limit=9)
        assert first.account_id == ACCOUNT
        for after in (None, first):
            (found,) = await pending(pool, limit=9, after=after, but_for=[ACCOUNT])
            assert found.account_id == 9
    assert await lookups.unknown(pool, limit=9, but_for=[ACCOUNT]) == []


async def test_S2_leads_that_nobody_knows_are_in_a_list_of_their_own(pool: Any) -> None:
    known = [lookup(1, reason="same_second"), lookup(4, reason="not_there")]
    unknown = [lookup(2, reason="announced"), lookup(3, reason="crowded")]
    await apply(pool, lookups, recorded(known[0], *unknown, known[1]))
    first = await lookups.unknown(pool, limit=1)

    assert [found.lead_id for found in await lookups.pending(pool, limit=9)] == [1, 4]
    assert [found.lead_id for found in first] == [2]
    rest = await lookups.unknown(pool, limit=9, after=first[-1])
    assert [found.lead_id for found in rest] == [3]


async def test_F28_what_is_asked_for_twice_keeps_its_place(pool: Any) -> None:
    await apply(pool, lookups, recorded(lookup(1)))
    await apply(pool, lookups, recorded(lookup(1, at=later(5), reason="refused"), after=1))

    (found,) = await lookups.pending(pool, limit=9)

    assert (found.asked_at, found.asked_version, found.reason) == (NINE, 2, "refused")


async def test_D10_2_the_decisions_about_a_lead_are_found_newest_first(pool: Any) -> None:
    decision = assigned(1)
    events = recorded(
        opened(1), deferred(1), decision, opened(2), assigned(2), withdrawn(decision), closed(1)
    )

    await apply(pool, decisions, events)

    of_lead = await decisions.of_lead(pool, account_id=ACCOUNT, lead_id=1)
    newest = await decisions.page(pool, account_id=ACCOUNT, limit=2, before=6)
    assert [(found.version, found.kind) for found in of_lead] == [
        (7, "closed"),
        (6, "withdrawn"),
        (3, "assigned"),
        (2, "deferred"),
    ]
    assert [(found.version, found.lead_id) for found in newest] == [(5, 2), (3, 1)]


async def test_D9_3_what_a_person_ordered_is_among_the_decisions_about_a_lead(pool: Any) -> None:
    sources = ("dp_hook", "operator", "webhook", "handover", "sweep")
    events = recorded(*(opened(1, source=source) for source in sources))

    await apply(pool, decisions, events)

    found = await decisions.of_lead(pool, account_id=ACCOUNT, lead_id=1)
    assert [(each.version, each.kind) for each in found] == [(4, "ordered"), (2, "ordered")]


async def test_I9_timers_and_readings_are_those_of_the_account(pool: Any) -> None:
    lived = story(seed=8, messages=500)
    for start in range(0, len(lived.log), 41):
        await apply(pool, timers, lived.log[start : start + 41])
        await apply(pool, lookups, lived.log[start : start + 41])

    due = await timers.due(pool, now=later(10**6), limit=1_000)
    wanted = await lookups.pending(pool, limit=1_000)

    assert {(found.timer_id, found.generation, found.due_at) for found in due} == {
        (timer_id, known.generation, known.due_at)
        for timer_id, known in lived.account.timers.items()
        if known.due_at is not None
    }
    assert {found.lead_id for found in wanted} == set(lived.account.lookups)


async def test_D1_5_readings_wait_in_the_order_they_were_asked_for_until_answered(
    pool: Any,
) -> None:
    rules = RulesApplied(revision=1, rules={"version": 1}, by="admin", at=NINE)
    asked = recorded(rules, reading(1), reading(2), reading(3, at=later(-1)))
    await apply(pool, readings, asked)
    first = await readings.pending(pool, limit=2)
    rest = await readings.pending(pool, limit=2, after=first[-1])
    again = reading(1, revision=2, parts=("lead", "contact"), at=later(9))
    await apply(pool, readings, recorded(prepared(1), closed(2), again, after=4))
    left = await readings.pending(pool, limit=9)

    assert [found.lead_id for found in (*first, *rest)] == [3, 1, 2]
    assert [(found.lead_id, found.revision, found.parts) for found in left] == [
        (3, 1, ("lead",)),
        (1, 2, ("lead", "contact")),
    ]
    assert await readings.rules_of(pool, ACCOUNT) == (1, {"version": 1})
    assert await readings.rules_of(pool, 8) is None


async def test_F84_a_request_that_other_rules_ask_nothing_about_is_not_read(pool: Any) -> None:
    await apply(pool, readings, recorded(reading(1), reading(2)))
    await apply(pool, readings, recorded(deferred(1), after=2))

    assert [found.lead_id for found in await readings.pending(pool, limit=9)] == [2]


async def test_D6_4_linked_things_are_listed_until_they_are_over(pool: Any) -> None:
    asked = LinkedRequested(
        order_id="1.1/1",
        request_id="1.1",
        lead_id=1,
        manager_id=501,
        objects=("contacts", "tasks"),
        only_for=(),
        at=NINE,
    )
    decided = LinkedDecided(
        order_id="1.1/1",
        request_id="1.1",
        lead_id=1,
        handovers=(Transfer("contact", 8, 77, 501), Transfer("task", 9, 0, 501)),
        is_undo=False,
        by="rule",
        at=NINE,
    )
    changed = LinkedChanged(
        order_id="1.1/1",
        request_id="1.1",
        lead_id=1,
        kind="contact",
        entity_id=8,
        responsible_before=77,
        manager_id=501,
        how="answered",
        at=NINE,
    )
    await apply(pool, linked, recorded(asked))
    (search,) = await linked.to_find(pool, limit=9)
    assert (search.order_id, search.objects) == ("1.1/1", ("contacts", "tasks"))
    assert await linked.to_find(pool, limit=9, after=search) == []
    assert await linked.to_find(pool, limit=9, but_for=[ACCOUNT]) == []

    await apply(pool, linked, recorded(decided, after=1))
    first, second = await linked.to_set(pool, limit=9)
    assert [(row.kind, row.responsible_before) for row in (first, second)] == [
        ("contact", 77),
        ("task", 0),
    ]
    assert await linked.to_set(pool, limit=9, after=first) == [second]
    assert await linked.to_set(pool, limit=9, after=first, but_for=[ACCOUNT]) == []
    assert await linked.to_find(pool, limit=9) == []

    await apply(pool, linked, recorded(changed, after=2))
    assert await linked.to_set(pool, limit=9) == [second]


async def test_D9_2_the_pauses_in_force_are_the_last_of_each_manager(pool: Any) -> None:
    own = ManagerPaused(
        manager_id=501, by="501", by_administrator=False, until=later(60), reason="lunch", at=NINE
    )
    order = ManagerPaused(
        manager_id=501, by="Vera", by_administrator=True, until=None, reason="ill", at=later(1)
    )
    other = ManagerPaused(
        manager_id=502, by="502", by_administrator=False, until=None, reason="", at=NINE
    )
    back = ManagerResumed(manager_id=502, by="502", how="resumed", at=later(5))

    await apply(pool, pauses, recorded(own, other))
    both = await pauses.of_account(pool, ACCOUNT)
    await apply(pool, pauses, recorded(order, back, after=2))

    assert [pause.manager_id for pause in both] == [501, 502]
    assert await pauses.of_account(pool, ACCOUNT) == [
        pauses.Pause(
            account_id=ACCOUNT,
            manager_id=501,
            ordered_by="Vera",
            by_administrator=True,
            paused_at=later(1),
            until=None,
            reason="ill",
        )
    ]
