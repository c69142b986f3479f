"""The allocator's loop: parse, decide, record events with the consumed position, go on.

The events of a batch and the position of its last message are stored in one transaction, so a
crash anywhere is repaired by reading on from the stored position (F4 to F6).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from contracts.events import Recorded
from contracts.inbound import Inbound
from contracts.topics import INBOUND
from domain.decide import decide
from domain.state import Account
from services.allocator.accounts import AccountStates, Stores
from services.allocator.meter import UNMEASURED, AllocatorMeter
from services.allocator.settings import AllocatorSettings
from services.allocator.snapshots import Snapshotter
from services.log.port import Batch, LogReader, Record
from services.shared.codec import decode_inbound
from services.shared.errors import Malformed, Unavailable
from services.shared.failpoints import failpoint
from services.shared.tracing import UNTRACED, Traces, comes_by_webhook, now_ns
from services.storage.dead_letters import DeadLetter
from services.storage.events import AlreadyRecorded, ConcurrentAppend, DecidedTwice

log = structlog.get_logger(__name__)

CONSUMER = "allocator"


@dataclass(slots=True)
class _Answers:
    """What a run of consecutive messages came to, until it is stored."""

    events: list[Recorded] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    accounts: dict[int, None] = field(default_factory=dict)
    position: int | None = None
    began_ns: int = field(default_factory=now_ns)
    decided: list[Inbound] = field(default_factory=list)


class Allocator:
    """The only writer of the accounts it is handed messages of."""

    def __init__(
        self,
        reader: LogReader,
        stores: Stores,
        settings: AllocatorSettings,
        *,
        on_stored: Callable[[], None],
        seal: Callable[[DeadLetter], DeadLetter],
        monotonic: Callable[[], float] = time.monotonic,
        meter: AllocatorMeter = UNMEASURED,
        traces: Traces = UNTRACED,
    ) -> None:
        self._reader = reader
        self._events = stores.events
        self._settings = settings
        self._on_stored = on_stored
        self._seal = seal
        self._monotonic = monotonic
        self._meter = meter
        self._traces = traces
        self.snapshotter = Snapshotter(stores.snapshots)
        self._accounts = AccountStates(
            stores,
            self.snapshotter,
            cached_max=settings.accounts_cached_max,
            snapshot_every=settings.snapshot_every,
            snapshot_evicted_every=settings.snapshot_evicted_every,
        )
        self._recorded: dict[str, int] = {}
        self._poisonous_in_row: dict[str, int] = {}
        self._conflicts_in_row: dict[str, int] = {}
        self._stopped_until: dict[str, float] = {}

    async def run(self) -> None:
        """Work until cancelled; a peer that does not answer is waited for."""
        try:
            await self._work()
        finally:
            await self.snapshotter.stop()

    async def _work(self) -> None:
        pause_s = 0.1
        while True:
            try:
                await self.step()
            except Unavailable as error:
                log.warning("allocator_waits", reason=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self._settings.retry_pause_max_s)
            else:
                pause_s = 0.1

    async def step(self) -> int:
        """Handle the next batches; how many messages that were.

        Raises:
            Exception: One that nobody expected, after all other batches were handled: its source
                rests, and nothing of it is skipped.
        """
        self._restart_rested()
        batches = await self._reader.read(
            limit=self._settings.batch_size_max, wait_s=self._settings.batch_wait_ms / 1_000
        )
        unexpected: list[Exception] = []
        for number, batch in enumerate(batches):
            if batch.source in self._stopped_until:
                continue
            try:
                await self._handle(batch)
            except Unavailable:
                for unread in batches[number:]:
                    self._reader.rewind(unread.source)
                if unexpected:
                    break  # the next reading waits all the same
                raise
            except Exception as error:  # noqa: BLE001 - raised below
                self._stop(batch.source, "an error that nobody expected")
                unexpected.append(error)
        if unexpected:
            raise unexpected[0]
        return sum(len(batch.records) for batch in batches)

    async def _handle(self, batch: Batch) -> None:
        started = self._monotonic()
        answers = _Answers()
        events = 0
        await self._notice_others(batch)
        try:
            for record in batch.records:
                if not await self._answer(batch.source, record, answers):
                    self._accounts.drop([record.account_id])  # half a step ahead of its events
                    answers.accounts.pop(record.account_id, None)
                    events += len(answers.events)
                    await self._store_answers(batch.source, answers)
                    answers = _Answers()
                    self._keep_poison(batch.source, record, answers)
                    if self._is_stopped(batch.source):
                        return
            events += len(answers.events)
            await self._store_answers(batch.source, answers)
        except AlreadyRecorded:
            self._accounts.forget()
            self._give_up(batch, "batch_recorded_before")
        except (ConcurrentAppend, DecidedTwice) as error:
            self._accounts.forget()
            self._give_up(batch, "account_written_by_another", error=str(error))
            self._conflicts_in_row[batch.source] = self._conflicts_in_row.get(batch.source, 0) + 1
            if self._conflicts_in_row[batch.source] >= self._settings.conflicts_in_row_max:
                self._stop(batch.source, "conflicts without end")
        except Malformed as error:
            # An event of a newer release (F80), or a damaged one: skipping it would be a lie.
            self._give_up(batch, "events_unreadable", error=str(error))
            self._stop(batch.source, "events that this release cannot read")
        except BaseException:
            self._give_up(batch, None)
            raise
        else:
            self._conflicts_in_row.pop(batch.source, None)
            took_s = self._monotonic() - started
            self._meter.batch_decided(messages=len(batch.records), events=events, took_s=took_s)
            log.info(
                "batch_decided",
                source=batch.source,
                messages=len(batch.records),
                events=events,
                took_ms=round(took_s * 1_000, 1),
            )

    async def _notice_others(self, batch: Batch) -> None:
        """Forget all states when somebody else has moved the position the batch follows.

        Forward, by taking in what lies before the batch (F20): a state that knows nothing of it
        may have no answer to a message, and where nothing is written no clash of versions tells:
        the message would be passed over. Back, because a log was made anew and a person let it
        go on (F22): its messages would be taken for those of the old one, and passed over.
        """
        recorded = self._recorded.get(batch.source)
        first = batch.records[0].position
        if recorded is None or first == recorded + 1:
            return
        if first > recorded:
            log.warning("messages_taken_by_another", source=batch.source, after=recorded)
        else:
            held = await self._events.position(CONSUMER, batch.source)
            if held is not None and held >= first:
                return  # delivered again: each message is passed over, the states are good
            del self._recorded[batch.source]  # the database tells how far it was
        self._accounts.forget()

    async def _answer(self, source: str, record: Record, answers: _Answers) -> bool:
        """Decide one message into `answers`; False if it tripped over a bug of ours."""
        try:
            message = _read(record)
        except Malformed as error:
            answers.dead.append(self._seal(_dead_letter(source, record, str(error))))
            answers.position = record.position
            return True
        account = await self._account(source, record.account_id)
        if record.position <= self._recorded[source]:
            return True  # delivered again, or another writer was faster: it is in the state
        version = account.version
        try:
            events = decide(account, message)
        except Exception:
            log.exception("message_poisonous", source=source, position=record.position)
            return False
        answers.events.extend(
            Recorded(
                account_id=record.account_id,
                version=version + number,
                cause=message.message_id,
                event=event,
            )
            for number, event in enumerate(events, start=1)
        )
        answers.accounts[record.account_id] = None
        if events and self._traces.is_on:
            answers.decided.append(message)
        answers.position = record.position
        self._poisonous_in_row.pop(source, None)
        return True

    async def _account(self, source: str, account_id: int) -> Account:
        """The account's state; with a fresh one, how far its source has taken effect in it.

        Another writer's commit, or our own whose answer got lost, may come between the reading
        of messages and of events. Not every message is harmless twice: a pause and its end are
        no copies of each other (F38, F71).
        """
        while account_id not in self._accounts:
            account = await self._accounts.get(account_id)
            head, recorded = await self._events.reached(account_id, CONSUMER, source)
            if head == account.version:
                self._recorded[source] = max(recorded, self._recorded.get(source, 0))
            else:
                self._accounts.drop([account_id])
        self._recorded.setdefault(source, 0)
        return await self._accounts.get(account_id)

    async def _store_answers(self, source: str, answers: _Answers) -> None:
        if answers.position is None:
            return
        failpoint("allocator.after_decide")
        await self._events.append(
            answers.events,
            consumer=CONSUMER,
            source=source,
            position=answers.position,
            dead=answers.dead,
        )
        failpoint("allocator.after_append")
        self._recorded[source] = answers.position
        if answers.events:
            self._on_stored()
        for message in answers.decided:
            self._traces.tell(
                "allocator.decide",
                message.message_id,
                after="ingress.receive" if comes_by_webhook(message.body) else None,
                began_ns=answers.began_ns,
                account_id=message.account_id,
            )
        self._accounts.settle(list(answers.accounts))

    def _keep_poison(self, source: str, record: Record, answers: _Answers) -> None:
        """Quarantine the one message; the rest of its account goes on (F33)."""
        self._poisonous_in_row[source] = self._poisonous_in_row.get(source, 0) + 1
        if self._poisonous_in_row[source] > self._settings.poisonous_in_row_max:
            self._stop(source, "one poisonous message after another")
            return
        tripped = _dead_letter(source, record, "the engine tripped over this message")
        answers.dead.append(self._seal(tripped))
        answers.position = record.position

    def _stop(self, source: str, reason: str) -> None:
        """Leave a source alone for a while; the others go on, and nothing of it is skipped."""
        self._stopped_until[source] = self._monotonic() + self._settings.stopped_s
        self._meter.sources_stopped(len(self._stopped_until))
        log.error("source_stopped", source=source, reason=reason)

    def _is_stopped(self, source: str) -> bool:
        return source in self._stopped_until

    def _restart_rested(self) -> None:
        now = self._monotonic()
        for source in [s for s, until in self._stopped_until.items() if until <= now]:
            del self._stopped_until[source]
            self._meter.sources_stopped(len(self._stopped_until))
            self._poisonous_in_row.pop(source, None)
            self._conflicts_in_row.pop(source, None)
            self._reader.rewind(source)

    def _give_up(self, batch: Batch, event: str | None, **fields: str) -> None:
        """States have moved on without their events: forget them and read the batch again."""
        self._accounts.drop(sorted({record.account_id for record in batch.records}))
        self._reader.rewind(batch.source)
        if event is not None:
            log.warning(event, source=batch.source, position=batch.position, **fields)


def _read(record: Record) -> Inbound:
    message = decode_inbound(record.value)
    if message.account_id != record.account_id:
        raise Malformed(f"account_id: expected {record.account_id}, the key of the message")
    return message


def letters_of(source: str) -> str:
    """The source under which dead letters of a source of the inbound log are kept."""
    return f"{INBOUND}:{source}"


def _dead_letter(source: str, record: Record, reason: str) -> DeadLetter:
    return DeadLetter(
        account_id=record.account_id,
        source=letters_of(source),
        position=record.position,
        reason=reason,
        content_type="application/json",
        body=record.value,
    )
