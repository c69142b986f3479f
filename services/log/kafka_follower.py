"""A role as a member of a consumer group on the allocations log, by the framework's subscriber.

The group shares out the partitions, and with them the accounts: a role works for those whose
partition it was given (`owns`). The messages tell that something moved; what, the role reads from
the store, where the truth is and where its positions are. So nothing depends on a message being
handled twice or not at all, and what this module promises is only: nothing is acknowledged before
it was looked at, what is none of our messages is kept as a dead letter with its reason and never
blocks (F33), and a partition is given away only after the role has let go of it (F20).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import KafkaAckableMessage

from contracts.topics import ALLOCATIONS
from services.log.allocations import read_allocation
from services.log.kafka import KafkaSettings, account_of, partition_of, source_of
from services.log.kafka_closing import close_in_time
from services.log.kafka_reader import HEARTBEATS_PER_SESSION, refuse_auto_commit
from services.log.kafka_security import security
from services.shared.errors import Malformed
from services.shared.ownership import ignore, let_go_at_once
from services.storage.dead_letters import DeadLetter

log = structlog.get_logger(__name__)

AWAY = (KafkaError, OSError, TimeoutError)
# Any other would acknowledge what nobody has looked at, or read it again without a pause.
ACK_POLICY = AckPolicy.MANUAL
BATCH_SIZE_MAX = 500
BATCH_WAIT_MS = 100
RETRY_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
METADATA_AGE_MS = 60_000


class LetterBox(Protocol):
    """Where what is none of our messages is kept."""

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Make all letters durable; the same letter may come again.

        Raises:
            services.shared.errors.Unavailable: The outcome is unknown; keeping again is safe.
        """
        ...


@dataclass(slots=True)
class AllocationsFollower:
    """One member of a role's group; `run` it.

    Attributes:
        role: Also the group's name.
        on_moved: Told that some accounts have moved.
        on_assigned: Told that the partitions are others now.
        let_go: Ends what is under way for partitions that are not ours any more; the others wait
            for it, `release_within_s` at most.
    """

    settings: KafkaSettings
    role: str
    dead_letters: LetterBox
    on_moved: Callable[[], None]
    on_assigned: Callable[[], None] = ignore
    let_go: Callable[[], Awaitable[None]] = let_go_at_once
    release_within_s: float = 2.0
    topic: str = ALLOCATIONS
    _partitions: frozenset[int] = frozenset()
    _failures: int = 0
    _subscriber: Any = field(default=None, repr=False)

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are ours now."""
        return self._partitions

    def owns(self, account_id: int) -> bool:
        """Whether the account is in a partition of ours."""
        return partition_of(account_id, self.settings.partitions) in self._partitions

    async def run(self) -> None:
        """Follow until cancelled, then leave the group; a broker that is away is waited for.

        Raises:
            ValueError: The framework would acknowledge by itself.
        """
        failures = 0
        while True:
            broker = self._broker()
            try:
                await broker.start()
                refuse_auto_commit(self._subscriber.consumer)
                await asyncio.Event().wait()
            except AWAY as error:
                pause_s = _pause_s(failures)
                failures += 1
                log.warning("follower_waits", role=self.role, reason=repr(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
            finally:
                try:
                    # The framework does not say so when it leaves by itself.
                    await self.revoked()
                finally:
                    await close_in_time(self._subscriber.consumer, broker.stop)

    # What the client calls when partitions move.

    async def revoked(self) -> None:
        """Work for nobody any more, and let what is under way end, in bounded time."""
        if not self._partitions:
            return
        self._partitions = frozenset()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.release_within_s):
                await self.let_go()

    def assigned(self, places: Iterable[TopicPartition]) -> None:
        """Work for these partitions from now on."""
        self._partitions = frozenset(place.partition for place in places)
        log.info("partitions_assigned", role=self.role, partitions=sorted(self._partitions))
        self.on_assigned()
        self.on_moved()

    def _broker(self) -> KafkaBroker:
        session_ms = self.settings.session_timeout_ms
        patience_ms = session_ms + round(self.release_within_s * 1_000)
        broker = KafkaBroker(
            # The framework takes a text for one address, commas and all.
            self.settings.servers.split(","),
            client_id=f"fairlead-{self.role}",
            security=security(self.settings),
            consumer_only=True,
            allow_auto_create_topics=False,
            # Joining waits for the other members.
            request_timeout_ms=session_ms + patience_ms,
            metadata_max_age_ms=METADATA_AGE_MS,
            graceful_timeout=self.release_within_s,
            logger=None,
            log_level=logging.DEBUG,
        )
        self._subscriber = broker.subscriber(
            self.topic,
            group_id=f"fairlead.{self.role}",
            batch=True,
            max_records=BATCH_SIZE_MAX,
            batch_timeout_ms=BATCH_WAIT_MS,
            ack_policy=ACK_POLICY,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // HEARTBEATS_PER_SESSION,
            rebalance_timeout_ms=patience_ms,
            listener=_GroupListener(self),
            # The framework's own would pass over a batch with a header that is no text.
            parser=self._parsed,
            decoder=_undecoded,
        )
        self._subscriber(self._on_batch)
        return broker

    async def _parsed(self, records: tuple[Any, ...]) -> KafkaMessage:
        return KafkaAckableMessage(
            body=b"", raw_message=records, consumer=self._subscriber.consumer
        )

    async def _on_batch(self, message: KafkaMessage) -> None:
        """Look at a batch; what fails is read again, after a pause."""
        records: Sequence[Any] = message.raw_message
        try:
            letters = [letter for record in records if (letter := self._letter(record)) is not None]
            if letters:
                await self.dead_letters.keep(letters)
                log.error("allocations_malformed", role=self.role, messages=len(letters))
            self.on_moved()
            # Exactly these: `ack` would commit whatever the client has fetched.
            ends = {TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}
            with suppress(IllegalStateError, *AWAY):  # moved on: the next owner looks again
                await self._subscriber.consumer.commit(ends)
            self._failures = 0
        except Exception as error:  # noqa: BLE001 - the framework would pass over the batch
            pause_s = _pause_s(self._failures)
            self._failures += 1
            log.warning("batch_not_taken", role=self.role, error=repr(error), pause_s=pause_s)
            await asyncio.sleep(pause_s)
            with suppress(IllegalStateError):  # moved on
                await message.nack()

    def _letter(self, record: Any) -> DeadLetter | None:  # noqa: ANN401 - aiokafka ships no types
        """Why a record is none of our messages, as it is kept; None if it is one."""
        account_id, value = account_of(record.key), record.value or b""
        reason = _fault_of(value, account_id)
        if reason is None:
            return None
        return DeadLetter(
            account_id=account_id or None,
            source=source_of(self.topic, record.partition),
            position=record.offset + 1,
            reason=reason,
            content_type="application/json",
            body=value,
        )


class _GroupListener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Hands the client's calls to the follower."""

    def __init__(self, follower: AllocationsFollower) -> None:
        self._follower = follower

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            await self._follower.revoked()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._follower.assigned(assigned)


def _fault_of(value: bytes, account_id: int) -> str | None:
    try:
        message = read_allocation(value)
    except Malformed as error:
        return str(error)
    if message.account != account_id:
        return f"allocation: account: expected {account_id}, the message's key"
    return None


async def _undecoded(_message: Any) -> None:  # noqa: ANN401 - the handler reads the bytes
    return None


def _pause_s(failures: int) -> float:
    return RETRY_PAUSES_S[min(failures, len(RETRY_PAUSES_S) - 1)]
