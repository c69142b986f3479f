"""Brings Kommo to the decided state: for each lead the newest wanted responsible.

Accounts take turns (`services.gateway.round_robin`), and a turn is a batch
(`services.gateway.flight`): what it costs does not grow with what waits. A person's change is never
overwritten (F8, F50, F60), and every result is published before the decision leaves the board.
"""

import asyncio
import math
from collections.abc import Callable

import structlog

from services.gateway.board import NEVER, Board
from services.gateway.connections import Connection, Connections
from services.gateway.failures import Failures
from services.gateway.flight import Crew, Flight, Refusal
from services.gateway.ports import InboundPublisher, Now, Trail, WorkList
from services.gateway.refusals import Sorting
from services.gateway.round_robin import RoundRobin
from services.gateway.settings import PushSettings
from services.kommo.errors import AccountStopped, Closed, Rejected, Unreachable
from services.kommo.starts import Lease
from services.kommo.timing import SystemTiming, Timing
from services.kommo.transport import nobody
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)

_LETTING_GO_S = 0.05
# Turns that may be waited for at the same time: a few, so that the next is ready when one is
# given, and no more, so that it is the accounts' order that counts.
_AHEAD = 2
# So often a result is looked for before it counts as overlooked.
_REVIEWS = 40

# An account, and the lease under which it is ours: another one may act for it in between.
Term = tuple[int, Lease | None]


