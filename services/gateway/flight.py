"""One turn of one account: a batch is put together, read if it has to be, and sent (F8, F50, F60).

Reading and writing belong together: what was read is written next, before the account or any
other reads anything else, or what was read would be old again by the time it is sent.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from contracts.inbound import InboundBody
from contracts.kommo.rest import Lead
from services.gateway import results
from services.gateway.board import NEVER, Board, Push
from services.gateway.connections import Connection
from services.gateway.judgement import judge
from services.gateway.ports import InboundPublisher, Now, Trail, WorkList
from services.gateway.settings import PushSettings
from services.kommo.client import PAGE_MAX, Found
from services.kommo.errors import AccountStopped, Closed, Rejected, Unreachable
from services.kommo.limiter import CallTurn, Priority
from services.kommo.timing import Timing
from services.shared.failpoints import failpoint
from services.shared.tracing import now_ns

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Refusal(Exception):
    """A batch was refused as a whole; `pushes` are those that were sent."""

    def __init__(self, pushes: Sequence[Push], rejected: Rejected) -> None:
        super().__init__("refused")
        self.pushes = pushes
        self.rejected = rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What every flight needs."""

    work: WorkList
    publisher: InboundPublisher
    now: Now
    random: Callable[[], float]
    settings: PushSettings
    timing: Timing
    trail: Trail | None
    is_present: Callable[[Connection], bool]


