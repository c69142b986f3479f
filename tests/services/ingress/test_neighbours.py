"""However much one account sends, another one's next webhook is next (S4, F70)."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.kommo.steps import Steps, at_once
from contracts.kommo.webhooks import MARKS_MAX, reading
from services.ingress.appender import ENTRY_OVERHEAD_BYTES, Appender, Submission
from services.ingress.fair_queue import FairQueue
from services.ingress.in_flight import InFlight
from services.ingress.turns import Turns
from services.log.port import Entry
from services.shared.errors import Unavailable
from tests.services.ingress.harness import (
    ACCOUNT,
    FORM,
    NOON,
    OTHER_ACCOUNT,
    OTHER_SECRET,
    MemoryLetters,
    MemoryLog,
    form,
    ingress,
    plain_trigger,
)
from tests.support.campaign import Tally
from tests.support.waiting import until

NOISY, QUIET = ACCOUNT, OTHER_ACCOUNT
QUIETS_TRIGGER = plain_trigger().replace(str(ACCOUNT).encode(), str(OTHER_ACCOUNT).encode())
ITEMS = 7_000
ENTRY_BYTES = 900

things = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 50)), max_size=60)


def test_F70_a_newcomer_is_in_the_next_round_whatever_waits() -> None:
    queue: FairQueue[str] = FairQueue(10)
    for number in range(1_000):
        queue.append(NOISY, f"noisy {number}", 5)
    queue.append(QUIET, "quiet", 1)

    assert queue.take_round(1_000) == ["noisy 0", "noisy 1", "quiet"]
    assert queue.take_round(1_000) == ["noisy 2", "noisy 3"]


def test_F70_a_round_counts_costs_not_things() -> None:
    queue: FairQueue[str] = FairQueue(10)
    for name, account_id, cost in [("large", NOISY, 30), ("small", QUIET, 1), ("more", QUIET, 9)]:
        queue.append(account_id, name, cost)

    assert [queue.take_round(100) for _ in range(3)] == [["small", "more"], ["large"], []]


@given(things, st.integers(1, 60))
def test_F70_I10_every_thing_comes_out_once_in_the_order_of_its_account(
    given_things: list[tuple[int, int]], cost_max: int
) -> None:
    queue: FairQueue[tuple[int, int]] = FairQueue(10)
    numbers = count()
    sent = [(account_id, next(numbers)) for account_id, _ in given_things]
    for thing, (account_id, cost) in zip(sent, given_things, strict=True):
        queue.append(account_id, thing, cost)

    rounds = [*iter(lambda: queue.take_round(cost_max), [])]

    taken = [thing for one in rounds for thing in one]
    assert sorted(taken, key=lambda thing: thing[0]) == sorted(sent, key=lambda thing: thing[0])
    assert (bool(queue), queue.cost) == (False, 0)


@pytest.mark.server
async def test_attack_S4_F70_bodies_of_thousands_of_items_hold_up_no_neighbour(
    judged: Callable[[Tally], None],
) -> None:
    """In turns of the log, not in seconds: what lies before the quiet one is a turn or two."""
    large, stamps = _leads(1_000), 0

    def now() -> datetime:
        nonlocal stamps
        stamps += 1
        return NOON

    async with ingress(turn_bytes_max=16_384, now=now) as running:
        running.log.open.clear()
        noisy = [asyncio.create_task(running.post(large)) for _ in range(2)]
        await until(lambda: running.log.attempts == 1)
        quiet = asyncio.create_task(running.post(QUIETS_TRIGGER, secret=OTHER_SECRET))
        await until(lambda: stamps == 3)  # all of them are read
        running.log.open.set()
        assert (await quiet).status_code == 200
        answers = [(await answer).status_code for answer in noisy]
        stored = [(m.account_id, m.body.lead_id) for m in running.log.messages()]

    # The batch under way, then a turn of each.
    assert stored.index((QUIET, 900_001)) < 100
    # The same leads in each of them; a slow machine may not read all in time for Kommo.
    accepted = {(NOISY, n + 1) for n in range(1_000) if 200 in answers} | {(QUIET, 900_001)}
    judged(
        Tally(
            accepted=len(accepted),
            decided=len(accepted & set(stored)),
            lost=len(accepted - set(stored)),
            twice=stored.count((QUIET, 900_001)) - 1,
        )
    )


async def test_attack_F70_a_body_is_read_in_turns_with_those_of_others() -> None:
    order: list[str] = []

    def work(name: str, steps: int) -> Steps[str]:
        for _ in range(steps):
            order.append(name)
            yield
        return name

    turns, deadline = Turns(), asyncio.get_running_loop().time() + 60
    done = await asyncio.gather(
        turns.take(NOISY, work("a", 4), deadline=deadline),
        turns.take(NOISY, work("b", 2), deadline=deadline),
        turns.take(QUIET, work("q", 1), deadline=deadline),
    )

    assert done == ["a", "b", "q"]
    assert order == ["a", "a", "q", "a", "a", "b", "b"]


async def test_F70_a_body_that_cannot_be_read_in_time_is_given_up() -> None:
    endless = count()

    def work() -> Steps[None]:
        for _ in endless:
            yield

    turns = Turns()
    with pytest.raises(Unavailable):
        await turns.take(NOISY, work(), deadline=asyncio.get_running_loop().time() + 0.05)
    steps = next(endless)
    assert await turns.take(QUIET, _at_once("q"), deadline=0) == "q"
    assert next(endless) == steps + 1


def test_F34_a_large_body_is_read_in_many_steps() -> None:
    body = _leads(ITEMS)
    steps = reading(body, FORM)
    taken = sum(1 for _ in steps)

    assert taken > len(body) // 20_000 + ITEMS // 150


def _garbage() -> Iterator[tuple[str, bytes]]:
    size = 2**20
    yield "names", b"a&" * (size // 2)
    yield "brackets", b"[" * size
    yield "indexes", b"&".join(b"leads[add][%d][id]=x" % n for n in range(48_000))[:size]
    yield "depth", b"&".join(b"leads[add]" + b"[%d]" % n * 13 + b"=1" for n in range(16_000))[:size]
    yield "JSON", b'{"leads":{"add":[' + b"1," * (size // 2 - 30) + b"1]}}"


@pytest.mark.parametrize(("name", "body"), [*_garbage()], ids=lambda value: str(value)[:8])
def test_F34_what_kommo_never_sends_costs_no_reading(name: str, body: bytes) -> None:
    steps = reading(body, "application/json" if name == "JSON" else FORM)

    with pytest.raises(StopIteration) as end:
        next(steps)  # it took no turn
    assert end.value.value.notifications == ()
    assert [part.reason for part in end.value.value.rejected] == [
        f"body: expected at most {MARKS_MAX} fields and brackets"
    ]


def test_F34_the_densest_body_of_kommo_is_read() -> None:
    assert len(at_once(reading(_leads(ITEMS), FORM)).notifications) == ITEMS


async def test_I13_F70_when_the_queue_is_full_the_account_with_most_waiting_gives_way() -> None:
    appender = Appender(
        MemoryLog(),
        MemoryLetters(),
        queue_bodies_max=1_000,
        queue_bytes_max=10_000,
        batch_bytes_max=10_000,
        turn_bytes_max=1_000,
    )
    noisy = [_submitted(appender, NOISY) for _ in range(10_000 // ENTRY_BYTES)]
    with pytest.raises(Unavailable):
        _submitted(appender, NOISY)
    quiet = [_submitted(appender, QUIET) for _ in range(3)]
    appender.close()
    await appender.run()

    assert [one.done.exception() for one in quiet] == [None] * 3
    assert [one.done.exception() is None for one in noisy] == [True] * (len(noisy) - 3) + [
        False
    ] * 3


@pytest.mark.server
async def test_S4_F70_items_and_bytes_count_in_the_quota() -> None:
    for quota in ({"items_quota": 50}, {"bytes_quota": 2_048}):
        async with ingress(**quota, items_per_s=0.001, bytes_per_s=0.001) as running:
            codes = [(await running.post(_leads(60))).status_code for _ in range(2)]
            other = await running.post(QUIETS_TRIGGER, secret=OTHER_SECRET)

        assert (codes, other.status_code) == ([200, 429], 200)


def _submitted(appender: Appender, account_id: int) -> Submission:
    deadline = asyncio.get_running_loop().time() + 60
    value = b"x" * (ENTRY_BYTES - ENTRY_OVERHEAD_BYTES)
    return appender.submit(account_id, [Entry(account_id, value)], [], deadline=deadline)


def _at_once(value: str) -> Steps[str]:
    yield from ()
    return value


def _leads(number: int) -> bytes:
    """As dense as Kommo's bodies get."""
    fields = (
        (f"leads[status][{n}][{name}]", value)
        for n in range(number)
        for name, value in (("id", n + 1), ("status_id", 2), ("pipeline_id", 1))
    )
    return form(*fields)


