"""Two releases side by side under load, as processes of one group: an upgrade in two halves."""

import asyncio
from collections import Counter
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from services.log.kafka import partition_of
from services.projector import schema
from services.projector.compare import compare
from services.projector.registry import PROJECTIONS
from services.projector.run import Projector
from services.shared import codec
from services.storage.events import EventStore
from tests.support.engine import ACCOUNTS, WITHIN_S, Engine
from tests.support.kafka import PARTITIONS
from tests.support.newer_release import NAME, teach
from tests.support.waiting import lasting, until

pytestmark = pytest.mark.fault

NEWER = "tests.support.newer_release"
STARS = 20
EVENTS = """
SELECT originator_version AS version, topic, state FROM account_events
WHERE originator_id = $1 ORDER BY originator_version
"""
COUNT = "SELECT count(*) FROM account_events WHERE topic = $1"


async def test_F80_an_older_release_stops_where_it_cannot_read_and_nothing_is_lost_or_twice(
    engine: Engine, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = await engine.start()
    await engine.tell(80)
    await engine.decided(80)
    newer = await engine.start(module=NEWER)  # the upgrade begins; they share the partitions
    async with asyncio.timeout(WITHIN_S):
        while await pool.fetchval(COUNT, NAME) < STARS:
            await engine.tell(len(ACCOUNTS))
            await lasting(0.2)
    await newer.kill()  # and is interrupted
    starred = await accounts_with_stars(pool)
    before = {account: await versions(pool, account) for account in starred}
    await engine.tell(80)
    await until(lambda: says(older, "source_stopped"), within_s=WITHIN_S)
    unread = {partition_of(account, PARTITIONS) for account in starred}
    others = [a for a in ACCOUNTS if partition_of(a, PARTITIONS) not in unread]
    await engine.tell(100)
    await until(lambda: all_decided(engine, pool, others), within_s=WITHIN_S)

    assert older.is_alive
    assert older.count("events_unreadable") > 0
    assert (len(starred) > 0, len(others) > 0) == (True, True)
    assert before == {account: await versions(pool, account) for account in starred}
    await projectors_of_both_releases(pool, monkeypatch, starred, others)

    await engine.start(module=NEWER)  # the upgrade goes on, and is finished
    assert await older.stop() == 0
    await engine.everything_decided()
    assert await all_decided(engine, pool, ACCOUNTS)
    for account in ACCOUNTS:
        rows = await pool.fetch(EVENTS, f"account-{account}")
        assert [row["version"] for row in rows] == [*range(1, len(rows) + 1)]
        leads = [lead_of(row["state"]) for row in rows if row["topic"] == "lead.assigned"]
        assert leads == sorted(leads)
        assert {*Counter(leads).values()} == {1}


async def projectors_of_both_releases(
    pool: Any, monkeypatch: pytest.MonkeyPatch, starred: list[int], others: list[int]
) -> None:
    """The older one keeps the others' tables and waits; the newer one goes on from there."""
    store = EventStore(pool)
    await schema.prepare(pool)
    older = Projector(pool, store, wait=asyncio.sleep)
    with capture_logs() as said:
        while await older.catch_up():
            pass
    heads, reached = await store.heads(), await schema.positions(pool, "loads")
    assert {account: reached[account] for account in others} == {a: heads[a] for a in others}
    assert all(reached.get(account, 0) < heads[account] for account in starred)
    stopped = {line["account_id"] for line in said if line["event"] == "projection_stopped"}
    assert stopped == {*starred}
    with monkeypatch.context() as taught:
        teach(taught.setitem, taught.setattr)
        newer = Projector(pool, store, wait=asyncio.sleep)
        while await newer.catch_up():
            pass
        for projection in PROJECTIONS:
            assert await schema.positions(pool, projection.NAME) == heads
        assert await compare(pool, store, PROJECTIONS[0]) == []
    assert NAME not in codec.EVENT_VERSIONS


async def says(member: Any, event: str) -> bool:
    return bool(member.count(event))


async def accounts_with_stars(pool: Any) -> list[int]:
    rows = await pool.fetch(
        "SELECT DISTINCT originator_id FROM account_events WHERE topic = $1", NAME
    )
    return sorted(int(row[0].removeprefix(codec.ACCOUNT_PREFIX)) for row in rows)


async def versions(pool: Any, account: int) -> int:
    return len(await pool.fetch(EVENTS, f"account-{account}"))


async def all_decided(engine: Engine, pool: Any, accounts: Any) -> bool:
    """Whether every lead that was told of these accounts has a decision."""
    for account in accounts:
        rows = await pool.fetch(EVENTS, f"account-{account}")
        leads = {lead_of(row["state"]) for row in rows if row["topic"] == "lead.assigned"}
        if leads != {*range(1, engine.told[account] + 1)}:
            return False
    return True


def lead_of(state: bytes) -> int:
    found: int = orjson.loads(state)["data"]["lead_id"]
    return found
