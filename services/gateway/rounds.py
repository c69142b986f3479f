"""Rounds over a work list: what nobody has dealt with, many at once, account by account.

A list shows committed wishes only, and a wish stays there until the account has taken notice of
the result. So a result is remembered for a while, and repeated if nobody took notice of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from services.gateway.connections import Connection, Connections
from services.gateway.failures import Failures
from services.gateway.settings import LookupSettings
from services.kommo.errors import AccountStopped, Rejected
from services.kommo.timing import SystemTiming, Timing
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)

_LETTING_GO_S = 0.05
# Accounts whose rows may fill pages, while those of others are looked for.
_CROWDING_MAX = 20


class WorkItem(Protocol):
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


R = TypeVar("R", bound=WorkItem)

# So many rows of a list after that one, over all accounts but for some, the longest waiting first.
Pending = Callable[[int, R | None, Sequence[int]], Awaitable[Sequence[R]]]
# Deals with rows of one account; returns when their results are durable.
Work = Callable[[Connection, Sequence[R]], Awaitable[None]]


class Rounds(Generic[R]):
    """Hands the rows of a work list to `work`, one batch of an account at a time."""

    def __init__(
        self,
        name: str,
        pending: Pending[R],
        work: Work[R],
        *,
        connections: Connections,
        settings: LookupSettings | None = None,
        timing: Timing | None = None,
        is_strict: bool = False,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            name: For the log.
            pending: Reads the list.
            work: Deals with its rows.
            connections: The connected accounts.
            settings: How often, how many.
            timing: The clock.
            is_strict: An error that nobody expected ends the run.
        """
        self.name = name
        self._pending = pending
        self._work = work
        self._connections = connections
        self._settings = settings or LookupSettings()
        self._timing = timing or SystemTiming()
        self._wake = asyncio.Event()
        self._busy: dict[int, Connection] = {}
        self._failures = Failures(self._settings.retry_s, f"rounds_{name}", is_strict)
        self._next_at: dict[int, float] = {}
        # Answered, and not settled yet: key to (version, when).
        self._told: dict[Hashable, tuple[int, float]] = {}
        self._after: R | None = None
        self._others_at = 0.0

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
        self._busy.clear()  # an attempt that was cancelled before its first step left its mark
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    await self._look(group)
                except Unavailable:
                    log.warning("list_unavailable", rounds=self.name)
                await self._timing.wait(self._wake, self._settings.poll_ms / 1_000)

    async def _look(self, group: asyncio.TaskGroup) -> None:
        limit = self._settings.page_rows
        found = await self._pending(limit, self._after, ())
        self._after = found[-1] if len(found) == limit else None
        now = self._timing.monotonic()
        if self._after is not None and now >= self._others_at:
            found = [*found, *await self._of_others(found)]
            self._others_at = self._timing.monotonic() + self._settings.poll_ms / 1_000
        # Insertion is in order of time, and what is over is at the front.
        for key, (_, at) in list(self._told.items()):
            if now - at < self._settings.settle_s:
                break
            del self._told[key]
        wanted: dict[int, list[R]] = defaultdict(list)
        for row in found:
            told = self._told.get(row.key)
            is_new = told is None or told[0] != row.asked_version
            if is_new and len(wanted[row.account_id]) < self._settings.batch_size:
                wanted[row.account_id].append(row)
        for account_id, rows in wanted.items():
            connection = self._connections.get(account_id)
            is_free = account_id not in self._busy and now >= self._next_at.get(account_id, 0.0)
            if rows and connection is not None and is_free:
                self._busy[account_id] = connection
                group.create_task(self._attempt(connection, rows))

    async def _of_others(self, page: Sequence[R]) -> list[R]:
        """The first rows of accounts that a full page has none of: they wait for nobody else's.

        What is left out is passed over row by row there, so this is done now and then only.
        """
        found, crowding = list[R](), dict.fromkeys(row.account_id for row in page)
        while len(page) == self._settings.page_rows and len(crowding) < _CROWDING_MAX:
            page = await self._pending(self._settings.page_rows, None, list(crowding))
            crowding |= dict.fromkeys(row.account_id for row in page)
            found += page
        return found

    async def _attempt(self, connection: Connection, rows: list[R]) -> None:
        account_id, pause_s = connection.account_id, 0.0
        try:
            await self._work(connection, rows)
            self._remember(rows)
            self._failures.over(account_id)
        except AccountStopped as stopped:
            pause_s = stopped.retry_in_s or self._settings.stopped_s
            log.warning(
                "work_stopped", rounds=self.name, account_id=account_id, status=stopped.status
            )
        except (Unavailable, Rejected) as error:
            pause_s = self._failures.pause_s(account_id)
            log.warning(
                "work_delayed",
                rounds=self.name,
                account_id=account_id,
                error=type(error).__name__,
            )
        except Exception as error:  # noqa: BLE001 - the other accounts go on
            pause_s = self._failures.unexpected(account_id, error)
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
