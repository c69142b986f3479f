"""A history is collected at a moment when everything that Kommo was told yes to has come in."""

import asyncio
from typing import Any

import pytest

from contracts.inbound import Inbound
from services.history.check import check
from services.history.collect import collect
from services.history.our_side import _events
from services.history.record import History
from services.log.port import Entry
from services.log.postgres import PostgresLogWriter, source_of
from services.projector.schema import prepare
from services.shared.codec import encode_inbound
from services.storage.chain import Broken
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from tests.domain.scenario import ACCOUNT_ID, NOON, touch
from tests.services.storage.conformance import append
from tests.support.samples import looked_up
from tests.support.vault import VAULT


class OneHook:
    """A local Kommo that was told yes to one webhook, and has had that heard by `asked`."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def get(self, path: str, **_: str | int) -> dict[str, Any]:
        return {"/triggers": {"triggers": []}, "/leads": {"leads": []}}[path]

    async def rows(self, journal: str, **_: str | int) -> list[dict[str, Any]]:
        self.asked.set()
        row = {"hook": "webhook:1", "lead_ids": [7], "status": 200, "at": NOON.timestamp()}
        return [row] if journal == "deliveries" else []


async def come_in(pool: Any) -> None:
    """The hook leaves the spool, and is decided: it changes nothing."""
    message = Inbound(account_id=ACCOUNT_ID, message_id="m", at=NOON, body=touch(lead=7))
    await PostgresLogWriter(pool).publish([Entry(ACCOUNT_ID, encode_inbound(message))])
    await pool.execute(
        "INSERT INTO positions (consumer, source, position) VALUES ('allocator', $1, 1)",
        source_of(ACCOUNT_ID),
    )


async def test_F15_a_hook_that_is_still_in_the_spool_is_waited_for(pool: Any) -> None:
    await prepare(pool)
    kommo = OneHook()
    collecting = asyncio.create_task(
        collect(pool, ACCOUNT_ID, kommo, letters=DeadLetters(pool, VAULT))
    )
    await kommo.asked.wait()
    await come_in(pool)

    history = await collecting
    assert check(history) == []
    # What really runs is slower than what is simulated.
    assert history.under_way > History(account_id=ACCOUNT_ID, events=()).under_way


async def test_S23_an_event_that_was_altered_is_no_history(pool: Any) -> None:
    await prepare(pool)
    await append(EventStore(pool), looked_up(ACCOUNT_ID, 1), looked_up(ACCOUNT_ID, 2), position=1)
    await pool.execute("UPDATE account_events SET topic = 'x' WHERE originator_version = 2")

    async with pool.acquire() as connection:
        with pytest.raises(Broken, match="event 2: event_altered"):
            await _events(connection, ACCOUNT_ID)
        await pool.execute(
            "UPDATE account_events SET topic = 'lookup.requested' WHERE originator_version = 2"
        )
        assert [recorded.version for recorded in await _events(connection, ACCOUNT_ID)] == [1, 2]


async def test_F15_a_hook_that_never_comes_in_is_lost(pool: Any) -> None:
    await prepare(pool)

    letters = DeadLetters(pool, VAULT)
    history = await collect(pool, ACCOUNT_ID, OneHook(), letters=letters, drained_within_s=0.0)

    assert [violation.invariant for violation in check(history)] == ["I1"]
