"""Completes tasks of earlier decisions, once the lead has gone on to the next manager (D12.2).

They are read first and known by their mark, so it does not matter what was made or completed
before, by us or by another gateway (F8, F14, F50). What a person has changed stays as it is.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from contracts.inbound import NoticeSettled
from contracts.kommo.marks import is_earlier
from projections.notices import PendingNotice
from services.gateway.cards import parts
from services.gateway.splitter import isolate
from services.kommo.client import PAGE_MAX, KommoClient
from services.kommo.errors import Rejected
from services.kommo.limiter import Priority
from services.kommo.notices import complete_tasks, open_tasks

if TYPE_CHECKING:
    from contracts.kommo.told import OpenTask


class TaskEnds:
    """Decisions of an account whose predecessors' tasks are to be completed, and how that ended."""

    def __init__(self, client: KommoClient, result_of: Callable[[PendingNotice], str]) -> None:
        """Prepare; `result_of` says what is noted on the tasks that a decision ends."""
        self._client = client
        self._result_of = result_of
        self._open: dict[str, list[int]] = {}
        self.results: list[NoticeSettled] = []

    async def end(self, rows: Sequence[PendingNotice]) -> None:
        """Complete what is open; a task that Kommo refuses does not keep the others (F52)."""
        to_send = await self._judge(rows)
        if not to_send or await self._send(to_send) is None:
            return
        # Most refusals are tasks that are gone; one reading tells them all.
        kept = await self._judge(to_send)
        bad = await isolate(kept, self._send, shares_verdict=lambda *_: False) if kept else []
        for row, rejected in bad:
            (task_id, *_) = self._open[row.order_id]
            self._settle(row, "refused", detail=rejected.words_about(task_id))

    async def _judge(self, rows: Sequence[PendingNotice]) -> list[PendingNotice]:
        """Read the leads' tasks: settle what needs no write; the others."""
        leads = sorted({row.lead_id for row in rows})
        by_lead: dict[int, list[OpenTask]] = defaultdict(list)
        for task in await open_tasks(self._client, leads, priority=Priority.LINKED):
            by_lead[task.entity_id].append(task)
        kept: list[PendingNotice] = []
        for row in rows:
            earlier = [
                task
                for task in by_lead[row.lead_id]
                if task.order_id is not None and is_earlier(task.order_id, row.order_id)
            ]
            self._open[row.order_id] = [task.id for task in earlier if not task.is_changed]
            if self._open[row.order_id]:
                kept.append(row)
            elif earlier:
                self._settle(row, "task_changed")
            else:
                self._settle(row, "read")
        return kept

    async def _send(self, rows: Sequence[PendingNotice]) -> Rejected | None:
        wanted = {
            task_id: self._result_of(row) for row in rows for task_id in self._open[row.order_id]
        }
        done = set[int]()
        try:
            for part in parts(list(wanted), PAGE_MAX):
                results = {task_id: wanted[task_id] for task_id in part}
                done |= await complete_tasks(self._client, results, priority=Priority.LINKED)
        except Rejected as rejected:
            return rejected
        for row in rows:
            if done.issuperset(self._open[row.order_id]):
                self._settle(row, "answered", entity_id=max(self._open[row.order_id]))
        return None

    def _settle(self, row: PendingNotice, how: Any, **rest: Any) -> None:  # noqa: ANN401 - of NoticeSettled
        self.results.append(NoticeSettled(order_id=row.order_id, kind="task_end", how=how, **rest))
