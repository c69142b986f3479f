"""A plain 403 of one account, of several, and of our whole address (F48, I11)."""

import asyncio

import pytest

from services.kommo.blocks import Blocks
from services.kommo.errors import AccountBlocked, AccountStopped, AddressBlocked
from services.kommo.limiter import Limiter, Priority
from services.kommo.settings import LimiterSettings
from tests.services.kommo.test_limiter import ManualTiming, settle

PROBE_S = 300.0


def blocks(*callers: str) -> Blocks:
    made = Blocks()
    for caller in callers:
        made.join(caller)
    return made


def test_F48_one_of_several_is_not_all() -> None:
    known = blocks("a", "b", "c", "d")

    assert not known.refuse("a", until=9.0, turns=1)
    assert (known.until("a"), known.until("b")) == (9.0, None)


def test_F48_three_in_a_row_are_all() -> None:
    known = blocks("a", "b", "c", "d")

    assert [known.refuse(each, until=9.0, turns=1) for each in "abc"] == [False, False, True]


def test_F48_all_there_are_are_all() -> None:
    known = blocks("a", "b")

    assert [known.refuse(each, until=9.0, turns=1) for each in "ab"] == [False, True]
    assert blocks("a").refuse("a", until=9.0, turns=1)


def test_F48_a_good_answer_clears_whoever_is_not_refused() -> None:
    known = blocks("a", "b", "c", "d")
    known.refuse("a", until=9.0, turns=1)
    known.refuse("b", until=9.0, turns=2)
    known.answer("d", turn=3)

    assert not known.refuse("c", until=9.0, turns=4)


def test_F48_an_answer_to_a_call_from_before_clears_nobody() -> None:
    known = blocks("a", "b", "c", "d")
    known.refuse("a", until=9.0, turns=5)
    known.answer("d", turn=4)
    known.refuse("b", until=9.0, turns=6)

    assert known.refuse("c", until=9.0, turns=7)


def test_F48_those_who_were_refused_alone_prove_nothing_by_being_refused_again() -> None:
    known = blocks("a", "b", "c", "d")
    for each in "abc":
        known.refuse(each, until=9.0, turns=1)
        known.answer("d", turn=2)

    assert [known.refuse(each, until=99.0, turns=3) for each in "abc"] == [False] * 3


def test_F48_an_account_that_is_gone_is_forgotten() -> None:
    known = blocks("a", "b")
    known.refuse("a", until=9.0, turns=1)
    known.join("a")  # another client of it
    known.leave("a")
    assert known.until("a") == 9.0
    known.leave("a")

    assert known.until("a") is None
    assert known.refuse("b", until=9.0, turns=2)  # the only one there is


class Address:
    """Calls of some accounts through one limiter, on a clock that moves when told."""

    def __init__(self, *callers: str) -> None:
        self.timing = ManualTiming()
        self.limiter = Limiter(LimiterSettings(blocked_probe_s=PROBE_S), self.timing)
        for caller in callers:
            self.limiter.join(caller)

    async def call(self, caller: str, *, refused: bool = False) -> None:
        """Call, and be let in or not."""
        async with self.limiter.turn(Priority.PUSH, caller=caller) as turn:
            await turn.start()
            if not refused:
                turn.answered()
            elif await turn.blocked():
                raise AddressBlocked("blocked")
            else:
                raise AccountBlocked("blocked", retry_in_s=turn.probe_in_s)
        await self.timing.advance(1)


async def test_I11_one_accounts_plain_403_stops_nobody_else() -> None:
    here = Address("a", "b", "c")
    with pytest.raises(AccountBlocked) as caught:
        await here.call("a", refused=True)
    await here.timing.advance(1)
    await here.call("b")

    assert caught.value.retry_in_s == PROBE_S
    with pytest.raises(AccountBlocked) as again:
        await here.call("a")  # nothing is sent before its time
    assert again.value.retry_in_s is not None
    assert again.value.retry_in_s < PROBE_S
    assert (here.limiter.is_open, here.limiter.is_blocked) == (True, False)
    await here.timing.advance(PROBE_S)
    await here.call("a")


async def test_F48_when_all_are_refused_the_probe_goes_through_the_accounts_in_turn() -> None:
    here = Address("a", "b", "c", "d")
    for caller, kind in (("a", AccountBlocked), ("b", AccountBlocked), ("c", AddressBlocked)):
        with pytest.raises(kind):
            await here.call(caller, refused=True)
        await here.timing.advance(1)
    assert here.limiter.is_blocked

    probes: list[str] = []

    async def probe(caller: str) -> None:
        async with here.limiter.turn(Priority.PUSH, caller=caller) as turn:
            await turn.start()
            probes.append(caller)
            await turn.blocked()

    waiting = {each: asyncio.create_task(probe(each)) for each in "abcd"}
    for _ in range(6):
        await here.timing.advance(PROBE_S + 1)
        for caller, task in list(waiting.items()):
            if task.done():
                waiting[caller] = asyncio.create_task(probe(caller))
        await settle()
    for task in waiting.values():
        task.cancel()

    assert probes == list("dabcda")


async def test_F48_whoever_is_let_in_opens_the_address_for_all() -> None:
    here = Address("a", "b")
    for caller in "ab":
        with pytest.raises((AccountStopped, AddressBlocked)):
            await here.call(caller, refused=True)
        await here.timing.advance(1)
    await here.timing.advance(PROBE_S)
    await here.call("a")
    await here.call("b")

    assert not here.limiter.is_blocked


async def test_F48_an_account_that_comes_later_is_tried_at_once() -> None:
    here = Address("a")
    with pytest.raises(AddressBlocked):
        await here.call("a", refused=True)
    await here.timing.advance(1)
    here.limiter.join("b")
    await here.call("b")

    assert not here.limiter.is_blocked


async def test_F48_the_pause_of_a_few_accounts_is_not_noted_for_other_processes() -> None:
    paused: list[float] = []

    class Noted:
        async def take(self, _: int, __: object = None, ___: object = None) -> float:
            return 0.0

        async def pause(self, seconds: float) -> None:
            paused.append(seconds)

    timing = ManualTiming()
    limiter = Limiter(LimiterSettings(), timing, Noted())
    limiter.join("a")
    async with limiter.turn(Priority.PUSH, caller="a") as turn:
        await turn.start()
        assert await turn.blocked()

    assert limiter.is_blocked
    assert paused == []
