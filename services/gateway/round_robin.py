"""Whose turn it is: accounts with work, one request's worth each in every round (F70).

Deficit round robin. What a turn costs is known only when it is over, so an account that needed
more than its share owes the rest, and lets the others go first until it is paid.
"""

import heapq
import math
from collections import deque


class RoundRobin:
    """Accounts with work, each at most once: some may go, others have to wait until an instant."""

    def __init__(self) -> None:
        self._ready: deque[int] = deque()
        self._later: list[tuple[float, int]] = []
        self._at: dict[int, float] = {}
        self._debts: dict[int, int] = {}

    def put(self, account_id: int, at: float) -> None:
        """Let an account go at that instant; infinite takes it out, its debts with it."""
        if at == self._at.get(account_id):
            return
        if account_id in self._at and self._at[account_id] == -math.inf:
            if at != math.inf:
                return  # it may go already, and keeps its place
            self._ready.remove(account_id)
        if at == math.inf:
            self._at.pop(account_id, None)
            self._debts.pop(account_id, None)
            return
        self._at[account_id] = at
        heapq.heappush(self._later, (at, account_id))

    def charge(self, account_id: int, requests: int) -> None:
        """Its turn took so many requests, of which one was its share."""
        if requests > 1:
            self._debts[account_id] = self._debts.get(account_id, 0) + requests - 1

    def next(self, now: float) -> int | None:
        """Take out whose turn it is; None if nobody may go now."""
        self._wake(now)
        if not self._ready:
            return None
        while (found := self._round()) is None:
            # All of them owe something: nobody would go first for that.
            least = min(self._debts[account_id] for account_id in self._ready)
            for account_id in self._ready:
                self._debts[account_id] -= least
        del self._at[found]
        return found

    def next_at(self) -> float:
        """When the first of those who wait may go."""
        while self._later and self._at.get(self._later[0][1]) != self._later[0][0]:
            heapq.heappop(self._later)
        return self._later[0][0] if self._later else math.inf

    def _wake(self, now: float) -> None:
        while self.next_at() <= now:
            _, account_id = heapq.heappop(self._later)
            self._at[account_id] = -math.inf
            self._ready.append(account_id)

    def _round(self) -> int | None:
        for _ in range(len(self._ready)):
            account_id = self._ready.popleft()
            debt = self._debts.get(account_id, 0)
            if debt <= 0:
                return account_id
            self._debts[account_id] = debt - 1
            self._ready.append(account_id)
        return None
