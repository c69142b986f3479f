"""Allocators as processes over a real broker and database, under load, and what they decided."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from contracts.events import LeadAssigned, Recorded
from contracts.inbound import Inbound, InboundBody
from services.allocator.accounts import Stores
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.demo.local_cluster import as_environment
from services.history.check import check
from services.history.record import History
from services.log.kafka import KafkaSettings, partition_of, source_of
from services.log.kafka_ends import ends
from services.log.kafka_reader import KafkaLogReader
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import Entry, LogWriter
from services.log.topics import apply
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from services.storage.database import borrow
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from tests.domain.scenario import ANN, BOB, BOSS, CEM, NOON, dp, rule, rules, users
from tests.support.campaign import Tally
from tests.support.kafka import PARTITIONS, topic_of
from tests.support.vault import seal
from tests.support.waiting import lasting, until

ROOT = Path(__file__).parents[2]
# Two in each partition.
ACCOUNTS = tuple(
    account
    for partition in range(PARTITIONS)
    for account in [n for n in range(1, 100) if partition_of(n, PARTITIONS) == partition][:2]
)
# More of them are under way when something happens.
SMALL_BATCHES = {
    "FAIRLEAD_ALLOCATOR_BATCH_SIZE_MAX": "20",
    "FAIRLEAD_ALLOCATOR_RETRY_PAUSE_MAX_S": "1",
}
MODULE = "tests.support.allocator_process"
REPEATED = 0.2
AT_ONCE = 10
WITHIN_S = 120.0
LAST_WORDS = 4_000
COUNT_DECISIONS = "SELECT count(*) FROM account_events WHERE topic = 'lead.assigned'"


@dataclass(frozen=True, slots=True)
class Member:
    """One allocator; whoever started it ends it."""

    process: asyncio.subprocess.Process
    log_file: Path

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    def last_words(self) -> str | None:
        """What it said before it ended; None while it is alive."""
        return None if self.is_alive else self.log_file.read_text(errors="replace")[-LAST_WORDS:]

    def freeze(self) -> None:
        self._tell(signal.SIGSTOP)

    def thaw(self) -> None:
        self._tell(signal.SIGCONT)

    async def kill(self) -> None:
        self._tell(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """In order; its exit status."""
        self._tell(signal.SIGTERM)
        async with asyncio.timeout(WITHIN_S):
            return await self.process.wait()

    def count(self, event: str) -> int:
        """How often it logged the event."""
        return self.log_file.read_text(errors="replace").count(f'"event": "{event}"')

    def _tell(self, number: signal.Signals) -> None:
        if self.is_alive:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


@dataclass(slots=True)
class Engine:
    """The log, the database, the members, and what was accepted so far.

    Attributes:
        chance: Of this round of the test; decides on repeats and instants.
        environment: Of the members, beside where Kafka is.
        repeated: Which part of the requests is told twice.
        told: Account to its accepted leads in order; numbered from 1.
    """

    settings: KafkaSettings
    topic: str
    dsn: str
    pool: Any
    folder: Path
    chance: random.Random
    environment: Mapping[str, str] = field(default_factory=lambda: SMALL_BATCHES)
    repeated: float = REPEATED
    told: dict[int, int] = field(default_factory=lambda: dict.fromkeys(ACCOUNTS, 0))
    members: list[Member] = field(default_factory=list)
    failures: int = 0
    _wanted: dict[int, int] = field(default_factory=lambda: dict.fromkeys(ACCOUNTS, 0))
    _opened: set[int] = field(default_factory=set)

    async def start(self, *, group: str | None = None, module: str = MODULE) -> Member:
        """One allocator more; of another release, if its module is another one."""
        log_file = self.folder / f"allocator-{len(self.members) + 1}.log"
        own_group = [] if group is None else [group]
        kafka = as_environment(self.settings)
        with log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module),
                *(self.dsn, self.topic, *own_group),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **kafka, **self.environment},
            )
        member = Member(process, log_file)
        self.members.append(member)
        return member

    async def open(self) -> None:
        """Describe every account, with a rule for three managers."""
        await self.tell(0)

    async def tell(self, leads: int, *, pause_s: float = 0.0) -> None:
        """So many requests more over all accounts, a fifth of them twice; until acknowledged.

        What failed is sent again in order, as the spool of ingress does.
        """
        for number in range(leads):
            self._wanted[ACCOUNTS[number % len(ACCOUNTS)]] += 1
        async with (
            KafkaLogWriter(self.settings, self.topic) as writer,
            asyncio.TaskGroup() as group,
        ):
            for account in ACCOUNTS:
                group.create_task(self._tell(writer, account, pause_s))

    async def decided(self, leads: int) -> None:
        """Wait until somebody was chosen for so many."""
        await until(lambda: self._has_decided(leads), within_s=WITHIN_S, every_s=0.02)

    async def everything_decided(self) -> None:
        """Wait until the log is taken in to its end, repeats included."""
        await until(self.has_read_all, within_s=WITHIN_S)

    async def has_read_all(self) -> bool:
        """Whether the log is taken in to its end."""
        with suppress(Unavailable):
            wanted = {
                source_of(self.topic, partition): end
                for partition, end in (await ends(self.settings, self.topic)).items()
                if end
            }
            found = await EventStore(self.pool).positions(CONSUMER, list(wanted))
            return found == wanted
        return False

    async def tally(self) -> Tally:
        """Compare what was accepted with what was decided.

        Raises:
            AssertionError: An account's leads were decided out of order, or its history breaks
                a promise that its events alone can break.
        """
        lost = twice = decided = 0
        for account, told in self.told.items():
            assigned = await self.decided_leads(account)
            leads = Counter(assigned)
            lost += len(set(range(1, told + 1)) - set(leads))
            twice += sum(count > 1 for count in leads.values())
            decided += len(leads)
            assert assigned == sorted(assigned)
            events = tuple(await self.events(account))
            # Nobody sets in Kommo what was decided here, so the end is not yet reached.
            broken = check(History(account_id=account, events=events, is_settled=False))
            assert not broken, broken[:3]
        return Tally(accepted=sum(self.told.values()), decided=decided, lost=lost, twice=twice)

    async def decided_leads(self, account: int) -> list[int]:
        """The account's leads in the order in which somebody was chosen for them."""
        events = [recorded.event for recorded in await self.events(account)]
        return [event.lead_id for event in events if isinstance(event, LeadAssigned)]

    async def events(self, account: int) -> list[Recorded]:
        """The account's whole log."""
        found: list[Recorded] = []
        while page := await EventStore(self.pool).stream(account, len(found), 5_000):
            found.extend(page)
        return found

    async def _tell(self, writer: LogWriter, account: int, pause_s: float) -> None:
        waiting = self._messages(account)
        while waiting:
            part = waiting[:AT_ONCE]
            outcomes = await asyncio.gather(
                *(writer.publish([entry]) for _, entry in part), return_exceptions=True
            )
            for (lead, _), outcome in zip(part, outcomes, strict=True):
                if isinstance(outcome, Unavailable):
                    self.failures += 1
                    await lasting(0.05)
                    break
                assert outcome is None, outcome
                self.told[account] = max(self.told[account], lead)
                del waiting[0]
            await lasting(pause_s)

    def _messages(self, account: int) -> list[tuple[int, Entry]]:
        first, last = self.told[account] + 1, self._wanted[account]
        bodies: list[tuple[int, str, InboundBody]] = []
        if account not in self._opened:
            self._opened.add(account)
            described = users(ANN, BOB, CEM, BOSS)
            bodies += [(0, "users", described), (0, "rules", rules(rule(ANN, BOB, CEM)))]
        for lead in range(first, last + 1):
            bodies.append((lead, f"lead-{lead}", dp(lead)))
            if self.chance.random() < self.repeated:
                bodies.append((lead, f"lead-{lead}", dp(lead)))
        return [
            (lead, Entry(account, encode_inbound(_message(account, name, lead, body))))
            for lead, name, body in bodies
        ]

    async def _has_decided(self, leads: int) -> bool:
        with suppress(Unavailable):
            async with borrow(self.pool) as connection:
                return bool(await connection.fetchval(COUNT_DECISIONS) >= leads)
        return False


