"""What another account notices while one gives out a backlog of 50,000 leads at its opening."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.events import TimerScheduled
from contracts.inbound import TimerDue
from domain.requests.queue import SERVED_PER_STEP_MAX
from services.allocator.accounts import Stores
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.log.postgres import PostgresLogReader, PostgresLogWriter
from services.shared.codec import decode_event, originator_id
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from services.storage.wakeup import Bell
from tests.bench.database import bench_pool
from tests.bench.figures import Figure
from tests.bench.large_account import NIGHT, NOON, described, entry, store, tell, trigger
from tests.support.vault import seal

BACKLOG = 50_000
OPENING, OTHER = 1, 2
LEADS_ALONE = 200
LEAD_EVERY_S = 0.02
WAIT_MAX_S = 60.0
TIMERS = """
SELECT originator_version, topic, state FROM account_events
WHERE originator_id = $1 AND originator_version > $2 AND topic = 'timer.scheduled'
ORDER BY originator_version
"""
GIVEN_OUT = """
SELECT count(*) FROM account_events WHERE originator_id = $1 AND topic = 'lead.assigned'
"""


async def measure_release(folder: Path) -> list[Figure]:
    """A lead of the other account from the log to its stored decision, alone and meanwhile."""
    async with bench_pool(folder) as pool:
        opening = described()
        for lead_id in range(BACKLOG):
            tell(opening, trigger(lead_id), NIGHT)
        snapshots = SnapshotStore(pool)
        looks = [
            TimerDue(timer_id=timer_id, generation=timer.generation)
            for timer_id, timer in opening.timers.items()
        ]
        await store(snapshots, opening, OPENING)
        await store(snapshots, described(), OTHER)
        engine = _Engine(pool)
        working = [asyncio.create_task(engine.decide()), asyncio.create_task(engine.wake())]
        try:
            await engine.publish_due([TimerDue(timer_id="none", generation=1)], NIGHT)  # loads it
            await engine.decided_in_s()
            alone = [await engine.decided_in_s() for _ in range(LEADS_ALONE)]
            started = time.perf_counter()
            await engine.publish_due(looks)
            meanwhile: list[float] = []
            while await pool.fetchval(GIVEN_OUT, originator_id(OPENING)) < BACKLOG:
                meanwhile.append(await engine.decided_in_s())
            took_s = time.perf_counter() - started
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
    name = f"release of {BACKLOG:,} leads"
    return [
        Figure(f"{name}, at most {SERVED_PER_STEP_MAX} a message, with storage", [took_s], "s"),
        Figure(f"{name}: another account's lead is decided meanwhile in", _ms(meanwhile), "ms"),
        Figure(f"{name}: the same before it", _ms(alone), "ms"),
    ]


def _ms(seconds: list[float]) -> list[float]:
    return [each * 1_000 for each in seconds]


@dataclass
class _Engine:
    """An allocator, and a clock that is quicker than the real one: it reads the events itself."""

    pool: Any
    other_leads: int = 0
    messages: int = 0
    stored: list[Bell] = field(default_factory=lambda: [Bell(), Bell()])

    async def decide(self) -> None:
        """Work until cancelled."""
        allocator = Allocator(
            PostgresLogReader(self.pool, CONSUMER),
            Stores(EventStore(self.pool), SnapshotStore(self.pool)),
            AllocatorSettings(batch_wait_ms=1),
            on_stored=lambda: [bell.ring() for bell in self.stored],
            seal=seal,
        )
        await allocator.run()

    async def wake(self) -> None:
        """Send the timers of the opening account as they are set, until cancelled."""
        version = 0
        while True:
            await self.stored[0].wait(WAIT_MAX_S)
            rows = await self.pool.fetch(TIMERS, originator_id(OPENING), version)
            due: list[TimerDue] = []
            for version, topic, state in rows:
                event = decode_event(OPENING, version, topic, state).event
                assert isinstance(event, TimerScheduled)
                if event.due_at is not None and event.due_at <= NOON:
                    due.append(TimerDue(timer_id=event.timer_id, generation=event.generation))
            await self.publish_due(due)

    async def publish_due(self, due: list[TimerDue], at: datetime = NOON) -> None:
        """Tell the opening account that these timers came due."""
        entries = [entry(OPENING, f"t{self.messages + n}", each, at) for n, each in enumerate(due)]
        self.messages += len(due)
        await PostgresLogWriter(self.pool).publish(entries)

    async def decided_in_s(self) -> float:
        """From the publishing of the other account's next lead until its decision is stored."""
        await asyncio.sleep(LEAD_EVERY_S)
        events, before = EventStore(self.pool), await EventStore(self.pool).head(OTHER)
        self.other_leads += 1
        at = NOON + timedelta(milliseconds=self.other_leads)
        started = time.perf_counter()
        lead = entry(OTHER, f"d{self.other_leads}", trigger(self.other_leads), at)
        await PostgresLogWriter(self.pool).publish([lead])
        while await events.head(OTHER) == before:
            await self.stored[1].wait(WAIT_MAX_S)
        return time.perf_counter() - started