class Pusher:
    """One for all accounts of a gateway; run exactly one per account."""

    def __init__(  # noqa: PLR0913 - its ports
        self,
        *,
        work: WorkList,
        connections: Connections,
        publisher: InboundPublisher,
        now: Now,
        random: Callable[[], float],
        settings: PushSettings | None = None,
        timing: Timing | None = None,
        trail: Trail | None = None,
        on_idle: Callable[[int, float], None] = nobody,
        is_strict: bool = False,
    ) -> None:
        self._on_idle = on_idle
        self._work = work
        self._connections = connections
        self._settings = settings or PushSettings()
        self._timing = timing or SystemTiming()
        self._failures = Failures(self._settings.parked_s, "pusher", is_strict)
        self._crew = Crew(
            work=work,
            publisher=publisher,
            now=now,
            random=random,
            settings=self._settings,
            timing=self._timing,
            trail=trail,
            is_present=self._is_present,
        )
        self._boards: dict[int, tuple[Connection, Board]] = {}
        self._rota = RoundRobin()
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._ahead = asyncio.Semaphore(_AHEAD)
        self._known: dict[Term, None] = {}
        self._looked_at = NEVER

    @property
    def stopped(self) -> dict[int, int]:
        """Connected accounts that do not let us in, and the status they answer."""
        return {
            account_id: board.stopped_status
            for account_id, (connection, board) in self._boards.items()
            if board.stopped_status is not None and self._is_present(connection)
        }

    @property
    def held(self) -> dict[int, int]:
        """How many leads of each account are remembered: under way, in doubt, or just set."""
        return {
            account_id: len(board.again) + len(board.flying) + len(board.told)
            for account_id, (_, board) in self._boards.items()
        }

    def nudge(self) -> None:
        """Look at the work list now."""
        self._wake.set()

    async def let_go(self) -> None:
        """Return once no request is under way for accounts that are not ours any more."""
        while any(
            board.flights and not self._is_present(connection)
            for connection, board in self._boards.values()
        ):
            await self._timing.sleep(_LETTING_GO_S)

    async def run(self) -> None:
        """Push until cancelled; a request in flight is then abandoned, and read at next start."""
        # A flight that was cancelled before its first step gave nothing back.
        self._ahead = asyncio.Semaphore(_AHEAD)
        for _, board in self._boards.values():
            board.flights = 0
        async with asyncio.TaskGroup() as group:
            group.create_task(self._launch(group))
            group.create_task(self._review())
            while True:
                self._wake.clear()
                try:
                    await self._look()
                except Unavailable:
                    log.warning("work_list_unavailable")
                await self._timing.wait(self._wake, self._settings.poll_ms / 1_000)

    async def _look(self) -> None:
        """See which accounts have work, and how far it reaches."""
        spacing_s = self._settings.scan_spacing_ms / 1_000
        await self._timing.sleep(max(0.0, self._looked_at + spacing_s - self._monotonic()))
        present = [(each.account_id, each.lease) for each in self._connections.all()]
        heads = await self._work.heads()
        self._looked_at = self._monotonic()
        for account_id, head in heads.items():
            board = self._board(account_id, head)
            if board is not None:
                board.hear(head, self._looked_at)
                self._enlist(board)
        # Only what was there before the look was seen by it.
        self._known = dict.fromkeys(present)
        for account_id, (_, board) in list(self._boards.items()):
            if not board.flights and self._connections.get(account_id) is None:
                self._rota.put(account_id, math.inf)
                del self._boards[account_id]

    def _board(self, account_id: int, head: int) -> Board | None:
        connection = self._connections.get(account_id)
        if connection is None:
            return None
        known = self._boards.get(account_id)
        if known is not None and known[0] is connection:
            return known[1]
        if known is not None and _is_same(known[0], connection):
            board = known[1]
            # A new token or address: what stopped the account may be gone.
            board.next_at, board.stopped_status = NEVER, None
        else:
            # What is there when an account is looked at first may have been sent by the process
            # before, or by the gateway that had its lease before.
            is_known = known is None and (account_id, connection.lease) in self._known
            board = Board(account_id, self._settings, past=0 if is_known else head)
        self._boards[account_id] = (connection, board)
        return board

    def _enlist(self, board: Board) -> None:
        """Put the account on the rota for when it has something to send."""
        now = self._monotonic()
        at = math.inf
        if board.flights < self._settings.flights_max:
            at = board.next_work_at(now)
        if at <= now and board.is_drained and not board.flights:
            at = now + self._settings.linger_ms / 1_000  # company is welcome
        self._rota.put(board.account_id, at)
        self._moved.set()

    async def _launch(self, group: asyncio.TaskGroup) -> None:
        """Let the accounts go in turn."""
        while True:
            await self._ahead.acquire()
            try:
                connection, board = await self._next()
            except BaseException:
                self._ahead.release()  # nothing flies: it is there for whoever launches next
                raise
            board.flights += 1
            group.create_task(self._fly(connection, board))
            self._enlist(board)

    async def _next(self) -> tuple[Connection, Board]:
        """Wait for the account whose turn it is."""
        while True:
            now = self._monotonic()
            account_id = self._rota.next(now)
            if account_id is None:
                self._moved.clear()
                pause_s = self._rota.next_at() - now
                await self._timing.wait(self._moved, min(pause_s, 3_600.0))
                continue
            connection, board = self._boards[account_id]
            if not self._is_present(connection):
                continue
            if board.next_work_at(now) <= now and board.flights < self._settings.flights_max:
                return connection, board
            self._enlist(board)

    async def _fly(self, connection: Connection, board: Board) -> None:
        restored_at = connection.restored_at
        age_s = math.inf
        if restored_at is not None:
            age_s = (self._crew.now() - restored_at).total_seconds()
        board.is_unsure = age_s < self._settings.unsure_s
        release = _once(self._ahead.release)
        flight = Flight(self._crew, connection, board, release)
        try:
            await self._attempt(flight)
        finally:
            flight.land()
            board.flights -= 1
            release()
            self._rota.charge(board.account_id, flight.requests)
            self._enlist(board)

    async def _attempt(self, flight: Flight) -> None:
        """Send one batch, and deal with every way in which that can end."""
        board = flight.board
        try:
            try:
                await flight.go()
            except Refusal as refusal:
                await Sorting(flight).sort_out(refusal)
        except Closed:
            pass  # nothing happened; the limiter knows when to go on
        except AccountStopped as stopped:
            self._stop(board, stopped)
        except Unreachable as error:
            self._retry_later(flight, error)
        except Rejected as rejected:
            # A refused reading: nothing about the decisions is known by that.
            board.next_at = self._monotonic() + self._settings.parked_s
            log.error("check_refused", account_id=board.account_id, status=rejected.status)  # noqa: TRY400 - no bug
        except Unavailable:
            # The work list, or a crowd at the limiter: nothing was sent.
            board.next_at = self._monotonic() + self._settings.poll_ms / 1_000
            log.warning("push_delayed", account_id=board.account_id)
        except Exception as error:  # noqa: BLE001 - the other accounts go on
            # What was sent by then is read before it is sent again, as after any failure.
            flight.doubt()
            pause_s = self._failures.unexpected(board.account_id, error)
            board.next_at = self._monotonic() + pause_s
        else:
            self._failures.over(board.account_id)
            self._resume(board)

    async def _review(self) -> None:
        """Look for results that are settled, and for those that nobody took notice of."""
        while True:
            board = self._due_for_review()
            if board is None:
                await self._timing.sleep(self._settings.poll_ms / 1_000)
                continue
            try:
                await self._review_one(board)
            except Exception as error:  # noqa: BLE001 - the other accounts go on
                self._failures.unexpected(board.account_id, error)
                board.reviewed_at = self._monotonic()
            await self._timing.sleep(self._settings.scan_spacing_ms / 1_000)

    async def _review_one(self, board: Board) -> None:
        lead_ids = board.to_review(self._settings.page_rows)
        try:
            current = await self._work.of_leads(board.account_id, lead_ids)
        except Unavailable:
            current = ()
            lead_ids = []
        board.review(lead_ids, current, self._monotonic())
        self._enlist(board)

    def _due_for_review(self) -> Board | None:
        before = self._monotonic() - self._settings.settle_s / _REVIEWS
        due = (
            board
            for _, board in self._boards.values()
            if board.told and board.reviewed_at <= before
        )
        return min(due, key=lambda board: board.reviewed_at, default=None)

    def _retry_later(self, flight: Flight, error: Unreachable) -> None:
        """Full jitter, growing, then parked: a push is never dropped (F49)."""
        board, settings = flight.board, self._settings
        size = flight.doubt()
        board.failures += 1
        is_parked = board.failures >= settings.attempts_max
        grown_s = settings.retry_first_s * 3.0 ** min(board.failures - 1, 10)
        bound_s = min(settings.parked_s, grown_s)
        pause_s = settings.parked_s if is_parked else bound_s * self._crew.random()
        board.next_at = self._monotonic() + pause_s
        if size and error.took_too_long:
            board.overtaxed(size)
        log.warning(
            "push_failed",
            account_id=board.account_id,
            status=error.status,
            failures=board.failures,
            is_parked=is_parked,
            pause_s=round(pause_s, 1),
        )

    def _stop(self, board: Board, stopped: AccountStopped) -> None:
        pause_s = stopped.retry_in_s or self._settings.stopped_s
        self._on_idle(board.account_id, pause_s)
        board.next_at = self._monotonic() + pause_s
        if board.stopped_status != stopped.status:
            board.stopped_status = stopped.status
            log.error("account_stopped", account_id=board.account_id, status=stopped.status)

    @staticmethod
    def _resume(board: Board) -> None:
        board.failures = 0
        if board.stopped_status is not None:
            board.stopped_status = None
            log.info("account_resumed", account_id=board.account_id)

    def _is_present(self, connection: Connection) -> bool:
        """Whether the account is still called by it."""
        return self._connections.get(connection.account_id) is connection

    def _monotonic(self) -> float:
        return self._timing.monotonic()


def _is_same(known: Connection, new: Connection) -> bool:
    """Whether what is remembered of the account holds on: nobody else acted, nothing was lost."""
    return (known.lease, known.restored_at) == (new.lease, new.restored_at)


def _once(act: Callable[[], None]) -> Callable[[], None]:
    """The same, however often it is called."""
    done: list[None] = []

    def acted() -> None:
        if not done:
            done.append(None)
            act()

    return acted
