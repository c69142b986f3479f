"""Brings Kommo to the decided state: for each lead the newest wanted responsible.

Nothing is sent but what the work list holds, read again when the limiter has given the turn; so
a batch is as full and as fresh as can be. What may have been sent before (an unknown outcome, a
row older than this process) is read first, and a person's change is never overwritten (F8,
F50, F60). Every result is published before the decision leaves the board.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from contracts.inbound import (
    Inbound,
    InboundBody,
    LeadObserved,
    ResponsibleRefused,
    ResponsibleSet,
)
from contracts.kommo.rest import Lead
from projections.assignments import Assignment
from services.errors import Unavailable
from services.failpoints import failpoint
from services.gateway.board import Board, Row
from services.gateway.connections import Connection, Connections
from services.gateway.judgement import judge
from services.gateway.ports import Now, Publisher, Trail, WorkList
from services.gateway.splitter import isolate
from services.kommo.errors import AccountStopped, Closed, Rejected, Unreachable
from services.kommo.limiter import Priority, Turn
from services.kommo.starts import Lease
from services.kommo.timing import SystemTiming, Timing, wait_for
from services.tracing import now_ns

log = structlog.get_logger(__name__)

READ_MAX = 250
_NAMED_ROUNDS_MAX = 10
# More are left for another flight: other accounts wait for turns, too.
_PROOFS_MAX = 20
_GATEWAY_TIMEOUT = 504
_LETTING_GO_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRules:
    """The knobs of the pusher.

    Attributes:
        batch_size: Leads per PATCH; Kommo takes 250 and advises 50.
        linger_s: How long a batch that is not full waits for company.
        flights_max: Requests of one account at the same time.
        poll_s: How often the work list is read without a wake-up.
        scan_spacing_s: Least time between two readings of the work list.
        page_rows: Rows of the work list per reading.
        rows_max: Rows on the board of one account.
        told_max: Results not yet settled, per account; more stop its pushes.
        fresh_s: A decision older than this is read before it is sent.
        unsure_s: For so long after our database was restored from a backup, every lead is read
            before it is sent (F79).
        settle_s: A result that is not settled after this is looked at again.
        retry_first_s: Bound of the first random pause after a failure; triples each time.
        attempts_max: Failures after which a row or an account is parked.
        parked_s: Pause of what is parked, for ever again.
        stopped_s: Pause of an account that is unpaid or will not let us in.
        rejected_max: So many unexplained refusals in a row park the account instead of
            closing its requests (F33).
    """

    batch_size: int = 50
    linger_s: float = 0.1
    flights_max: int = 2
    poll_s: float = 1.0
    scan_spacing_s: float = 0.05
    page_rows: int = 2_000
    rows_max: int = 5_000
    told_max: int = 50_000
    fresh_s: float = 60.0
    unsure_s: float = 3_600.0
    settle_s: float = 120.0
    retry_first_s: float = 20.0
    attempts_max: int = 5
    parked_s: float = 600.0
    stopped_s: float = 3_600.0
    rejected_max: int = 20


# An account, and the lease under which it is ours: another one may act for it in between.
Term = tuple[int, Lease | None]


class _Refusal(Exception):
    """A batch was refused; `rows` are those that were sent."""

    def __init__(self, rows: Sequence[Row], rejected: Rejected) -> None:
        super().__init__("refused")
        self.rows = rows
        self.rejected = rejected


class Pusher:
    """One for all accounts of a gateway; run exactly one per account."""

    def __init__(
        self,
        *,
        work: WorkList,
        connections: Connections,
        publisher: Publisher,
        now: Now,
        random: Callable[[], float],
        rules: PushRules | None = None,
        timing: Timing | None = None,
        trail: Trail | None = None,
    ) -> None:
        self._work = work
        self._connections = connections
        self._publisher = publisher
        self._now = now
        self._random = random
        self._rules = rules or PushRules()
        self._timing = timing or SystemTiming()
        self._trail = trail
        self._boards: dict[int, tuple[Connection, Board]] = {}
        self._wake = asyncio.Event()
        self._scanning = asyncio.Lock()
        self._scanned_at = -float("inf")
        self._after: Assignment | None = None
        self._looking_at: list[Term] = []
        self._looked_at: dict[Term, None] = {}
        self._pass = 0
        self._pass_began_at = self._timing.monotonic()

    @property
    def stopped(self) -> dict[int, int]:
        """Connected accounts that do not let us in, and the status they answer."""
        return {
            account_id: board.stopped_status
            for account_id, (connection, board) in self._boards.items()
            if board.stopped_status is not None and self._connections.get(account_id) is connection
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
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    await self._scan()
                except Unavailable:
                    log.warning("work_list_unavailable")
                self._launch(group)
                await wait_for(self._wake, self._rules.poll_s, self._timing)

    def _launch(self, group: asyncio.TaskGroup) -> None:
        now = self._timing.monotonic()
        for connection, board in self._boards.values():
            if now < board.next_at:
                continue
            due = len(board.ready(now)) + len(board.doubtful(now))
            wanted = min(self._rules.flights_max, -(-due // board.batch))
            for _ in range(wanted - board.flights):
                board.flights += 1
                group.create_task(self._fly(connection, board))

    async def _scan(self) -> None:
        """Read the next part of the work list; at its end, begin again."""
        async with self._scanning:
            now = self._timing.monotonic()
            if now - self._scanned_at < self._rules.scan_spacing_s:
                return
            if self._after is None:
                self._looking_at = self._terms()
            limit = self._rules.page_rows
            found = await self._work.pending(limit=limit, after=self._after)
            self._scanned_at = now
            old_before = self._now() - timedelta(seconds=self._rules.fresh_s)
            unsure_after = self._now() - timedelta(seconds=self._rules.unsure_s)
            for wanted in found:
                board = self._board(wanted.account_id)
                if board is not None:
                    # What is there when an account is looked at first may have been sent by the
                    # process before, or by the gateway that had its lease before.
                    connection = self._boards[wanted.account_id][0]
                    is_first = (wanted.account_id, connection.lease) not in self._looked_at
                    is_old = is_first or wanted.decided_at < old_before
                    restored_at = connection.restored_at
                    board.is_unsure = restored_at is not None and restored_at > unsure_after
                    board.offer(wanted, now=now, is_old=is_old, seen_in=self._pass)
            if len(found) == limit:
                self._after = found[-1]
                self._wake.set()
                return
            for _, board in self._boards.values():
                board.close_pass(self._pass, began_at=self._pass_began_at)
            # Only these were connected for all of the pass, so that none of their rows was missed.
            looked_at = self._looked_at | dict.fromkeys(self._looking_at)
            self._looked_at = {term: None for term in self._terms() if term in looked_at}
            self._after, self._pass, self._pass_began_at = None, self._pass + 1, now

    def _board(self, account_id: int) -> Board | None:
        connection = self._connections.get(account_id)
        known = self._boards.get(account_id)
        if connection is None:
            return None
        if known is not None and known[0] is connection:
            return known[1]
        is_same_term = known is not None and known[0].lease == connection.lease
        board = known[1] if known is not None and is_same_term else self._new_board(account_id)
        # A new token or address: what stopped the account may be gone.
        board.next_at, board.stopped_status = 0.0, None
        self._boards[account_id] = (connection, board)
        return board

    def _is_present(self, connection: Connection) -> bool:
        """Whether the account is still called by it."""
        return self._connections.get(connection.account_id) is connection

    def _terms(self) -> list[Term]:
        return [(each.account_id, each.lease) for each in self._connections.all()]

    def _new_board(self, account_id: int) -> Board:
        rules = self._rules
        return Board(
            account_id=account_id,
            rows_max=rules.rows_max,
            told_max=rules.told_max,
            fresh_s=rules.fresh_s,
            settle_s=rules.settle_s,
            batch=rules.batch_size,
        )

    async def _fly(self, connection: Connection, board: Board) -> None:
        try:
            if len(board.ready(self._timing.monotonic())) < board.batch:
                await self._timing.sleep(self._rules.linger_s)
            while board.has_work(self._timing.monotonic()) and self._is_present(connection):
                flight = _Flight(self, connection, board)
                try:
                    await flight.go()
                finally:
                    flight.land()
        finally:
            board.flights -= 1
            self._wake.set()


class _Flight:
    """One batch of one account, from the choice of its rows to their results."""

    def __init__(self, pusher: Pusher, connection: Connection, board: Board) -> None:
        self._pusher = pusher
        self._rules = pusher._rules  # noqa: SLF001 - a flight is a part of its pusher
        self._timing = pusher._timing  # noqa: SLF001
        self._connection = connection
        self._client = connection.client
        self._board = board
        self._rows: list[Row] = []
        self._sent: list[Row] = []

    async def go(self) -> None:
        """Read or send one batch, and deal with every way in which that can end."""
        board = self._board
        try:
            await self._check_or_push()
        except Closed:
            pass  # nothing happened; the limiter knows when to go on
        except AccountStopped as stopped:
            self._stop(stopped.status)
        except Unreachable as error:
            self._retry_later(error)
        except Rejected as rejected:
            # A refused reading: nothing about the decisions is known by that.
            board.next_at = self._timing.monotonic() + self._rules.parked_s
            log.error("check_refused", account_id=board.account_id, status=rejected.status)  # noqa: TRY400 - no bug
        except Unavailable:
            # The work list, or a crowd at the limiter: nothing was sent.
            board.next_at = self._timing.monotonic() + self._rules.poll_s
            log.warning("push_delayed", account_id=board.account_id)
        else:
            self._resume()

    def land(self) -> None:
        """Let go of the rows; what was sent without an answer has to be read."""
        for row in self._sent:
            self._doubt(row)
        for row in self._rows:
            self._board.flying.discard(row.wanted.lead_id)

    async def _check_or_push(self) -> None:
        if self._board.doubtful(self._timing.monotonic()):
            async with self._client.turn(Priority.CHECK) as turn:
                chosen = self._board.doubtful(self._timing.monotonic())[:READ_MAX]
                rows = await self._still_wanted(chosen)
                if not rows:
                    return
                found = await self._client.leads_by_ids(_ids(rows), turn=turn)
            await self._judge(rows, found)
            return
        try:
            await self._push()
        except _Refusal as refusal:
            await self._sort_out(refusal)

    async def _push(self) -> None:
        """Send the next batch, chosen when the turn has come."""
        board = self._board
        async with self._client.turn(Priority.PUSH) as turn:
            if len(board.ready(self._timing.monotonic())) < board.batch:
                await self._pusher._scan()  # noqa: SLF001 - late company is welcome
            chosen = board.ready(self._timing.monotonic())[: board.batch]
            rows = await self._still_wanted(chosen)
            if not rows:
                return
            await self._patch(rows, turn)

    async def _send(self, rows: Sequence[Row]) -> _Refusal | None:
        """Send a part of a refused batch; None when nothing of it is refused."""
        try:
            async with self._client.turn(Priority.PUSH) as turn:
                kept = await self._still_wanted(rows)
                if kept:
                    await self._patch(kept, turn)
        except _Refusal as refusal:
            return refusal
        return None

    async def _patch(self, rows: Sequence[Row], turn: Turn) -> None:
        wanted = {row.wanted.lead_id: row.wanted.manager_id for row in rows}
        self._sent = list(rows)
        began_ns = now_ns()
        try:
            failpoint("gateway.before_send")
            times = await self._client.set_responsible(wanted, turn=turn)
            failpoint("gateway.after_send")
        except Rejected as rejected:
            self._sent = []
            raise _Refusal(rows, rejected) from rejected
        except Closed:
            self._sent = []
            raise
        except (AccountStopped, Unreachable) as error:
            if not getattr(error, "may_have_happened", False):
                self._sent = []
            raise
        ended_ns = now_ns()
        self._sent = []
        done = [row for row in rows if row.wanted.lead_id in times]
        for row in rows:
            if row.wanted.lead_id not in times:
                # The answer is silent about it: read it, and then perhaps send it again.
                self._doubt(row)
                self._fail(row)
        self._board.rejected = 0
        self._board.batch = min(self._rules.batch_size, self._board.batch * 2)
        await self._tell(
            [
                (
                    row,
                    ResponsibleSet(
                        request_id=row.wanted.request_id,
                        attempt=row.wanted.attempt,
                        lead_id=row.wanted.lead_id,
                        manager_id=row.wanted.manager_id,
                        modified_at=times[row.wanted.lead_id],
                        how="answered",
                    ),
                )
                for row in done
            ]
        )
        log.info("batch_pushed", account_id=self._board.account_id, leads=len(done))
        trail = self._pusher._trail  # noqa: SLF001
        if trail is not None:
            patched = [row.wanted for row in done]
            await trail.patched(patched, began_ns=began_ns, ended_ns=ended_ns)

    async def _still_wanted(self, rows: Sequence[Row]) -> list[Row]:
        """Read the work list again: nothing is sent that is not wanted any more (I4)."""
        if not rows or not self._pusher._is_present(self._connection):  # noqa: SLF001
            return []
        mine = set(map(id, self._rows))
        for row in rows:
            if id(row) not in mine:
                self._rows.append(row)
                self._board.flying.add(row.wanted.lead_id)
        current = await self._pusher._work.of_leads(  # noqa: SLF001
            self._board.account_id, _ids(rows)
        )
        return self._board.take(rows, current, self._timing.monotonic())

    async def _judge(self, rows: Sequence[Row], found: dict[int, Lead]) -> list[Row]:
        """Settle what a reading settles; returns the rows that may be sent."""
        told: list[tuple[Row, InboundBody]] = []
        to_send: list[Row] = []
        now = self._timing.monotonic()
        for row in rows:
            wanted, lead = row.wanted, found.get(row.wanted.lead_id)
            judgement = judge(wanted, lead, ours=self._board.maybe.get(wanted.lead_id))
            if judgement == "send":
                row.is_doubtful, row.known_at = False, now
                to_send.append(row)
            elif judgement == "gone" or lead is None:
                told.append((row, _refused(row, "lead_gone", "")))
            elif judgement == "confirmed":
                told.append((row, _read(row, lead)))
            else:
                told.append((row, _observed(lead)))
        await self._tell(told)
        log.info(
            "leads_checked",
            account_id=self._board.account_id,
            leads=len(rows),
            to_send=len(to_send),
        )
        return to_send

    async def _sort_out(self, refusal: _Refusal) -> None:
        """A batch was refused: send the good ones, find out what is wrong with the others."""
        if len(refusal.rows) == 1:
            await self._condemn([(refusal.rows[0], refusal)])
            return
        named, left = await self._send_unnamed(refusal)
        if named:
            await self._prove(named)
        if left:
            # Most refusals without a name are leads that are gone; one reading tells them all.
            kept = await self._judge(left, await self._read(left))
            if kept and (len(kept) == len(left) or await self._send(kept) is not None):
                bad = await isolate(kept, self._send, shares_verdict=_shares_verdict)
                await self._condemn(bad)

    async def _send_unnamed(self, refusal: _Refusal) -> tuple[list[Row], list[Row]]:
        """Send what Kommo's complaints do not point at; returns the named and the unsent."""
        named: list[Row] = []
        for _ in range(_NAMED_ROUNDS_MAX):
            indexes = {each.index for each in refusal.rejected.complaints}
            rest = [row for index, row in enumerate(refusal.rows) if index not in indexes]
            if len(rest) == len(refusal.rows):
                return named, rest
            named += [row for index, row in enumerate(refusal.rows) if index in indexes]
            again = await self._send(rest) if rest else None
            if again is None:
                return named, []
            refusal = again
        return named, list(refusal.rows)

    async def _prove(self, named: Sequence[Row]) -> None:
        """Being named is a hint: one of each kind is sent alone before any is given up.

        A kind is a manager: if he is refused, all of his are. A hint that was wrong costs one
        request, and its row is set by it.
        """
        kept: list[Row] = []
        for part in _parts(named, READ_MAX):
            kept += await self._judge(part, await self._read(part))
        bad: list[tuple[Row, _Refusal]] = []
        proofs = 0
        while kept and proofs < _PROOFS_MAX:
            proofs += 1
            suspect, *kept = kept
            refusal = await self._send([suspect])
            if refusal is not None:
                alike = [row for row in kept if _shares_verdict(suspect, row, refusal)]
                kept = [row for row in kept if row not in alike]
                bad += [(row, refusal) for row in (suspect, *alike)]
        await self._give_up(bad)

    async def _read(self, rows: Sequence[Row]) -> dict[int, Lead]:
        async with self._client.turn(Priority.CHECK) as turn:
            return await self._client.leads_by_ids(_ids(rows), turn=turn)

    async def _condemn(self, bad: Sequence[tuple[Row, _Refusal]]) -> None:
        """Give up what was refused alone, after a look at whether the leads exist at all."""
        rows = [row for row, _ in bad]
        kept = set(map(id, await self._judge(rows, await self._read(rows)))) if rows else set()
        await self._give_up([(row, refusal) for row, refusal in bad if id(row) in kept])

    async def _give_up(self, bad: Sequence[tuple[Row, _Refusal]]) -> None:
        """Publish why these cannot be set."""
        told: list[tuple[Row, InboundBody]] = []
        for row, refusal in bad:
            body = _verdict(row, refusal.rejected)
            if body.reason == "rejected":
                self._board.rejected += 1
                if self._board.rejected > self._rules.rejected_max:
                    self._park(row)
                    continue
            told.append((row, body))
        if told:
            await self._tell(told)
            log.warning("assignments_refused", account_id=self._board.account_id, leads=len(told))

    async def _tell(self, results: Sequence[tuple[Row, InboundBody]]) -> None:
        """Publish results in one go, then take their rows off the board."""
        if not results:
            return
        at = self._pusher._now()  # noqa: SLF001
        account_id = self._board.account_id
        await self._pusher._publisher.publish(  # noqa: SLF001
            [
                Inbound(
                    account_id=account_id,
                    message_id=_message_id(row.wanted, body, at.isoformat()),
                    at=at,
                    body=body,
                )
                for row, body in results
            ]
        )
        failpoint("gateway.after_tell")
        now = self._timing.monotonic()
        for row, _ in results:
            self._board.tell(row, now)

    def _doubt(self, row: Row) -> None:
        row.is_doubtful = True
        self._board.maybe[row.wanted.lead_id] = row.wanted.manager_id

    def _fail(self, row: Row) -> None:
        row.tries += 1
        if row.tries >= self._rules.attempts_max:
            row.next_at = self._timing.monotonic() + self._rules.parked_s

    def _park(self, row: Row) -> None:
        now = self._timing.monotonic()
        row.next_at = self._board.next_at = now + self._rules.parked_s
        row.is_doubtful = True
        log.error("pushes_refused_throughout", account_id=self._board.account_id)

    def _retry_later(self, error: Unreachable) -> None:
        """Full jitter, growing, then parked: a push is never dropped (F49)."""
        board, rules = self._board, self._rules
        for row in self._sent or self._rows:
            self._fail(row)
            row.is_doubtful = True
        board.failures += 1
        is_parked = board.failures >= rules.attempts_max
        bound_s = min(rules.parked_s, rules.retry_first_s * 3.0 ** min(board.failures - 1, 10))
        random = self._pusher._random()  # noqa: SLF001
        pause_s = rules.parked_s if is_parked else bound_s * random
        board.next_at = self._timing.monotonic() + pause_s
        if error.status in (None, _GATEWAY_TIMEOUT):
            board.batch = max(1, board.batch // 2)
        log.warning(
            "push_failed",
            account_id=board.account_id,
            status=error.status,
            failures=board.failures,
            is_parked=is_parked,
            pause_s=round(pause_s, 1),
        )

    def _stop(self, status: int) -> None:
        board = self._board
        board.next_at = self._timing.monotonic() + self._rules.stopped_s
        if board.stopped_status != status:
            board.stopped_status = status
            log.error("account_stopped", account_id=board.account_id, status=status)

    def _resume(self) -> None:
        board = self._board
        board.failures = 0
        if board.stopped_status is not None:
            board.stopped_status = None
            log.info("account_resumed", account_id=board.account_id)


def _ids(rows: Sequence[Row]) -> list[int]:
    return [row.wanted.lead_id for row in rows]


def _parts(rows: Sequence[Row], size: int) -> list[Sequence[Row]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _is_about_manager(rejected: Rejected) -> bool:
    return any(
        each.code == "NotSupportedChoice" and each.path.endswith("responsible_user_id")
        for each in rejected.complaints
    )


def _shares_verdict(found: Row, other: Row, refusal: _Refusal) -> bool:
    return (
        _is_about_manager(refusal.rejected) and found.wanted.manager_id == other.wanted.manager_id
    )


def _verdict(row: Row, rejected: Rejected) -> ResponsibleRefused:
    if _is_about_manager(rejected):
        return _refused(row, "manager_refused", rejected.detail)
    details = [each.detail for each in rejected.complaints if each.detail]
    return _refused(row, "rejected", details[0] if details else rejected.detail)


def _refused(row: Row, reason: str, detail: str) -> ResponsibleRefused:
    wanted = row.wanted
    return ResponsibleRefused(
        request_id=wanted.request_id,
        attempt=wanted.attempt,
        lead_id=wanted.lead_id,
        manager_id=wanted.manager_id,
        reason=reason,  # type: ignore[arg-type] # one of the three literals above
        detail=detail,
    )


def _read(row: Row, lead: Lead) -> ResponsibleSet:
    wanted = row.wanted
    return ResponsibleSet(
        request_id=wanted.request_id,
        attempt=wanted.attempt,
        lead_id=wanted.lead_id,
        manager_id=wanted.manager_id,
        modified_at=lead.updated_at,
        how="read",
    )


def _observed(lead: Lead) -> LeadObserved:
    return LeadObserved(
        lead_id=lead.id,
        stage=lead.stage,
        responsible_id=lead.responsible_user_id,
        modified_at=lead.updated_at,
        created_at=lead.created_at,
        reason="lookup",
    )


def _message_id(wanted: Assignment, body: InboundBody, at: str) -> str:
    kind = {ResponsibleSet: "set", ResponsibleRefused: "refused"}.get(type(body), "taken")
    return f"push/{kind}/{wanted.request_id}/{wanted.attempt}/{at}"
