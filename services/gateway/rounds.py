"""Rounds over a work list: what nobody has dealt with, many at once, account by account.

A list shows committed wishes only, and a wish stays there until the account has taken notice of
the result. So a result is remembered for a while, and repeated if nobody took notice of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from services.errors import Unavailable
from services.gateway.connections import Connection, Connections
from services.kommo.errors import AccountStopped, Rejected
from services.kommo.timing import SystemTiming, Timing, wait_for

log = structlog.get_logger(__name__)

_LETTING_GO_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRules:
    """The knobs of rounds.

    Attributes:
        batch_size: Rows of one account at once; Kommo takes and returns 250 at most.
        page_rows: Rows of the list per reading.
        poll_s: How often the list is read without a wake-up.
        settle_s: A result that was not taken notice of after this is worked out again.
        retry_s: Pause of an account after a failure.
        stopped_s: Pause of an account that does not let us in.
    """

    batch_size: int = 250
    page_rows: int = 2_000
    poll_s: float = 1.0
    settle_s: float = 60.0
    retry_s: float = 10.0
    stopped_s: float = 600.0


class Item(Protocol):
    """A row of a work list.

    Attributes:
        key: Names what is wished for, within all accounts.
        asked_version: Of the wish: a newer one is worked on whatever was told of the older.
    """

    @property
    def account_id(self) -> int: ...  # noqa: D102

    @property
    def key(self) -> Hashable: ...  # noqa: D102

    @property
    def asked_version(self) -> int: ...  # noqa: D102


R = TypeVar("R", bound=Item)


class Rounds(Generic[R]):
    """Hands the rows of a work list to `work`, one batch of an account at a time."""

    def __init__(
        self,
        *,
        name: str,
        pending: Callable[[int, R | None], Awaitable[Sequence[R]]],
        work: Callable[[Connection, list[R]], Awaitable[None]],
        connections: Connections,
        rules: RoundRules | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            name: For the log.
            pending: Reads so many rows after that one, over all accounts, the oldest first.
            work: Deals with rows of one account; returns when their results are durable.
            connections: The connected accounts.
            rules: The knobs.
            timing: The clock.
        """
        self._name = name
        self._pending = pending
        self._work = work
        self._connections = connections
        self._rules = rules or RoundRules()
        self._timing = timing or SystemTiming()
        self._wake = asyncio.Event()
        self._busy: dict[int, Connection] = {}
        self._next_at: dict[int, float] = {}
        # Answered, and not settled yet: key to (version, when).
        self._told: dict[Hashable, tuple[int, float]] = {}
        self._after: R | None = None

    def nudge(self) -> None:
        """Look at the list now."""
        self._wake.set()

    async def let_go(self) -> None:
        """Return once nothing is under way for accounts that are not ours any more."""
        while any(
            self._connections.get(account_id) is not connection
            for account_id, connection in self._busy.items()
        ):
            await self._timing.sleep(_LETTING_GO_S)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    await self._look(group)
                except Unavailable:
                    log.warning("list_unavailable", rounds=self._name)
                await wait_for(self._wake, self._rules.poll_s, self._timing)

    async def _look(self, group: asyncio.TaskGroup) -> None:
        limit = self._rules.page_rows
        found = await self._pending(limit, self._after)
        self._after = found[-1] if len(found) == limit else None
        now = self._timing.monotonic()
        # Insertion is in order of time, and what is over is at the front.
        for key, (_, at) in list(self._told.items()):
            if now - at < self._rules.settle_s:
                break
            del self._told[key]
        wanted: dict[int, list[R]] = defaultdict(list)
        for row in found:
            told = self._told.get(row.key)
            is_new = told is None or told[0] != row.asked_version
            if is_new and len(wanted[row.account_id]) < self._rules.batch_size:
                wanted[row.account_id].append(row)
        for account_id, rows in wanted.items():
            connection = self._connections.get(account_id)
            is_free = account_id not in self._busy and now >= self._next_at.get(account_id, 0.0)
            if rows and connection is not None and is_free:
                self._busy[account_id] = connection
                group.create_task(self._attempt(connection, rows))

    async def _attempt(self, connection: Connection, rows: list[R]) -> None:
        account_id, pause_s = connection.account_id, 0.0
        try:
            await self._work(connection, rows)
            self._remember(rows)
        except AccountStopped as stopped:
            pause_s = self._rules.stopped_s
            log.warning(
                "work_stopped", rounds=self._name, account_id=account_id, status=stopped.status
            )
        except (Unavailable, Rejected) as error:
            pause_s = self._rules.retry_s
            log.warning(
                "work_delayed",
                rounds=self._name,
                account_id=account_id,
                error=type(error).__name__,
            )
        finally:
            del self._busy[account_id]
            self._next_at[account_id] = self._timing.monotonic() + pause_s
            if not pause_s:
                self._wake.set()

    def _remember(self, rows: Sequence[R]) -> None:
        now = self._timing.monotonic()
        for row in rows:
            self._told.pop(row.key, None)
            self._told[row.key] = (row.asked_version, now)
