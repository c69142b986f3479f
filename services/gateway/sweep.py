"""Reads what webhooks did not tell: all leads once, then whatever changed, again and again (F30).

A window has no upper bound. Leads that change while its pages are read would leave a bounded
window, the later ones would move up, and some would be skipped. Without a bound the set only
grows; read by ascending id, a newcomer shows some lead twice at worst, and one that comes in
before the present page has changed after the start, so the next window has it. The overlap
covers clocks that disagree and changes that Kommo shows late.

A page is published before the next one is read, and the watermark moves only after the last.

Whoever finds that messages of an account may be missing asks for a full sweep; it begins when
the one under way is done (F22). After our database was restored from a backup all leads are read
at once, and those that somebody was given since are told as taken (F79).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, Protocol

import structlog

from contracts.inbound import Inbound, LeadObserved, LeadsListed
from contracts.kommo.pages import Odd
from contracts.kommo.rest import Lead
from services.gateway.connections import Connection, Connections
from services.gateway.failures import Failures
from services.gateway.ports import InboundPublisher, Now
from services.gateway.settings import SweepSettings
from services.gateway.sweep_budget import SweepBudget
from services.gateway.taken import ASKED_AT_ONCE, taken_since
from services.kommo.client import LeadPage
from services.kommo.errors import AccountStopped, MalformedAnswer, Rejected
from services.kommo.limiter import Priority
from services.kommo.timing import SystemTiming, Timing
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint

log = structlog.get_logger(__name__)

Kind = Literal["baseline", "window", "full"]
OnRequested = Callable[[Kind, int], None]


def nobody(*_: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the sweeps of an account have come.

    Attributes:
        watermark: Everything that changed before it has been published; None before the
            baseline.
        full_at: Start of the last sweep over all leads, the baseline included.
        kind: Of the sweep under way, None between sweeps.
        started_at: Its start, by the slower one of Kommo's clock and ours.
        next_page: Where it goes on; None at its start.
        listed_to: Of a sweep over all leads: the last id that was listed; None once the list
            was out of order.
        requests: What the sweep under way took so far.
        window_requests: What the last one over a window took; None if there was none yet.
        full_requests: The same of all leads.
    """

    account_id: int
    watermark: datetime | None = None
    full_at: datetime | None = None
    kind: Kind | None = None
    started_at: datetime | None = None
    next_page: str | None = None
    listed_to: int | None = 0
    requests: int = 0
    window_requests: int | None = None
    full_requests: int | None = None


class SweepStore(Protocol):
    """Where progress outlives the process."""

    async def load(self, account_id: int) -> Progress:
        """The progress of an account, none so far included.

        Raises:
            services.shared.errors.Unavailable: The store does not answer.
        """
        ...

    async def save(self, progress: Progress) -> None:
        """Keep it.

        Raises:
            services.shared.errors.Unavailable: The store does not answer; sweeping again is safe.
        """
        ...


class Asked(Protocol):
    """Full sweeps that somebody asked for.

    Both methods raise `services.shared.errors.Unavailable`.
    """

    async def open(self) -> Mapping[int, datetime]:
        """Account to the time since when its sweep has been asked for and is not done."""
        ...

    async def settle(self, account_id: int, asked_at: datetime) -> None:
        """A sweep that began after that time is done."""
        ...