class Flight:
    """One batch, from the choice of its decisions to their results.

    Attributes:
        requests: How many it took so far.
    """

    def __init__(
        self, crew: Crew, connection: Connection, board: Board, on_turn: Callable[[], None]
    ) -> None:
        """Prepare; nothing is chosen yet.

        Args:
            crew: What it needs.
            connection: To the account.
            board: Of the account.
            on_turn: Told when the limiter has given the first turn.
        """
        self.crew = crew
        self.board = board
        self.client = connection.client
        self.requests = 0
        self._connection = connection
        self._on_turn = on_turn
        self._pushes: dict[int, Push] = {}
        self._sent: Sequence[Push] = ()

    async def go(self) -> None:
        """Send the account's next batch.

        Raises:
            Refusal: Kommo refused it as a whole.
            Exception: Whatever a call raises, or the work list.
        """
        async with self.client.turn(Priority.PUSH) as turn:
            self._on_turn()
            chosen = await self._choose()
            now = self._monotonic()
            doubtful = [push for push in chosen if push.is_doubtful(now)]
            if not doubtful:
                if chosen:
                    await self._patch(chosen, turn)
                return
            found = await self._leads(doubtful, turn)
        sure = [push for push in chosen if not push.is_doubtful(now)]
        to_send = sure + await self.judge(doubtful, found)
        if to_send and (refusal := await self.send(to_send)) is not None:
            raise refusal

    def land(self) -> None:
        """Let go of the leads; what has no result goes out again, read first if it was sent."""
        for push in self._sent:
            self.board.doubt(push)
        self.board.flying -= self._pushes.keys()
        for push in self._pushes.values():
            self.board.keep(push)

    async def send(self, pushes: Sequence[Push]) -> Refusal | None:
        """Send what is still wanted of them; None when nothing of it is refused."""
        try:
            async with self.client.turn(Priority.PUSH) as turn:
                kept = await self._still_wanted(pushes)
                if kept:
                    await self._patch(kept, turn)
        except Refusal as refusal:
            return refusal
        return None

    async def read(self, pushes: Sequence[Push]) -> list[Push]:
        """Read the leads and settle what that settles; returns what may be sent."""
        kept: list[Push] = []
        for start in range(0, len(pushes), PAGE_MAX):
            part = pushes[start : start + PAGE_MAX]
            async with self.client.turn(Priority.PUSH) as turn:
                found = await self._leads(part, turn)
            kept += await self.judge(part, found)
        return kept

    async def judge(self, pushes: Sequence[Push], found: Found[Lead]) -> list[Push]:
        """Settle what a reading settles; returns what may be sent."""
        told: list[tuple[Push, InboundBody]] = []
        to_send: list[Push] = []
        sure_until = self._monotonic() + self.crew.settings.fresh_s
        for push in pushes:
            wanted = push.wanted
            if wanted.lead_id in found.unread:
                self._put_off(push)
                continue
            lead = found.by_id.get(wanted.lead_id)
            judgement = judge(wanted, lead, ours=self.board.maybe.get(wanted.lead_id))
            if judgement == "send":
                push.sure_until = sure_until
                to_send.append(push)
            elif judgement == "gone" or lead is None:
                told.append((push, results.gone(wanted)))
            elif judgement == "not_there":
                told.append((push, results.not_there(wanted)))
            elif judgement == "confirmed":
                told.append((push, results.carried_out(wanted, lead.updated_at, "read")))
            else:
                told.append((push, results.observed(lead)))
        await self.tell(told)
        log.info(
            "leads_checked",
            account_id=self.board.account_id,
            leads=len(pushes),
            to_send=len(to_send),
        )
        return to_send

    async def tell(self, told: Sequence[tuple[Push, InboundBody]]) -> None:
        """Publish results in one go, then take them off the board."""
        if not told:
            return
        at = self.crew.now()
        await self.crew.publisher.publish(
            [results.message(push.wanted, body, at) for push, body in told]
        )
        failpoint("gateway.after_tell")
        now = self._monotonic()
        for push, _ in told:
            self.board.tell(push, now)
            self._forget(push)

    def fail(self, pushes: Sequence[Push]) -> None:
        """A request failed with these; after some failures they wait for long."""
        for push in pushes:
            push.tries += 1
            if push.tries >= self.crew.settings.attempts_max:
                push.next_at = self._monotonic() + self.crew.settings.parked_s

    def doubt(self) -> int:
        """A request failed: whatever it was about is read before it is sent (again); how many."""
        failed = self._sent or tuple(self._pushes.values())
        self.fail(failed)
        for push in failed:
            push.sure_until = NEVER
        return len(failed)

    async def _choose(self) -> Sequence[Push]:
        """The next batch, as the work list wants it now: nothing else is sent (I4)."""
        board, limit = self.board, self.board.batch
        async with board.choosing:
            is_paused = self._monotonic() < board.next_at
            if is_paused or not self.crew.is_present(self._connection):
                return []
            board.turns += 1
            # What failed goes first every other time, so that neither keeps the other waiting.
            if board.turns % 2:
                again = self._again(limit)
                return [*await self._still_wanted(again), *await self._fresh(limit - len(again))]
            fresh = await self._fresh(limit)
            return [*fresh, *await self._still_wanted(self._again(limit - len(fresh)))]

    def _again(self, limit: int) -> list[Push]:
        """What has to go out again."""
        due = self.board.due_again(self._monotonic(), limit)
        self._take_off(due)
        return due

    async def _fresh(self, limit: int) -> list[Push]:
        """The next decisions of the list that were not looked at yet."""
        board = self.board
        if limit <= 0 or board.cursor >= board.head:
            return []
        head = board.head
        found = await self.crew.work.pending(board.account_id, limit=limit, after=board.cursor)
        fresh = board.adopt(
            found, limit=limit, head=head, now=self._monotonic(), clock=self.crew.now()
        )
        self._take_off(fresh)
        return fresh

    async def _still_wanted(self, pushes: Sequence[Push]) -> list[Push]:
        """Those that the work list wants, as it stands now (I4)."""
        if not pushes or not self.crew.is_present(self._connection):
            return []
        lead_ids = [push.wanted.lead_id for push in pushes]
        current = await self.crew.work.of_leads(self.board.account_id, lead_ids)
        kept = self.board.take(pushes, current)
        staying = set(map(id, kept))
        for push in pushes:
            if id(push) not in staying:
                self._forget(push)
        return kept

    async def _patch(self, pushes: Sequence[Push], turn: CallTurn) -> None:
        wanted = {push.wanted.lead_id: push.wanted.manager_id for push in pushes}
        self._sent = pushes
        began_ns = now_ns()
        try:
            failpoint("gateway.before_send")
            times = await self._count(self.client.set_responsible(wanted, turn=turn))
            failpoint("gateway.after_send")
        except Rejected as rejected:
            self._sent = ()
            raise Refusal(pushes, rejected) from rejected
        except Closed:
            self._sent = ()
            raise
        except (AccountStopped, Unreachable) as error:
            if not getattr(error, "may_have_happened", False):
                self._sent = ()
            raise
        ended_ns = now_ns()
        self._sent = ()
        done = [push for push in pushes if push.wanted.lead_id in times]
        silent = [push for push in pushes if push.wanted.lead_id not in times]
        for push in silent:
            self.board.doubt(push)
        self.fail(silent)
        self.board.succeeded()
        await self.tell(
            [
                (push, results.carried_out(push.wanted, times[push.wanted.lead_id], "answered"))
                for push in done
            ]
        )
        log.info("batch_pushed", account_id=self.board.account_id, leads=len(done))
        if self.crew.trail is not None:
            patched = [push.wanted for push in done]
            await self.crew.trail.patched(patched, began_ns=began_ns, ended_ns=ended_ns)

    async def _leads(self, pushes: Sequence[Push], turn: CallTurn) -> Found[Lead]:
        lead_ids = [push.wanted.lead_id for push in pushes]
        found = await self._count(
            self.client.leads_by_ids(lead_ids, priority=Priority.PUSH, turn=turn)
        )
        self.requests += found.calls - 1
        return found

    async def _count(self, call: Awaitable[T]) -> T:
        self.requests += 1
        return await call

    def _take_off(self, pushes: Sequence[Push]) -> None:
        for push in pushes:
            self._pushes[push.wanted.lead_id] = push
            self.board.flying.add(push.wanted.lead_id)

    def _forget(self, push: Push) -> None:
        """It has its result, or is wanted no more."""
        self._pushes.pop(push.wanted.lead_id, None)
        self.board.flying.discard(push.wanted.lead_id)

    def _put_off(self, push: Push) -> None:
        """What Kommo says of the lead makes no sense: it is read again later, ever more seldom."""
        settings = self.crew.settings
        bound_s = settings.retry_first_s * 3.0 ** min(push.tries, 10)
        push.tries, push.sure_until = push.tries + 1, NEVER
        push.next_at = self._monotonic() + min(settings.parked_s, bound_s)

    def _monotonic(self) -> float:
        return self.crew.timing.monotonic()
