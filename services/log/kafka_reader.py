"""The inbound log on Apache Kafka: one reader of a group, a source per partition it was given.

aiokafka's consumer rather than the framework's subscriber: the roles pull (`read`, `rewind`),
because a batch ends with the transaction that stores its position, while a subscriber pushes and
acknowledges to Kafka. Our positions win over the group's (F22): a partition that is assigned is
held back until its position was read from the database and found within the log, and what is
committed to Kafka is a copy for lag monitors, nothing more.

A position is the offset of the next message, so that 0 means "nothing yet", as in every log of
ours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from services.log.kafka import (
    MESSAGE_BYTES_MAX,
    KafkaSettings,
    TopicRefused,
    account_of,
    partition_of,
    refuse_other_partitions,
    source_of,
)
from services.log.kafka_closing import close_in_time
from services.log.kafka_gaps import advice, gap_at
from services.log.kafka_security import reached
from services.log.port import Batch, Record
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
from services.storage.events import EventStore

log = structlog.get_logger(__name__)

AWAY = (KafkaError, OSError, TimeoutError)
HEARTBEATS_PER_SESSION = 5
METADATA_AGE_MS = 60_000
PARTITION_BYTES_MAX = MESSAGE_BYTES_MAX
FETCH_BYTES_MAX = 16 * MESSAGE_BYTES_MAX


@dataclass(slots=True)
class _Source:
    """A partition we were given.

    Attributes:
        next_offset: Of what is handed out next; None until read from the database.
        stopped: Why nothing is handed out of it, for a person.
        look_again_at: When a stopped or doubtful one is looked at again; loop time.
        behind_since: Since when the log has seemed to end before our position.
    """

    next_offset: int | None = None
    stopped: str | None = None
    look_again_at: float = 0.0
    behind_since: float | None = None


@dataclass(slots=True)
class KafkaLogReader:
    """One member of the group that shares a topic's partitions.

    Connects at the first read and connects again after a failure. Close it: `async with`.

    Attributes:
        consumer: Whose positions say where to begin; also the name of the group.
        poll_s: How long a partition newly assigned waits for its turn while nothing comes.
        release_within_s: How long the others wait for a batch under way when partitions move.
        behind_for_s: After a change of leader a log seems shorter for a moment; only what lasts
            longer is believed.
        look_again_s: How often a stopped partition is looked at again.
        report_every_s: How often the positions are copied to Kafka, for lag monitors.
        on_gap: Told the partition and our position before a partition is stopped for a gap, so
            that what is missing is looked for elsewhere (F22); told again if it fails.
    """

    settings: KafkaSettings
    topic: str
    pool: asyncpg.Pool
    consumer: str
    poll_s: float = 0.2
    release_within_s: float = 2.0
    behind_for_s: float = 5.0
    look_again_s: float = 30.0
    report_every_s: float = 5.0
    on_gap: Callable[[int, int], Awaitable[None]] | None = None
    _client: Any = field(default=None, repr=False)
    _held: dict[TopicPartition, _Source] = field(default_factory=dict, repr=False)
    _joining: "asyncio.Task[None] | None" = field(default=None, repr=False)
    _refused: TopicRefused | None = field(default=None, repr=False)
    _is_idle: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _report_at: float = field(default=0.0, repr=False)

    @property
    def stopped(self) -> dict[str, str]:
        """Sources that need a person, and why (F22); the others go on."""
        return {
            self._source_of(place): source.stopped
            for place, source in sorted(self._held.items())
            if source.stopped is not None
        }

    @property
    def sources(self) -> list[str]:
        """The sources this reader was given."""
        return [self._source_of(place) for place in sorted(self._held)]

    def owns(self, account_id: int) -> bool:
        """Whether the account's partition is one that this reader was given."""
        partition = partition_of(account_id, self.settings.partitions)
        return TopicPartition(self.topic, partition) in self._held

    async def read(self, *, limit: int, wait_s: float) -> list[Batch]:
        """The next batches, at most one per partition and `limit` records each.

        Joins the group at the first call, which may take longer than `wait_s`.

        Raises:
            services.shared.errors.Unavailable: Kafka or the database does not answer; call again
            later.
            TopicRefused: The topic is missing, or divided otherwise than the settings say (F23).
        """
        self._is_idle.set()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            client = await self._joined()
            try:
                await self._settle(client)
                await self._report(client)
                left_s = max(deadline - loop.time(), 0.0)
                batches = await self._take(client, limit, min(left_s, self.poll_s))
            except AWAY as error:
                await self.close()
                raise Unavailable(f"Kafka at {self.settings.servers}: {error!r}") from error
            except Exception:
                await self.close()  # whatever begins again begins with a new client
                raise
            if batches:
                self._is_idle.clear()
            if batches or not left_s:
                return batches

    def rewind(self, source: str) -> None:
        """Forget what was handed out of `source`: continue from the stored position."""
        place = TopicPartition(self.topic, int(source.rpartition("/")[2]))
        if place in self._held:
            self._hold_back(place)

    async def close(self) -> None:
        """Leave the group, so that the others take over at once."""
        joining, self._joining = self._joining, None
        if joining is not None:
            await asyncio.wait([joining], timeout=self.settings.session_timeout_ms / 1_000)
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
        client, self._client = self._client, None
        self._held.clear()
        self._is_idle.set()
        if client is not None:
            await close_in_time(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What aiokafka calls when partitions move.

    async def revoked(self) -> None:
        """Let the batch under way end, in bounded time; then nothing of ours is left."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.release_within_s):
                await self._is_idle.wait()
        self._held.clear()

    def assigned(self, places: Iterable[TopicPartition]) -> None:
        """Hold back everything new until its position is known.

        Without a wait in between: from the first moment the client must have a position, or it
        would take the group's.
        """
        self._held.clear()
        if self._client is None:
            return  # we are leaving
        for place in places:
            self._hold_back(place)
        found = self._client.partitions_for_topic(self.topic) or ()
        try:
            refuse_other_partitions(self.topic, found=len(found), wanted=self.settings.partitions)
        except TopicRefused as refused:
            self._refused = refused

    def _hold_back(self, place: TopicPartition) -> None:
        self._client.pause(place)
        self._client.seek(place, 0)
        self._held[place] = _Source()

    async def _joined(self) -> Any:  # noqa: ANN401 - aiokafka ships no types
        if self._refused is not None:
            refused, self._refused = self._refused, None
            await self.close()
            raise refused
        if self._client is None:
            if self._joining is None:
                self._joining = asyncio.create_task(self._join(), name="kafka-log-reader")
            try:
                # A read that is cancelled must not cut it short: the client would leave its
                # first connection open.
                await asyncio.shield(self._joining)
            finally:
                if self._joining is not None and self._joining.done():
                    self._joining = None
        return self._client

    async def _join(self) -> None:
        client = self._made()
        try:
            await client.start()
            known = await client.topics()
        except BaseException as error:
            await close_in_time(client)
            if isinstance(error, AWAY):
                raise Unavailable(f"Kafka at {self.settings.servers}: {error!r}") from error
            raise
        if self.topic not in known:  # the client would wait for it, without a word
            await close_in_time(client)
            raise TopicRefused(f"there is no topic {self.topic}; create it: fairlead topics apply")
        self._client = client
        client.subscribe([self.topic], listener=_Listener(self))

    def _made(self) -> Any:  # noqa: ANN401 - aiokafka ships no types
        session_ms = self.settings.session_timeout_ms
        client = AIOKafkaConsumer(
            **reached(self.settings),
            group_id=f"fairlead.{self.consumer}",
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // HEARTBEATS_PER_SESSION,
            rebalance_timeout_ms=session_ms + round(self.release_within_s * 1_000),
            # Joining waits for the other members.
            request_timeout_ms=2 * session_ms + round(self.release_within_s * 1_000),
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
            fetch_max_bytes=FETCH_BYTES_MAX,
            metadata_max_age_ms=METADATA_AGE_MS,
        )
        refuse_acknowledging(client)
        return client

    async def _settle(self, client: Any) -> None:  # noqa: ANN401 - aiokafka ships no types
        """Give every partition that has none its position, if the log still holds it."""
        now = asyncio.get_running_loop().time()
        due = {
            place: source
            for place, source in self._held.items()
            if source.next_offset is None and source.look_again_at <= now
        }
        if not due:
            return
        names = {place: self._source_of(place) for place in due}
        stored = await EventStore(self.pool).positions(self.consumer, list(names.values()))
        earliest = await client.beginning_offsets(list(due))
        latest = await client.end_offsets(list(due))
        for place, source in due.items():
            if self._held.get(place) is not source:
                continue  # moved or rewound in the meantime
            position = stored.get(names[place], 0)
            problem = self._problem(source, position, earliest[place], latest[place], now)
            if problem is not None:
                if source.stopped is None and self.on_gap is not None:
                    await self.on_gap(place.partition, position)
                self._stop(place, source, f"{problem}; {advice(place.partition)}", now)
            elif source.behind_since is None:
                client.seek(place, position)
                client.resume(place)
                if source.stopped is not None:
                    log.info("source_resumed", source=names[place], position=position)
                source.next_offset, source.stopped = position, None

    def _problem(
        self, source: _Source, position: int, earliest: int, latest: int, now: float
    ) -> str | None:
        """Why the log cannot be read on from the position (F22)."""
        gap = gap_at(position=position, earliest=earliest, latest=latest)
        if latest >= position:
            source.behind_since = None
            return None if gap is None else str(gap)
        if source.behind_since is None:
            source.behind_since = now
        is_sure = now - source.behind_since >= self.behind_for_s
        return str(gap) if is_sure else None

    def _stop(self, place: TopicPartition, source: _Source, problem: str, now: float) -> None:
        if source.stopped is None:
            log.error("source_stopped", source=self._source_of(place), reason=problem)
        source.stopped = problem
        source.look_again_at = now + self.look_again_s

    async def _take(self, client: Any, limit: int, wait_s: float) -> list[Batch]:  # noqa: ANN401 - aiokafka ships no types
        """What has come, for each partition in its turn."""
        found: dict[TopicPartition, list[Any]] = {}
        try:
            # The client's own timeout does not count while partitions move.
            async with asyncio.timeout(wait_s + self.poll_s):
                found = await client.getmany(timeout_ms=round(wait_s * 1_000), max_records=limit)
        except TimeoutError:
            return []
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            self._doubt(error)
            return []
        if found:
            for place in sorted(set(self._held) - set(found)):
                try:
                    found |= await client.getmany(place, timeout_ms=0, max_records=limit)
                except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
                    self._doubt(error)
        return [
            self._hand_out(place, records)
            for place, records in found.items()
            if place in self._held and self._held[place].next_offset is not None
        ]

    def _hand_out(self, place: TopicPartition, records: list[Any]) -> Batch:
        self._held[place].next_offset = records[-1].offset + 1
        return Batch(
            self._source_of(place),
            tuple(
                Record(account_of(record.key), record.offset + 1, record.value or b"")
                for record in records
            ),
        )

    def _doubt(self, error: KafkaError) -> None:
        """The log no longer holds what we wanted next: look at it anew."""
        log.warning("kafka_offset_refused", topic=self.topic, reason=str(error))
        for place in list(self._held):
            if self._held[place].next_offset is not None:
                self._hold_back(place)

    async def _report(self, client: Any) -> None:  # noqa: ANN401 - aiokafka ships no types
        """Copy the stored positions to Kafka; that it fails harms nobody."""
        now = asyncio.get_running_loop().time()
        if now < self._report_at or not self._held:
            return
        self._report_at = now + self.report_every_s
        names = {self._source_of(place): place for place in self._held}
        with suppress(Unavailable, IllegalStateError, *AWAY):
            stored = await EventStore(self.pool).positions(self.consumer, list(names))
            offsets = {names[name]: at for name, at in stored.items() if names[name] in self._held}
            if offsets:
                failpoint("allocator.before_commit_offset")
                async with asyncio.timeout(1.0):
                    await client.commit(offsets)

    def _source_of(self, place: TopicPartition) -> str:
        return source_of(place.topic, place.partition)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Hands aiokafka's calls to the reader."""

    def __init__(self, reader: KafkaLogReader) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            await self._reader.revoked()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._reader.assigned(assigned)


def refuse_acknowledging(client: Any) -> None:  # noqa: ANN401 - aiokafka ships no types
    """Refuse a consumer that acknowledges by itself, or would begin where Kafka likes.

    Either loses messages without a word: the one on a crash, the other on lost group offsets.

    Raises:
        ValueError: It is one.
    """
    refuse_auto_commit(client)
    if client._auto_offset_reset != "none":  # noqa: SLF001 - nothing public tells
        raise ValueError("the consumer resets its position by itself: auto_offset_reset='none'")


def refuse_auto_commit(client: Any) -> None:  # noqa: ANN401 - aiokafka ships no types
    """Refuse a consumer that acknowledges by itself, before anybody has looked.

    Raises:
        ValueError: It is one.
    """
    if client._enable_auto_commit:  # noqa: SLF001 - nothing public tells
        raise ValueError("the consumer commits by itself: set enable_auto_commit=False")
