"""Hands bodies that were understood to whoever keeps them, several at a time.

They are no part of what an answer promises: the messages made of them are durable by then. So
nobody waits for them, and what the database does not take for long is let go (I13).
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from services.ingress.meter import UNMEASURED, IngressMeter
from services.shared.errors import Unavailable
from services.shared.sparing_log import SparingLog
from services.shared.waiting import set_within
from services.storage.raw_packing import RawBody

log = structlog.get_logger()

# A row is opened whole, so it has an end; a larger body has a row of its own.
ROW_BYTES_MAX = 512 * 1_024
ROWS_MAX = 200
WRITTEN_WITHIN_S = 20.0
LAST_WITHIN_S = 2.0
# What a body takes besides its content.
OVERHEAD_BYTES = 200


class RawStore(Protocol):
    """Where they are kept."""

    async def keep(self, rows: Sequence[tuple[int, Sequence[RawBody]]]) -> None:
        """Store each account's bodies.

        Raises:
            services.shared.errors.Unavailable: Perhaps they are stored; storing again is safe.
        """
        ...


@dataclass(slots=True)
class RawKeeper:
    """Bodies that wait to be written.

    Attributes:
        every_s: What came in so long is written together.
        waiting_bytes_max: What more comes is not kept.
    """

    store: RawStore
    now: Callable[[], datetime]
    every_s: float
    waiting_bytes_max: int
    meter: IngressMeter = UNMEASURED
    _waiting: dict[int, list[RawBody]] = field(default_factory=dict)
    _size: int = 0
    _is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    _log: SparingLog = field(default_factory=SparingLog)

    def note(self, account_id: int, content: bytes, content_type: str | None) -> None:
        """Have a body kept."""
        size = len(content) + OVERHEAD_BYTES
        if self._size + size > self.waiting_bytes_max:
            self.meter.raw_bodies_lost(1)
            self._log.warning("raw_body_not_kept", account_id=account_id, reason="too many wait")
            return
        self._size += size
        self._waiting.setdefault(account_id, []).append(
            RawBody(received_at=self.now(), content_type=content_type or "", content=content)
        )

    def close(self) -> None:
        """Nothing comes any more: `run` writes what waits, and returns."""
        self._is_closed.set()

    async def run(self) -> None:
        """Write now and then until closed."""
        while not self._is_closed.is_set():
            if not await set_within(self._is_closed, self.every_s):
                await self.write(within_s=WRITTEN_WITHIN_S)
        await self.write(within_s=LAST_WITHIN_S)
        if lost := sum(map(len, self._waiting.values())):
            self.meter.raw_bodies_lost(lost)
            log.warning("raw_bodies_not_kept", bodies=lost, reason="ingress is stopping")

    async def write(self, *, within_s: float) -> None:
        """Write what waits; what the store does not take waits on."""
        rows = list(self._rows())
        try:
            async with asyncio.timeout(within_s):
                for first in range(0, len(rows), ROWS_MAX):
                    await self._keep(rows[first : first + ROWS_MAX])
        except (Unavailable, TimeoutError) as error:
            self._log.warning("raw_bodies_delayed", reason=type(error).__name__)

    async def _keep(self, part: Sequence[tuple[int, list[RawBody]]]) -> None:
        """Have rows stored; one that cannot be is let go alone, and stops no other."""
        try:
            await self.store.keep(part)
        except (Unavailable, TimeoutError):
            raise
        except Exception as error:
            if len(part) > 1:
                for row in part:
                    await self._keep([row])
                return
            ((account_id, bodies),) = part
            self.meter.raw_bodies_lost(len(bodies))
            reason = type(error).__name__
            log.exception("raw_bodies_not_kept", account_id=account_id, reason=reason)
        for account_id, bodies in part:
            self._written(account_id, len(bodies))

    def _rows(self) -> Iterator[tuple[int, list[RawBody]]]:
        for account_id, bodies in self._waiting.items():
            row: list[RawBody] = []
            size = 0
            for body in bodies:
                if row and size + len(body.content) > ROW_BYTES_MAX:
                    yield account_id, row
                    row, size = [], 0
                row.append(body)
                size += len(body.content)
            yield account_id, row

    def _written(self, account_id: int, count: int) -> None:
        """The account's first ones wait no more."""
        waiting = self._waiting[account_id]
        self._size -= sum(len(each.content) + OVERHEAD_BYTES for each in waiting[:count])
        del waiting[:count]
        if not waiting:
            del self._waiting[account_id]
