"""How many webhooks of one account are worked on at once, while others send as well (S4, F70).

A webhook costs a fraction of a millisecond, but whoever comes next waits for all that the loop has
begun: with a few hundred of one account in flight, that is what an answer takes for everybody.
An account that is alone is not held back: more in flight means fewer commits for a burst.
"""

import asyncio
from collections import deque

# Whoever sent within so long is there, though it has nothing in flight at this moment.
PRESENT_S = 1.0


class InFlight:
    """Lets webhooks in, in the order in which they came for each account."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._working: dict[int, int] = {}
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}
        self._seen_at: dict[int, float] = {}

    @property
    def working(self) -> int:
        """How many are in flight."""
        return sum(self._working.values())

    async def enter(self, account_id: int) -> None:
        """Wait for room; whoever has it must `leave`."""
        self._note(account_id)
        if account_id not in self._waiting and self._has_room(account_id):
            self._working[account_id] = self._working.get(account_id, 0) + 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had been let in at that very moment
                self.leave(account_id)
            raise

    def leave(self, account_id: int) -> None:
        """Make room for the next one."""
        self._working[account_id] -= 1
        if not self._working[account_id]:
            del self._working[account_id]
        waiting = self._waiting.get(account_id)
        while waiting and self._has_room(account_id):
            turn = waiting.popleft()
            if not turn.done():
                self._working[account_id] = self._working.get(account_id, 0) + 1
                turn.set_result(None)
        if waiting is not None and not waiting:
            del self._waiting[account_id]

    def _has_room(self, account_id: int) -> bool:
        return self._working.get(account_id, 0) < self._most or len(self._seen_at) == 1

    def _note(self, account_id: int) -> None:
        """It is there; forget who has been silent for a while, the longest first."""
        now = asyncio.get_running_loop().time()
        self._seen_at.pop(account_id, None)
        self._seen_at[account_id] = now
        for other, seen_at in list(self._seen_at.items()):
            if now - seen_at < PRESENT_S:
                break
            del self._seen_at[other]
