"""PostgreSQL refuses work with a code that says: try again (F40, F43, F44)."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from contracts.events import LeadAssigned
from services.log.port import Entry
from services.log.postgres import PostgresLogWriter
from services.projector.compare import compare
from services.projector.registry import PROJECTIONS
from services.projector.run import Options, Projector, lag
from services.projector.schema import prepare
from services.shared.errors import Unavailable
from services.storage.events import EventStore
from tests.domain.scenario import dp
from tests.projections.history import story
from tests.services.allocator.kit import ACCOUNT, Desk
from tests.support.waiting import lasting, until

# serialization failure, deadlock, lock not available, disk full, too many connections, cancelled,
# shutdown, read-only after a fail-over, input or output error.
CODES = ["40001", "40P01", "55P03", "53100", "53300", "57014", "57P01", "25006", "58030"]
FAILURES = 3
LOGGED = "SELECT count(*) FROM inbound_log"
# Numbers of a sequence are not given back when a transaction fails.
FAIL = """
CREATE SEQUENCE failures;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.failures') <= {failures} THEN
        RAISE EXCEPTION SQLSTATE '{code}' USING MESSAGE = 'as told';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fail AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail();
"""


def each_code_in(table: str, *others: str) -> pytest.MarkDecorator:
    """Every code in one table, and a deadlock in the others."""
    cases = [(table, code) for code in CODES] + [(other, "40P01") for other in others]
    return pytest.mark.parametrize(("table", "code"), cases)


async def let_fail(pool: Any, table: str, code: str) -> None:
    await pool.execute(FAIL.format(table=table, code=code, failures=FAILURES))


async def tries(pool: Any) -> int:
    found: int = await pool.fetchval("SELECT last_value FROM failures")
    return found


async def work_until(work: Coroutine[Any, Any, None], condition: Any) -> None:
    working = asyncio.create_task(work)
    try:
        await until(condition, every_s=0.02)
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


@each_code_in("account_events", "account_heads", "positions")
async def test_F40_the_allocator_decides_again_and_once(pool: Any, code: str, table: str) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*(dp(lead_id) for lead_id in range(1, 6)))
    await let_fail(pool, table, code)

    await work_until(desk.allocator().run(), desk.has_taken_in)

    events = [recorded.event for recorded in await desk.log()]
    decided = [event.lead_id for event in events if isinstance(event, LeadAssigned)]
    assert sorted(decided) == [1, 2, 3, 4, 5]
    assert await desk.letters() == []
    assert await tries(pool) > FAILURES


@each_code_in("requests.requests", "timers.timers", "loads.positions")
async def test_F40_the_projector_goes_on_with_nothing_missing(
    pool: Any, code: str, table: str
) -> None:
    log = story(seed=6, messages=60).log
    store = EventStore(pool)
    await store.append(log, consumer="test", source="inbound", position=1)
    await prepare(pool)
    await let_fail(pool, table, code)
    projector = Projector(
        pool, store, wait=lambda _: lasting(0.01), options=Options(retry_s_max=0.05)
    )

    async def is_done() -> bool:
        return set((await lag(pool, store)).values()) == {0}

    await work_until(projector.run(), is_done)

    assert await tries(pool) > FAILURES
    for projection in PROJECTIONS:
        assert await compare(pool, store, projection) == [], projection.NAME


@each_code_in("inbound_log", "inbound_heads")
async def test_F40_what_the_log_refused_was_not_written_and_can_be_told_again(
    pool: Any, code: str, table: str
) -> None:
    await let_fail(pool, table, code)
    writer, entry = PostgresLogWriter(pool), Entry(ACCOUNT, b"{}")

    for _ in range(FAILURES):
        with pytest.raises(Unavailable, match=f"\\({code}\\)"):
            await writer.publish([entry])
    assert await pool.fetchval(LOGGED) == 0
    await writer.publish([entry])

    assert await pool.fetchval(LOGGED) == 1


async def test_F43_commits_that_take_long_are_waited_for(pool: Any) -> None:
    """A slow disk makes batches grow, and times nothing out."""
    await pool.execute(SLOW)
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*(dp(lead_id) for lead_id in range(1, 201)))

    await work_until(desk.allocator().run(), desk.has_taken_in)

    events = [recorded.event for recorded in await desk.log()]
    decided = [event.lead_id for event in events if isinstance(event, LeadAssigned)]
    assert sorted(decided) == list(range(1, 201))


# Each transaction that writes events takes 50 ms longer, at its end as a slow disk would have it.
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow AFTER INSERT OR UPDATE ON account_heads
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();
"""
