"""Accounts that Kommo does not let us into are noted where other processes can read it (F58)."""

from datetime import timedelta
from typing import Any

from services.gateway import app
from services.gateway.settings import GatewaySettings, PushSettings
from services.gateway.stops import Stop, Stops, all_stops, end
from services.kommo.errors import AccountBlocked, AccountStopped
from services.kommo.settings import LimiterSettings
from services.log.postgres import PostgresLogWriter
from services.projector.schema import prepare
from services.sandbox.sample import ACCOUNT_ID
from tests.services.gateway.test_app import ANA, decide
from tests.services.gateway.world import running, world
from tests.support.waiting import until


async def stopped(pool: Any) -> dict[int, int]:
    async with pool.acquire() as connection:
        found = await all_stops(connection)
    return {account_id: stop.status for account_id, stop in found.items()}


async def are(pool: Any, expected: dict[int, int]) -> None:
    async def is_so() -> bool:
        return await stopped(pool) == expected

    await until(is_so)


async def test_F58_an_account_is_noted_while_kommo_refuses_it_and_no_longer(pool: Any) -> None:
    await prepare(pool)
    async with world(3) as here:
        here.sandbox.knobs.turn({"error_next": 1_000_000, "error_status": 402})
        await decide(pool, here.lead_ids)
        work = app.run(
            GatewaySettings(
                limiter=LimiterSettings(rate_per_s=100), push=PushSettings(stopped_s=1.0)
            ),
            pool=pool,
            accounts=here.accounts,
            writer=PostgresLogWriter(pool),
            timing=here.timing,
        )
        async with running(work):
            await are(pool, {ACCOUNT_ID: 402})
            await until(lambda: _waits(pool, ACCOUNT_ID))
            here.sandbox.knobs.turn({"error_next": 0})
            await are(pool, {})
            await until(lambda: all(here.owner(each) == ANA for each in here.lead_ids))


def refusal(status: int, words: str = "") -> AccountStopped:
    return AccountStopped("refused", status=status, detail=words)


async def noted(pool: Any, account_id: int) -> Stop:
    async with pool.acquire() as connection:
        return (await all_stops(connection))[account_id]


async def test_F58_what_stays_is_told_since_when_it_began(pool: Any) -> None:
    async with pool.acquire() as connection:
        assert await all_stops(connection) == {}
    stops = Stops(pool)
    async with running(stops.run()):
        stops.tell(7, refusal(401))
        await are(pool, {7: 401})
        since = (await noted(pool, 7)).since
    again = Stops(pool)  # another process
    async with running(again.run()):
        again.tell(7, refusal(401))
        again.tell(8, refusal(404))  # about one thing, not the account
        again.tell(9, refusal(403))
        await are(pool, {7: 401, 9: 403})
        assert (await noted(pool, 7)).since == since
        async with pool.acquire() as connection:
            await end(connection, 9)
        again.tell(7, None)
        await are(pool, {})


async def test_F48_F58_a_stop_tells_its_cause_kommos_words_and_until_when(pool: Any) -> None:
    stops = Stops(pool)
    async with running(stops.run()):
        stops.tell(6, refusal(402, "Payment Required"))
        stops.tell(7, refusal(403, "No rights"))
        stops.tell(8, AccountBlocked("a plain 403", retry_in_s=300))
        await are(pool, {6: 402, 7: 403, 8: 403})
        unpaid, lacking, blocked = [await noted(pool, each) for each in (6, 7, 8)]
        assert [(each.cause, each.words, each.until) for each in (unpaid, lacking, blocked)] == [
            ("unpaid", "Payment Required", None),
            ("rights", "No rights", None),
            ("blocked", "", None),
        ]

        stops.idle(6, 3_600.0)
        stops.idle(9, 3_600.0)  # nothing stops it
        await until(lambda: _waits(pool, 6))
        idle = await noted(pool, 6)
        assert idle.until is not None
        assert timedelta(minutes=59) < idle.until - idle.since <= timedelta(minutes=61)
        # Another cause is another stop; what waits is tried when it was.
        stops.tell(6, refusal(401, "Unauthorized"))
        await are(pool, {6: 401, 7: 403, 8: 403})
        changed = await noted(pool, 6)
        assert (changed.cause, changed.words) == ("token", "Unauthorized")
        assert changed.since > idle.since


async def _waits(pool: Any, account_id: int) -> bool:
    return (await noted(pool, account_id)).until is not None