async def test_F70_beside_others_an_account_has_so_many_webhooks_in_flight() -> None:
    in_flight = InFlight(2)
    await in_flight.enter(QUIET)
    entered: list[int] = []

    async def enter(number: int) -> None:
        await in_flight.enter(NOISY)
        entered.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(enter(number))
        await asyncio.sleep(0)
        first = [*entered]
        await in_flight.enter(QUIET)  # it has not to wait for them
        for _ in range(3):
            in_flight.leave(NOISY)

    assert (first, entered) == ([0, 1], [0, 1, 2, 3, 4])


async def test_F69_an_account_that_is_alone_is_not_held_back() -> None:
    in_flight = InFlight(2)
    async with asyncio.timeout(60):
        for _ in range(1_000):
            await in_flight.enter(NOISY)
        for _ in range(1_000):
            in_flight.leave(NOISY)

    assert in_flight.working == 0


async def test_F37_whoever_waits_and_is_cancelled_leaves_no_gap() -> None:
    in_flight = InFlight(1)
    await in_flight.enter(QUIET)
    await in_flight.enter(NOISY)
    waiting = [asyncio.create_task(in_flight.enter(NOISY)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # before it is let in
    in_flight.leave(NOISY)
    waiting[1].cancel()  # at that very moment
    await asyncio.wait(waiting)

    assert [task.cancelled() for task in waiting] == [True, True, False]
    in_flight.leave(NOISY)
    in_flight.leave(QUIET)
    assert in_flight.working == 0
