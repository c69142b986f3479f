"""A history is collected at a moment when everything that Kommo was told yes to has come in."""

import asyncio
from typing import Any

from contracts.inbound import Inbound
from services.codec import encode_inbound
from services.history.check import check
from services.history.collect import collect
from services.log.port import Entry
from services.log.postgres import PostgresLogWriter, source_of
from services.projector.schema import prepare
from tests.domain.scenario import ACCOUNT_ID, NOON, touch


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
    collecting = asyncio.create_task(collect(pool, ACCOUNT_ID, kommo))
    await kommo.asked.wait()
    await come_in(pool)

    assert check(await collecting) == []


async def test_F15_a_hook_that_never_comes_in_is_lost(pool: Any) -> None:
    await prepare(pool)

    history = await collect(pool, ACCOUNT_ID, OneHook(), drained_within_s=0.0)

    assert [violation.invariant for violation in check(history)] == ["I1"]
