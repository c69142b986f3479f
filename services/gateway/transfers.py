"""Hands over what belongs to decided leads: after the leads, in bulk (D6.4).

As with leads, what may have been sent before is read first, and whoever a person made responsible
meanwhile stays (F8, F50, F60).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import islice

import structlog

from contracts.events import LinkedKind
from contracts.inbound import Inbound, LinkedResult, LinkedSettled
from contracts.kommo.cards import Card, LeadCard
from projections.linked import PendingTransfer
from services.gateway.cards import parts
from services.gateway.connections import Connection
from services.gateway.ports import InboundPublisher, Now
from services.gateway.splitter import isolate
from services.gateway.staff import Staff
from services.kommo.client import Entity, Found, KommoClient
from services.kommo.errors import Rejected
from services.kommo.limiter import Priority

log = structlog.get_logger(__name__)

# Older decisions may have been sent by the process before; so may what is older than ourselves.
FRESH = timedelta(seconds=60)
SENT_MAX = 100_000
LISTS: Mapping[LinkedKind, Entity] = {
    "lead": "leads",
    "contact": "contacts",
    "company": "companies",
    "task": "tasks",
}


class TransferWriter:
    """Remembers what was sent, so that nothing is sent twice without a reading."""

    def __init__(self, *, publisher: InboundPublisher, now: Now, batch_size: int = 50) -> None:
        self._publisher = publisher
        self._now = now
        self._batch_size = batch_size
        self._began_at = now()
        # What was sent once is read before it is sent again, whatever the answer was.
        self._sent: dict[tuple[int, str, int, int], None] = {}

    async def hand_over(self, connection: Connection, rows: Sequence[PendingTransfer]) -> None:
        """Make managers responsible for what belongs to their leads."""
        by_kind: dict[LinkedKind, list[PendingTransfer]] = defaultdict(list)
        for row in rows:
            by_kind[row.kind].append(row)
        for kind, alike in by_kind.items():
            for part in parts(alike, self._batch_size):
                results = await self._set_part(connection.client, kind, part)
                await self._tell(connection.account_id, part, results)

    async def _set_part(
        self, client: KommoClient, kind: LinkedKind, rows: Sequence[PendingTransfer]
    ) -> list[LinkedResult]:
        results: list[LinkedResult] = []
        doubtful = [row for row in rows if self._is_doubtful(row)]
        to_send = [row for row in rows if not self._is_doubtful(row)]
        if doubtful:
            judged, kept = await _judge(client, kind, doubtful)
            results += judged
            to_send += kept

        staff = Staff(client, Priority.LINKED)

        async def send(part: Sequence[PendingTransfer]) -> Rejected | None:
            try:
                results.extend(await self._send(client, kind, part))
            except Rejected as rejected:
                if len(part) == 1:  # what Kommo says of a thing may be about its manager
                    await staff.is_active(part[0].manager_id)
                return rejected
            return None

        def have_left(one: PendingTransfer, other: PendingTransfer, _: Rejected) -> bool:
            return one.manager_id == other.manager_id and one.manager_id in staff.left

        if to_send and await send(to_send) is not None:
            # Most refusals are things that are gone; one reading tells them all.
            judged, kept = await _judge(client, kind, to_send)
            results += judged
            bad = await isolate(kept, send, shares_verdict=have_left) if kept else []
            results += [
                LinkedResult(
                    kind, row.entity_id, "refused", None, rejected.words_about(row.entity_id)
                )
                for row, rejected in bad
            ]
        return results

    async def _send(
        self, client: KommoClient, kind: LinkedKind, rows: Sequence[PendingTransfer]
    ) -> list[LinkedResult]:
        self._sent.update(dict.fromkeys(map(_wish, rows)))
        wanted = {row.entity_id: row.manager_id for row in rows}
        try:
            times = await client.set_responsibles(LISTS[kind], wanted)
        except Rejected:
            for row in rows:
                self._sent.pop(_wish(row), None)
            raise
        for wish in list(islice(self._sent, max(0, len(self._sent) - SENT_MAX))):
            del self._sent[wish]
        return [
            LinkedResult(kind, row.entity_id, "answered", times[row.entity_id], "")
            for row in rows
            if row.entity_id in times
        ]

    def _is_doubtful(self, row: PendingTransfer) -> bool:
        is_old = row.asked_at < max(self._began_at, self._now() - FRESH)
        return row.is_undo or is_old or _wish(row) in self._sent

    async def _tell(
        self, account_id: int, rows: Sequence[PendingTransfer], results: Iterable[LinkedResult]
    ) -> None:
        order_of = {row.entity_id: row.order_id for row in rows}
        by_order: dict[str, list[LinkedResult]] = defaultdict(list)
        for result in results:
            by_order[order_of[result.entity_id]].append(result)
        at = self._now()
        await self._publisher.publish(
            [
                Inbound(
                    account_id=account_id,
                    message_id=f"linked/LinkedSettled/{order_id}/{at.isoformat()}",
                    at=at,
                    body=LinkedSettled(order_id=order_id, results=tuple(ended)),
                )
                for order_id, ended in by_order.items()
            ]
        )
        log.info("linked_set", account_id=account_id, things=len(rows), orders=len(by_order))


async def _judge(
    client: KommoClient, kind: LinkedKind, rows: Sequence[PendingTransfer]
) -> tuple[list[LinkedResult], list[PendingTransfer]]:
    """Read the things: how those ended that need no write, and the rows that may be sent."""
    entity, ids = LISTS[kind], [row.entity_id for row in rows]
    found: Found[LeadCard] | Found[Card]
    if entity == "leads":
        found = await client.lead_cards(ids, priority=Priority.LINKED)
    else:
        found = await client.cards(entity, ids, priority=Priority.LINKED)
    results: list[LinkedResult] = []
    to_send: list[PendingTransfer] = []
    for row in rows:
        if row.entity_id in found.unread:
            continue  # another time
        thing = found.by_id.get(row.entity_id)
        if thing is None or (isinstance(thing, LeadCard) and thing.is_deleted):
            results.append(LinkedResult(kind, row.entity_id, "gone", None, ""))
        elif thing.responsible_user_id == row.manager_id:
            results.append(LinkedResult(kind, row.entity_id, "read", thing.updated_at, ""))
        elif thing.responsible_user_id == row.responsible_before:
            to_send.append(row)
        else:
            results.append(LinkedResult(kind, row.entity_id, "changed_since", None, ""))
    return results, to_send


def _wish(row: PendingTransfer) -> tuple[int, str, int, int]:
    return *row.key, row.asked_version
