"""The inbound log on Apache Kafka: where messages enter.

aiokafka's producer rather than the framework's: the order of an account has to survive a failed
send, and for that a writer must know which messages went out together and be able to replace a
producer. Two properties of aiokafka 0.14 ask for it. A batch that waited longer than the timeout
for a leader fails although its sequence numbers are spent, so the broker refuses every later
batch of that producer. And several batches of one partition may be queued, of which an earlier
one can fail and a later one succeed.

So messages go out in rounds: at most one batch per partition, and no round before the last one
was answered. Calls that come meanwhile share the next round, which is why a thousand at once
take few round trips. A call that fails takes those behind it along: nothing overtakes a message
that its sender is about to send again (I10).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.log.kafka import (
    MESSAGE_BYTES_MAX,
    VALUE_BYTES_MAX,
    KafkaSettings,
    TopicRefused,
    key_of,
    partition_of,
    refuse_other_partitions,
)
from services.log.kafka_security import reached
from services.log.port import Entry
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)

BATCH_BYTES_MAX = 512 * 1_024
METADATA_AGE_MS = 60_000
AWAY = (KafkaError, OSError, TimeoutError)


@dataclass(slots=True, eq=False)
class _Call:
    """A `publish` under way; settled when its last entry is."""

    entries_left: int
    settled: "asyncio.Future[None]"

    def count_down(self) -> None:
        self.entries_left -= 1
        if not self.entries_left and not self.settled.done():
            self.settled.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.settled.done():
            self.settled.set_exception(error)


@dataclass(slots=True)
class KafkaLogWriter:
    """Publishes entries to one topic, in order per account, acknowledged by all in-sync copies.

    Connects at the first use and connects again after a failure. Close it: `async with`.

    Attributes:
        answer_within_s: How long a call may take; default: what a webhook can wait for.
        waiting_max: Entries that may wait; calls beyond are refused as `Unavailable`.
        round_max: Entries in one round.
    """

    settings: KafkaSettings
    topic: str
    answer_within_s: float | None = None
    waiting_max: int = 20_000
    round_max: int = 2_000
    _waiting: deque[tuple[Entry, _Call]] = field(default_factory=deque, repr=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _task: "asyncio.Task[None] | None" = field(default=None, repr=False)
    _producer: Any = field(default=None, repr=False)

    async def publish(self, entries: Sequence[Entry]) -> None:
        """Make all entries durable, in this order per account.

        Returns after all copies in sync have acknowledged every entry.

        Raises:
            services.shared.errors.Unavailable: Not acknowledged in time. Some entries may be in
                the log, or still come there ahead of whatever is published later; publishing again
                is
                safe.
            TopicRefused: The topic is divided otherwise than the settings say (F23).
            ValueError: An entry is larger than the log takes (F25); nothing was published.
        """
        if not entries:
            return
        for entry in entries:
            if len(entry.value) > VALUE_BYTES_MAX:
                raise ValueError(
                    f"account {entry.account_id}: {len(entry.value)} bytes, at most"
                    f" {VALUE_BYTES_MAX} fit into a message"
                )
        if len(self._waiting) + len(entries) > max(self.waiting_max, len(entries)):
            raise Unavailable(f"the inbound log has {len(self._waiting)} entries waiting")
        call = _Call(len(entries), asyncio.get_running_loop().create_future())
        self._waiting.extend((entry, call) for entry in entries)
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="kafka-log-writer")
        try:
            async with asyncio.timeout(self._patience_s):
                await call.settled
        except TimeoutError as error:
            why = f"Kafka did not acknowledge within {self._patience_s} s"
            self._fail_waiting(why)
            raise Unavailable(why) from error

    async def close(self) -> None:
        """Let go of the broker; what was not acknowledged by now is `Unavailable`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._fail_waiting("the log is being closed")
        await self._let_go()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def _patience_s(self) -> float:
        given = self.answer_within_s
        return self.settings.answer_within_ms / 1_000 if given is None else given

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                try:
                    await self._round(await self._connected())
                except TopicRefused as refused:
                    await self._let_go()
                    self._fail_waiting(str(refused), TopicRefused)
                except AWAY as error:
                    await self._let_go()
                    self._fail_waiting(f"Kafka at {self.settings.servers}: {error!r}")
                except Exception as error:
                    # A bug, of ours or the client's: whoever called tries again, with a new client.
                    reason = type(error).__name__
                    log.exception("work_failed", work="kafka_writer", reason=reason)
                    self._fail_waiting(f"the writer failed: {error!r}")
                    await self._let_go()

    async def _connected(self) -> Any:  # noqa: ANN401 - aiokafka ships no types
        if self._producer is None:
            producer = AIOKafkaProducer(
                **reached(self.settings),
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=self.settings.answer_within_ms,
                max_batch_size=BATCH_BYTES_MAX,
                max_request_size=MESSAGE_BYTES_MAX,
                metadata_max_age_ms=METADATA_AGE_MS,
                linger_ms=0,
            )
            try:
                # Not cut short: calls time out by themselves, and a cancelled start leaves its
                # first connection open.
                await producer.start()
            except BaseException:
                await _end(producer)
                raise
            self._producer = producer
        found = await self._producer.partitions_for(self.topic)
        refuse_other_partitions(self.topic, found=len(found), wanted=self.settings.partitions)
        return self._producer

    async def _round(self, producer: Any) -> None:  # noqa: ANN401 - aiokafka ships no types
        """Send one batch per partition, and settle what is in them."""
        batches, sent = self._compose(producer)
        try:
            answers = [
                await producer.send_batch(batch, self.topic, partition=partition)
                for partition, batch in batches.items()
            ]
            outcomes = await asyncio.gather(*answers, return_exceptions=True)
        except BaseException as error:
            for _, call in sent:
                call.fail(Unavailable(f"the send was broken off: {error!r}"))
            raise
        failed = {
            partition: outcome
            for partition, outcome in zip(batches, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        }
        for partition, call in sent:
            if partition in failed:
                call.fail(Unavailable(f"Kafka refused a batch: {failed[partition]!r}"))
            else:
                call.count_down()
        if failed:
            log.warning("kafka_batches_failed", partitions=sorted(failed), topic=self.topic)
            raise next(iter(failed.values()))

    def _compose(self, producer: Any) -> tuple[dict[int, Any], list[tuple[int, _Call]]]:  # noqa: ANN401 - aiokafka ships no types
        """Take entries from the front, up to the first that does not fit into its batch."""
        batches: dict[int, Any] = {}
        sent: list[tuple[int, _Call]] = []
        while self._waiting and len(sent) < self.round_max:
            entry, call = self._waiting[0]
            if not call.settled.done():  # else given up, by its caller or by a failure
                partition = partition_of(entry.account_id, self.settings.partitions)
                if partition not in batches:
                    batches[partition] = producer.create_batch()
                if not batches[partition].append(
                    key=key_of(entry.account_id), value=entry.value, timestamp=None
                ):
                    break
                sent.append((partition, call))
            self._waiting.popleft()
        return batches, sent

    def _fail_waiting(self, why: str, kind: type[Exception] = Unavailable) -> None:
        for _, call in self._waiting:
            call.fail(kind(why))
        self._waiting.clear()

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer)


async def _end(producer: Any) -> None:  # noqa: ANN401 - aiokafka ships no types
    """Stop a producer without waiting for answers that may never come.

    Its own `stop` first waits for them, as long as the broker is away. What follows then is done
    here, by the same steps; the version is pinned to the minor one.
    """
    producer._closed = True  # noqa: SLF001
    await producer._sender.close()  # noqa: SLF001
    await producer.client.close()
