"""Writes notes and tasks that tell people of decisions, in bulk, and each once (D12.2).

Tasks of earlier decisions are completed in `services.gateway.task_ends`.

Nothing of Kommo keeps a second note from being written. So what may have been written before is
looked for by its mark first: after an answer that never came (F8, F50), and after a time in which
another process may have acted for the account (F14).
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import structlog

from contracts.events import NoticeKind
from contracts.inbound import Inbound, NoticeSettled
from contracts.kommo.marks import marked
from domain.explain.notices import note_line, task_end_line, task_line
from projections.notices import PendingNotice
from services.gateway.cards import lead_cards, parts
from services.gateway.connections import Connection
from services.gateway.ports import InboundPublisher, Now, RuleNamesOf
from services.gateway.splitter import isolate
from services.gateway.staff import Staff
from services.gateway.task_ends import TaskEnds
from services.kommo.client import KommoClient
from services.kommo.errors import Rejected
from services.kommo.limiter import Priority
from services.kommo.notices import NewTask, find_notes, find_tasks, make_tasks, write_notes
from services.shared.failpoints import failpoint
from services.words.catalogue import Words

if TYPE_CHECKING:
    from services.kommo.starts import Lease

log = structlog.get_logger(__name__)

# Older orders may have been carried out by the process before; so may what is older than ourselves.
FRESH = timedelta(seconds=60)
# Kommo's clock and ours differ, and its times are whole seconds.
SLACK = timedelta(minutes=1)
SENT_MAX = 100_000
# What the account calls its users and stages, as JSON data.
NamesOf = Callable[[int], Awaitable[Mapping[str, Any]]]


class NoticeWriter:
    """Remembers what was sent, so that nothing is sent twice without a reading."""

    def __init__(
        self,
        *,
        publisher: InboundPublisher,
        now: Now,
        names_of: NamesOf,
        rule_names_of: RuleNamesOf,
        batch_size: int = 50,
    ) -> None:
        self._publisher = publisher
        self._now = now
        self._names_of = names_of
        self._rule_names_of = rule_names_of
        self._batch_size = batch_size
        self._began_at = now()
        self._sent: dict[tuple[int, str, NoticeKind], None] = {}
        # Since when nobody else has acted for an account, under which lease.
        self._alone: dict[int, tuple[Lease | None, datetime]] = {}

    async def write(self, connection: Connection, rows: Sequence[PendingNotice]) -> None:
        """Write what people are to be told."""
        words = await self._words(connection.account_id)
        alone_since = self._alone_since(connection)
        by_kind: dict[NoticeKind, list[PendingNotice]] = defaultdict(list)
        for row in rows:
            by_kind[row.kind].append(row)
        ends, unmade = by_kind.pop("task_end", []), set[int]()
        for kind, alike in by_kind.items():
            for part in parts(alike, self._batch_size):
                batch = _Batch(connection.client, kind, words)
                doubtful = [row for row in part if self._is_doubtful(row, alone_since)]
                to_send = [row for row in part if row not in doubtful]
                if doubtful:
                    to_send += await batch.find(doubtful)
                if to_send:
                    self._remember(to_send)
                    await batch.send(to_send)
                failpoint("gateway.after_notice")
                await self._tell(connection.account_id, batch.results)
                if kind == "task":
                    known = {each.order_id for each in batch.results}
                    unmade |= {row.lead_id for row in part if row.order_id not in known}
        # After the tasks: one of them may be of a decision that another has followed since.
        sure = [row for row in ends if row.lead_id not in unmade]
        for part in parts(sure, self._batch_size):
            ending = TaskEnds(connection.client, partial(_task_result, words))
            await ending.end(part)
            failpoint("gateway.after_notice")
            await self._tell(connection.account_id, ending.results)

    def _alone_since(self, connection: Connection) -> datetime:
        lease, since = self._alone.get(connection.account_id, (None, self._began_at))
        if lease != connection.lease:
            since = self._now()
        self._alone[connection.account_id] = connection.lease, since
        return since

    def _is_doubtful(self, row: PendingNotice, alone_since: datetime) -> bool:
        is_old = row.asked_at < max(alone_since, self._now() - FRESH)
        return is_old or row.key in self._sent

    def _remember(self, rows: Sequence[PendingNotice]) -> None:
        self._sent.update(dict.fromkeys(row.key for row in rows))
        for key in list(islice(self._sent, max(0, len(self._sent) - SENT_MAX))):
            del self._sent[key]

    async def _words(self, account_id: int) -> Words:
        users = (await self._names_of(account_id)).get("users", ())
        names = {user["id"]: user["name"] for user in users}
        rules = await self._rule_names_of(account_id)
        return Words(zone=UTC, name=names.get, rule=rules.get)

    async def _tell(self, account_id: int, results: Sequence[NoticeSettled]) -> None:
        at = self._now()
        await self._publisher.publish(
            [
                Inbound(
                    account_id=account_id,
                    message_id=f"notice/{each.kind}/{each.order_id}/{at.isoformat()}",
                    at=at,
                    body=each,
                )
                for each in results
            ]
        )
        log.info("notices_written", account_id=account_id, notices=len(results))


class _Batch:
    """Notices of one kind and account, and how they ended so far."""

    def __init__(self, client: KommoClient, kind: NoticeKind, words: Words) -> None:
        self._client = client
        self._kind = kind
        self._words = words
        self.results: list[NoticeSettled] = []

    async def find(self, rows: Sequence[PendingNotice]) -> list[PendingNotice]:
        """Look for those that may be there; the others."""
        find = find_notes if self._kind == "note" else find_tasks
        leads = sorted({row.lead_id for row in rows})
        since = min(row.asked_at for row in rows) - SLACK
        found = await find(self._client, leads, since=since, priority=Priority.LINKED)
        for row in rows:
            if row.order_id in found:
                self._settle(row, "read", entity_id=found[row.order_id])
        return [row for row in rows if row.order_id not in found]

    async def send(self, rows: Sequence[PendingNotice]) -> None:
        """Write them; one that Kommo refuses does not keep the others (F52)."""
        staff = Staff(self._client, Priority.LINKED)

        async def attempt(part: Sequence[PendingNotice]) -> Rejected | None:
            try:
                made = await self._make(part)
            except Rejected as rejected:
                if len(part) == 1 and self._kind == "task":
                    await staff.is_active(part[0].manager_id)
                return rejected
            for row in part:
                if row.order_id in made:
                    self._settle(row, "answered", entity_id=made[row.order_id])
            return None

        def have_left(one: PendingNotice, other: PendingNotice, _: Rejected) -> bool:
            return one.manager_id == other.manager_id and one.manager_id in staff.left

        if await attempt(rows) is None:
            return
        # Most refusals are leads that are gone; one reading tells them all.
        kept = await self._still_there(rows)
        bad = await isolate(kept, attempt, shares_verdict=have_left) if kept else []
        for row, rejected in bad:
            self._settle(row, "refused", detail=rejected.words_about(row.lead_id))

    async def _still_there(self, rows: Sequence[PendingNotice]) -> list[PendingNotice]:
        ids = sorted({row.lead_id for row in rows})
        cards = await lead_cards(self._client, ids, Priority.LINKED)
        kept: list[PendingNotice] = []
        for row in rows:
            card = cards.by_id.get(row.lead_id)
            if row.lead_id not in cards.unread and (card is None or card.is_deleted):
                self._settle(row, "gone")
            else:
                kept.append(row)
        return kept

    async def _make(self, rows: Sequence[PendingNotice]) -> dict[str, int]:
        if self._kind == "note":
            texts = {row.order_id: (row.lead_id, self._note(row)) for row in rows}
            return await write_notes(self._client, texts, priority=Priority.LINKED)
        tasks = [self._task(row) for row in rows]
        return await make_tasks(self._client, tasks, priority=Priority.LINKED)

    def _note(self, row: PendingNotice) -> str:
        line = note_line(
            manager_id=row.manager_id, rule_id=row.rule_id, reason=row.reason, because=row.because
        )
        return marked(self._words.say(line), row.order_id)

    def _task(self, row: PendingNotice) -> NewTask:
        assert row.due_at is not None, "a task has a deadline"  # noqa: S101 - so it was asked for
        return NewTask(
            order_id=row.order_id,
            lead_id=row.lead_id,
            manager_id=row.manager_id,
            text=marked(row.wording or self._words.say(task_line()), row.order_id),
            due_at=row.due_at,
        )

    def _settle(self, row: PendingNotice, how: Any, **rest: Any) -> None:  # noqa: ANN401 - of NoticeSettled
        self.results.append(NoticeSettled(order_id=row.order_id, kind=self._kind, how=how, **rest))


def _task_result(words: Words, row: PendingNotice) -> str:
    return marked(words.say(task_end_line(row.manager_id)), row.order_id)
