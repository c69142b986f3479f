"""Snapshots taken beside the decisions: nobody waits while a large state is written out."""

import asyncio
import time
from collections.abc import Iterator

import structlog

from domain import snapshot
from domain.state import Account
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
from services.storage.snapshots import Snapshot, SnapshotStore

log = structlog.get_logger(__name__)


class Snapshotter:
    """Takes one snapshot at a time, in a task of its own between the others' turns.

    A snapshot that cannot be stored costs nothing but a longer replay: it is given up, and the
    account's next one is taken in its time (F83).
    """

    def __init__(self, store: SnapshotStore) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    def begin(self, account: Account) -> bool:
        """Begin a snapshot of the state as it is now; False while another one is being taken.

        The events that led to the state must be stored.

        Raises:
            Exception: The last snapshot tripped over a bug.
        """
        if self._task is not None:
            if not self._task.done():
                return False
            self._task.result()
        taking = self._take(account.account_id, account.version, snapshot.parts(account))
        self._task = asyncio.create_task(taking, name="snapshot")
        return True

    async def finish(self) -> None:
        """Return when the snapshot that was begun last is stored or given up."""
        if self._task is not None:
            await self._task

    async def stop(self) -> None:
        """Give up the snapshot that is being taken."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _take(self, account_id: int, version: int, parts: Iterator[bytes]) -> None:
        started, written = time.monotonic(), bytearray()
        for part in parts:
            written += part
            await asyncio.sleep(0)
        state = bytes(written)
        taken = Snapshot(
            account_id=account_id,
            version=version,
            revision=snapshot.REVISION,
            digest=snapshot.digest_of(state),
            state=state,
        )
        try:
            await self._store.save(taken)
            failpoint("allocator.after_snapshot")
            await self._store.prune(account_id)
        except Unavailable as error:
            log.warning(
                "snapshot_given_up", account_id=account_id, version=version, reason=str(error)
            )
            return
        log.info(
            "snapshot_taken",
            account_id=account_id,
            version=version,
            state_bytes=len(state),
            took_ms=round((time.monotonic() - started) * 1_000, 1),
        )
