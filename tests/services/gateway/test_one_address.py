"""Two accounts behind one address, each with a real server: what one answers is its own (I11)."""

import contextlib
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from services.sandbox.knobs import Knobs
from tests.services.gateway.world import World, running, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

ANA, BRUNO = 501, 502
PROBE_S = 20.0


@contextlib.asynccontextmanager
async def neighbours(**pace: float) -> AsyncIterator[tuple[World, World]]:
    """Two accounts with a pusher each, behind one limiter."""
    knobs = Knobs(requests_per_second=1_000_000)
    async with (
        world(20, blocked_probe_s=PROBE_S, **pace) as one,
        world(20, limiter=one.limiter, knobs=knobs) as other,
        running(one.pusher(stopped_s=9_999).run()),
        running(other.pusher(stopped_s=9_999).run()),
    ):
        await until(lambda: one.books.readings > 1 and other.books.readings > 1)
        yield one, other


async def is_served(here: World, manager_id: int = ANA, *, attempt: int = 1) -> None:
    here.books.decide(here.lead_ids, manager_id, attempt=attempt)
    await until(here.books.is_settled)


@pytest.mark.parametrize("status", [200, 403])
async def test_F48_one_accounts_page_never_stops_the_other(status: int) -> None:
    async with neighbours() as (one, other):
        one.sandbox.knobs.turn({"page": status})
        one.books.decide(one.lead_ids, ANA)
        await until(lambda: len(one.requests()) == 1)
        for attempt in range(1, 6):
            await is_served(other, (ANA, BRUNO)[attempt % 2], attempt=attempt)

        assert {row.status for row in other.requests()} == {200}
        assert not one.limiter.is_blocked
        assert all(row.state == "pending" for row in one.books.rows.values())

        one.sandbox.knobs.turn({"page": 0})
        await until(one.books.is_settled)
        assert {one.owner(each) for each in one.lead_ids} == {ANA}


async def test_F48_pages_for_all_close_the_address_and_both_probe_it() -> None:
    async with neighbours() as (one, other):
        for each in (one, other):
            each.sandbox.knobs.turn({"page": 403})
            each.books.decide(each.lead_ids, ANA)
        await until(lambda: one.limiter.is_blocked)
        await until(lambda: len(one.requests()) >= 3 and len(other.requests()) >= 3)
        times = sorted(row.monotonic for here in (one, other) for row in here.requests()[1:])
        least_s = min(later - before for before, later in pairwise(times)) * one.timing.scale
        assert least_s > PROBE_S / 2

        other.sandbox.knobs.turn({"page": 0})  # only the second one is let in again
        await until(other.books.is_settled)
        assert not one.limiter.is_blocked
