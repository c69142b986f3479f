"""Explanations, audits and past states of a long history, and what its chain costs.

The history is made by the engine itself: leads come, are decided, held by Kommo, closed. Snapshots
lie along the way as a running installation leaves them. `EVENTS=100000 make bench ONLY=audit` makes
a shorter one.
"""

import os
import time
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from contracts.events import Recorded
from domain.evolve import evolve
from domain.snapshot import REVISION, digest_of, dump
from domain.state import Account
from services.application.audit.account import audit
from services.application.explain import explain_lead
from services.application.installation import Installation
from services.application.state import state
from services.projector.advance import advance
from services.projector.registry import PROJECTIONS
from services.projector.schema import prepare
from services.shared.codec import encode_event
from services.storage.accounts import RegisteredAccount
from services.storage.database import open_pool
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.events import APPEND, EventStore
from services.storage.migrate import known_migrations, migrate
from services.storage.snapshots import Snapshot, SnapshotStore
from tests.bench.figures import Figure, ratio
from tests.bench.whatif import WHO, lived
from tests.domain.scenario import ACCOUNT_ID, NOON
from tests.support.samples import assigned

EVENTS = int(os.environ.get("EVENTS", "1000000"))
EVENTS_PER_LEAD = 5
APPENDED = 10_000  # also from one snapshot that is kept to the next
PROJECTED = 500
# Those that an explanation asks.
ASKED = ("decisions", "requests", "response")
COLD, WARM, STATES = 5, 50, 10
CHAIN_RUNS = 5
DECISIONS = 600


async def measure_audit(folder: Path) -> list[Figure]:
    """Everything on one history."""
    nothing: Any = None
    async with EmbeddedDatabase(folder / "data") as database:
        pool = await open_pool(database.dsn, size_max=8)
        async with pool.acquire() as connection:
            await migrate(connection)
        await prepare(pool)
        chain = await _chain(pool)
        events, made_s = await _history(pool)

        def installed(pool_: Any) -> Installation:
            return Installation(
                data=folder,
                database=None,
                pool=pool_,
                wakeup=nothing,
                events=EventStore(pool_),
                accounts=nothing,
                dead_letters=nothing,
                log=nothing,
            )

        try:
            here, random = installed(pool), Random(14)
            leads = [random.randint(1, events // EVENTS_PER_LEAD) for _ in range(COLD + WARM)]
            cold = []
            for lead in leads[:COLD]:
                fresh = await open_pool(database.dsn)
                cold.append(await _explained(installed(fresh), lead))
                await fresh.close()
            warm = [await _explained(here, lead) for lead in leads[COLD:]]
            states = []
            for _ in range(STATES):
                started = time.perf_counter()
                await state(here, ACCOUNT, WHO, str(random.randint(1, events)))
                states.append(time.perf_counter() - started)
            started, began = time.process_time(), time.perf_counter()
            audited = await audit(here, ACCOUNT, WHO)
            spent, took = time.process_time() - started, time.perf_counter() - began
        finally:
            await pool.close()
    assert audited.fault is None
    assert audited.events == events
    of = f"{events:,} events"
    return [
        chain,
        Figure(f"audit: {of} made, chained, stored, with snapshots", [events / made_s], "per s"),
        Figure(f"audit: an explanation, new connection, {of}", [s * 1e3 for s in cold], "ms"),
        Figure(f"audit: an explanation in a running process, {of}", [s * 1e3 for s in warm], "ms"),
        Figure(f"audit: a state at any version, {of}", states, "s"),
        Figure(
            f"audit: replayed, {audited.decisions:,} decisions taken again, of one core",
            [events / spent],
            "per s CPU",
        ),
        Figure("audit: the same, the database's part included", [events / took], "per s"),
    ]


ACCOUNT = RegisteredAccount(
    account_id=ACCOUNT_ID,
    subdomain="bench",
    base_url="",
    timezone="UTC",
    directory={},
    connected_at=NOON,
    updated_at=NOON,
)


async def _explained(installation: Installation, lead: int) -> float:
    started = time.perf_counter()
    story = await explain_lead(installation, ACCOUNT, WHO, lead)
    took = time.perf_counter() - started
    assert any(part.is_reproduced and part.in_kommo_at for part in story)
    return took


async def _history(pool: Any) -> tuple[int, float]:
    """Make it; how many events, and the seconds of making, storing and keeping snapshots."""
    store, snapshots, account = EventStore(pool), SnapshotStore(pool), Account(ACCOUNT_ID)
    log, took = lived(EVENTS // EVENTS_PER_LEAD), 0.0
    projected = [each for each in PROJECTIONS if each.NAME in ASKED]
    while True:
        started = time.perf_counter()
        some = list(islice(log, APPENDED))
        if not some:
            return account.version, took
        await store.append(
            some, consumer="bench", source="bench", position=account.version + len(some)
        )
        for recorded in some:
            evolve(account, recorded.event)
        written = dump(account)
        await snapshots.save(
            Snapshot(
                account_id=ACCOUNT_ID,
                version=account.version,
                revision=REVISION,
                digest=digest_of(written),
                state=written,
            )
        )
        took += time.perf_counter() - started
        await _project(pool, projected, some)


async def _project(pool: Any, projected: Any, some: list[Recorded]) -> None:
    async with pool.acquire() as connection:
        for projection in projected:
            for start in range(0, len(some), PROJECTED):
                await advance(
                    connection,
                    projection,
                    schema=projection.NAME,
                    account_id=ACCOUNT_ID,
                    events=some[start : start + PROJECTED],
                )


async def _chain(pool: Any) -> Figure:
    """An append of decisions as it is, and as it was before there was a chain, in turn."""
    first = known_migrations()[0].sql
    before = first[first.index("CREATE FUNCTION append_events_v1") :]
    await pool.execute(before.replace("append_events_v1", "append_unchained"))
    ours, theirs = [], []
    for number in range(1, 1 + CHAIN_RUNS):
        theirs.append(await _append(pool, "append_unchained", account_id=10 + 2 * number))
        ours.append(await _append(pool, "append_events_v1", account_id=11 + 2 * number))
    name = f"audit: {DECISIONS} decisions appended with their links / without"
    return ratio(name, ours, theirs)


async def _append(pool: Any, function: str, *, account_id: int) -> float:
    name, written = encode_event(assigned(account_id, 1))
    versions, took = list(range(1, DECISIONS + 1)), []
    for batch in range(CHAIN_RUNS):
        at = [batch * DECISIONS + version for version in versions]
        started = time.perf_counter()
        await pool.execute(
            APPEND.replace("append_events_v2", function),
            "bench",
            f"chain/{account_id}",
            batch + 1,
            [account_id] * DECISIONS,
            at,
            [name] * DECISIONS,
            [written] * DECISIONS,
            [str(version) for version in at],
            *([],) * 7,
        )
        took.append(time.perf_counter() - started)
    return sorted(took)[CHAIN_RUNS // 2]