class Sweeper:
    """Sweeps all connected accounts, at the lowest priority."""

    def __init__(  # noqa: PLR0913 - what a sweep reads, writes and tells
        self,
        *,
        connections: Connections,
        store: SweepStore,
        asked: Asked,
        introduce: Callable[[Connection], Awaitable[None]],
        publisher: InboundPublisher,
        now: Now,
        settings: SweepSettings | None = None,
        timing: Timing | None = None,
        on_requested: OnRequested = nobody,
        is_strict: bool = False,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            connections: The connected accounts.
            store: Where progress is kept.
            asked: The full sweeps that somebody asked for.
            introduce: Comes before the baseline of an account; raises what a reading raises.
            publisher: Writes to the inbound log.
            now: The wall clock.
            settings: How often, how many.
            timing: The clock.
            on_requested: Told the kind of a sweep, and how many requests it sent.
            is_strict: An error that nobody expected ends the run.
        """
        self._connections = connections
        self._store = store
        self._asked = asked
        self._introduce = introduce
        self._publisher = publisher
        self._now = now
        self._settings = settings or SweepSettings()
        self._timing = timing or SystemTiming()
        self._on_requested = on_requested
        self._budget = SweepBudget(
            self._settings.requests_per_hour_max, self._settings.requests_at_once_max, self._timing
        )
        self._failures = Failures(self._settings.retry_s, "sweeper", is_strict)
        self._next_at: dict[int, tuple[Connection, float]] = {}
        self._asked_at: Mapping[int, datetime] = {}
        self._answering: dict[int, datetime] = {}
        self._restored_at: dict[int, datetime] = {}
        self._hastened: set[int] = set()

    def hasten(self, account_id: int) -> None:
        """Sweep the account now, from a start after this; whatever is under way ends first."""
        self._hastened.add(account_id)
        self._next_at.pop(account_id, None)

    async def run(self) -> None:
        """Sweep until cancelled; what was not finished goes on at the next start."""
        places = asyncio.Semaphore(self._settings.accounts_max)
        while True:
            await self._hear()
            async with asyncio.TaskGroup() as group:
                for connection in self._due():
                    group.create_task(self._in_place(places, connection))
            if not self._due():
                await self._timing.sleep(self._settings.poll_ms / 1_000)

    async def _hear(self) -> None:
        """What is newly asked for is due at once; what was before has its pauses."""
        try:
            asked_at = await self._asked.open()
        except Unavailable:
            return
        for account_id in asked_at.keys() - self._answering.keys():
            if asked_at[account_id] != self._asked_at.get(account_id):
                self._next_at.pop(account_id, None)
        self._asked_at = asked_at

    def _due(self) -> list[Connection]:
        now = self._timing.monotonic()
        connections = self._connections.all()
        self._next_at = {
            each.account_id: self._next_at[each.account_id]
            for each in connections
            if self._next_at.get(each.account_id, (None,))[0] is each
        }
        self._budget.keep(frozenset(each.account_id for each in connections))
        return [
            each
            for each in connections
            if each.account_id not in self._next_at or now >= self._next_at[each.account_id][1]
        ]

    async def _in_place(self, places: asyncio.Semaphore, connection: Connection) -> None:
        async with places:
            from_at = self._timing.monotonic()
            try:
                is_done = await self._some_pages(connection)
                self._failures.over(connection.account_id)
                is_asked = connection.account_id in {*self._asked_at, *self._hastened}
                pause_s = self._settings.interval_s if is_done and not is_asked else 0.0
            except AccountStopped as stopped:
                log.warning(
                    "sweep_stopped", account_id=connection.account_id, status=stopped.status
                )
                pause_s = stopped.retry_in_s or self._settings.stopped_s
            except (Unavailable, Rejected) as error:
                log.warning(
                    "sweep_delayed", account_id=connection.account_id, error=type(error).__name__
                )
                from_at = self._timing.monotonic()
                pause_s = self._failures.pause_s(connection.account_id)
            except Exception as error:  # noqa: BLE001 - the other accounts go on
                from_at = self._timing.monotonic()
                pause_s = self._failures.unexpected(connection.account_id, error)
            allowed_at = self._timing.monotonic() + self._budget.wait_s(connection.account_id)
            due_at = max(from_at + pause_s, allowed_at)
            self._next_at[connection.account_id] = (connection, due_at)

    async def _some_pages(self, connection: Connection) -> bool:
        """Read up to `pages_max` pages, as the budget allows; whether the sweep is complete."""
        progress = await self._store.load(connection.account_id)
        if progress.kind is None:
            self._hastened.discard(connection.account_id)
        if progress.watermark is None and progress.kind is None:
            await self._introduce(connection)
        for _ in range(self._settings.pages_max):
            if self._budget.wait_s(connection.account_id) > 0:
                return False
            progress = self._begun(progress, connection.restored_at)
            try:
                page, requests = await self._read(connection, progress)
            except MalformedAnswer:
                # Perhaps the account has another address now, and the stored page means nothing.
                await self._store.save(replace(progress, kind=None, next_page=None))
                raise
            progress = self._clocked(progress, page)
            taken, more = await self._taken(connection, progress, page)
            progress = self._spent(progress, requests + more)
            await self._publish(progress, page, taken)
            failpoint("sweep.after_publish")
            if page.next_page is None:
                await self._store.save(self._finished(progress))
                await self._settle(connection.account_id)
                log.info("sweep_finished", account_id=connection.account_id, sweep=progress.kind)
                return True
            listed_to = _listed_to(progress, page)
            progress = replace(progress, next_page=page.next_page, listed_to=listed_to)
            await self._store.save(progress)
        return False

    def _begun(self, progress: Progress, restored_at: datetime | None) -> Progress:
        is_lacking = _is_before(progress.watermark, restored_at)
        # A sweep of before the backup would move the watermark over what is lost.
        is_void = is_lacking and self._restored_at.get(progress.account_id) != restored_at
        if progress.kind is not None and not is_void:
            return progress
        if restored_at is not None:
            self._restored_at[progress.account_id] = restored_at
        now = self._now()
        full_after = timedelta(seconds=self._settings.full_interval_s)
        kind: Kind = "window"
        if progress.watermark is None:
            kind = "baseline"
        elif progress.account_id in self._asked_at:
            self._answering[progress.account_id] = self._asked_at[progress.account_id]
            kind = "full"
        elif is_lacking or progress.full_at is None or now - progress.full_at >= full_after:
            kind = "full"
        return replace(progress, kind=kind, started_at=now, next_page=None, listed_to=0, requests=0)

    def _spent(self, progress: Progress, requests: int) -> Progress:
        assert progress.kind is not None, "a page is of a sweep"  # noqa: S101  # invariant
        self._budget.spend(progress.account_id, requests)
        self._on_requested(progress.kind, requests)
        return replace(progress, requests=progress.requests + requests)

    async def _settle(self, account_id: int) -> None:
        """A sweep that began before a restart answers nothing: perhaps also before the asking."""
        asked_at = self._answering.pop(account_id, None)
        if asked_at is not None:
            await self._asked.settle(account_id, asked_at)
            self._asked_at = {k: at for k, at in self._asked_at.items() if k != account_id}

    async def _read(self, connection: Connection, progress: Progress) -> tuple[LeadPage, int]:
        """The next page, and how many requests it took."""
        page = await self._page(connection, progress)
        odd = [each.id for each in page.odd if each.id is not None]
        if not odd:
            return page, 1
        # What makes no sense beside the others may do so alone.
        alone = await connection.client.leads_by_ids(odd, priority=Priority.SWEEP)
        items = tuple(
            alone.by_id.get(each.id or 0, each) if isinstance(each, Odd) else each
            for each in page.items
        )
        return replace(page, items=items), 1 + alone.calls

    async def _page(self, connection: Connection, progress: Progress) -> LeadPage:
        client = connection.client
        if progress.next_page is not None:
            return await client.leads(next_page=progress.next_page)
        if progress.kind != "window" or progress.watermark is None:
            return await client.leads()
        overlap = timedelta(seconds=self._settings.overlap_s)
        return await client.leads(updated_from=progress.watermark - overlap)

    @staticmethod
    def _clocked(progress: Progress, page: LeadPage) -> Progress:
        """Changes are stamped by Kommo's clock: a start by ours, if ahead, would skip some."""
        started_at, kommos = progress.started_at, page.answered_at
        if progress.next_page is None and started_at is not None and kommos is not None:
            return replace(progress, started_at=min(started_at, kommos))
        return progress

    @staticmethod
    def _finished(progress: Progress) -> Progress:
        is_full = progress.kind != "window"
        started_at = progress.started_at
        known = progress.watermark
        # Kommo's clock may be set back; the watermark never is.
        watermark = max(known, started_at) if known and started_at else started_at
        return Progress(
            account_id=progress.account_id,
            watermark=watermark,
            full_at=started_at if is_full else progress.full_at,
            window_requests=progress.window_requests if is_full else progress.requests,
            full_requests=progress.requests if is_full else progress.full_requests,
        )

    async def _taken(
        self, connection: Connection, progress: Progress, page: LeadPage
    ) -> tuple[frozenset[int], int]:
        """Leads of the page that were given to somebody since the backup; else nobody asks.

        With how many requests that took.
        """
        if progress.watermark is None or not _is_before(progress.watermark, connection.restored_at):
            return frozenset(), 0
        since = progress.watermark - timedelta(seconds=self._settings.overlap_s)
        changed = [lead.id for lead in page.leads if lead.updated_at >= since]
        taken = await taken_since(connection.client, changed, since)
        return taken, -(-len(changed) // ASKED_AT_ONCE)

    async def _publish(self, progress: Progress, page: LeadPage, taken: frozenset[int]) -> None:
        messages = [*self._messages(progress, page, taken), *self._list(progress, page)]
        if messages:
            await self._publisher.publish(messages)

    def _list(self, progress: Progress, page: LeadPage) -> Iterator[Inbound]:
        """What a page of all leads has between its first and its last (D11.2)."""
        after_id, listed_to = progress.listed_to, _listed_to(progress, page)
        if progress.kind == "window" or after_id is None or listed_to is None:
            return
        started = int(progress.started_at.timestamp()) if progress.started_at else 0
        yield Inbound(
            account_id=progress.account_id,
            message_id=f"list/{started}/{after_id}/{listed_to}",
            at=self._now(),
            body=LeadsListed(
                after_id=after_id,
                up_to_id=listed_to if page.next_page is not None else None,
                lead_ids=tuple(
                    each.id
                    for each in page.items
                    if each.id is not None and not (isinstance(each, Lead) and each.is_deleted)
                ),
            ),
        )

    def _messages(
        self, progress: Progress, page: LeadPage, taken: frozenset[int]
    ) -> Sequence[Inbound]:
        reason: Literal["baseline", "sweep"] = "sweep"
        if progress.kind == "baseline":
            reason = "baseline"
        at = self._now()
        started = int(progress.started_at.timestamp()) if progress.started_at else 0
        return [
            Inbound(
                account_id=progress.account_id,
                message_id=(f"{reason}/{started}/{lead.id}/{int(lead.updated_at.timestamp())}"),
                at=at,
                body=LeadObserved(
                    lead_id=lead.id,
                    stage=lead.stage,
                    responsible_id=lead.responsible_user_id,
                    modified_at=lead.updated_at,
                    created_at=lead.created_at,
                    reason=reason,
                    is_taken=lead.id in taken,
                ),
            )
            for lead in page.leads
            if not lead.is_deleted
        ]


def _is_before(known: datetime | None, restored_at: datetime | None) -> bool:
    """Whether something known is from before the restoration, so that later things are lost."""
    return known is not None and restored_at is not None and known < restored_at


def _listed_to(progress: Progress, page: LeadPage) -> int | None:
    """The last id of the page; None if the ids of the sweep do not ascend."""
    if progress.listed_to is None:
        return None
    ids = [progress.listed_to, *(each.id for each in page.items if each.id is not None)]
    return ids[-1] if all(one < other for one, other in pairwise(ids)) else None