@asynccontextmanager
async def an_engine(
    settings: KafkaSettings, dsn: str, pool: Any, folder: Path, chance: random.Random
) -> AsyncIterator[Engine]:
    """An engine on a topic of its own; its members are ended with it."""
    topic = f"engine-{uuid4().hex}"
    await apply(settings, [topic_of(topic, settings)])
    engine = Engine(settings, topic, dsn, pool, folder, chance)
    try:
        yield engine
    except BaseException:
        for member in engine.members:
            sys.stderr.write(member.log_file.read_text(errors="replace")[-3_000:])
        raise
    finally:
        for member in engine.members:
            await member.kill()


@asynccontextmanager
async def allocating(engine: Engine, **knobs: Any) -> AsyncIterator[KafkaLogReader]:
    """One allocator in this process; its reader, made with these knobs."""
    stores = Stores(EventStore(engine.pool), SnapshotStore(engine.pool))
    settings = AllocatorSettings(batch_wait_ms=100)
    async with KafkaLogReader(
        engine.settings, engine.topic, engine.pool, CONSUMER, **knobs
    ) as reader:
        allocator = Allocator(reader, stores, settings, on_stored=lambda: None, seal=seal)
        running = asyncio.create_task(allocator.run())
        yield reader
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _message(account: int, name: str, lead: int, body: InboundBody) -> Inbound:
    at = NOON + timedelta(seconds=lead)
    return Inbound(account_id=account, message_id=f"{account}/{name}", at=at, body=body)
