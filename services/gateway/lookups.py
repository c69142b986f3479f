"""Reads the leads that an account is in doubt about, many at once (F28)."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import structlog

from contracts.inbound import Inbound, InboundBody, LeadMissing, LeadObserved
from contracts.kommo.rest import Lead
from projections.lookups import Lookup
from services.errors import Unavailable
from services.gateway.connections import Connection, Connections
from services.gateway.ports import LookupList, Now, Publisher
from services.kommo.errors import AccountStopped, Rejected
from services.kommo.limiter import Priority
from services.kommo.timing import SystemTiming, Timing, wait_for

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRules:
    """The knobs of the lookups.

    Attributes:
        batch_size: Leads per request; Kommo returns 250 at most.
        page_rows: Rows of the list per reading.
        poll_s: How often the list is read without a wake-up.
        settle_s: A reading that was not taken notice of after this is repeated.
        retry_s: Pause of an account after a failure.
        stopped_s: Pause of an account that does not let us in.
    """

    batch_size: int = 250
    page_rows: int = 2_000
    poll_s: float = 1.0
    settle_s: float = 60.0
    retry_s: float = 10.0
    stopped_s: float = 600.0


class LookupReader:
    """Answers requested lookups with what Kommo says now."""

    def __init__(
        self,
        *,
        requested: LookupList,
        connections: Connections,
        publisher: Publisher,
        now: Now,
        rules: LookupRules | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._requested = requested
        self._connections = connections
        self._publisher = publisher
        self._now = now
        self._rules = rules or LookupRules()
        self._timing = timing or SystemTiming()
        self._wake = asyncio.Event()
        self._busy: set[int] = set()
        self._next_at: dict[int, float] = {}
        # Answered, and not settled yet: (account, lead) to (version, when).
        self._told: dict[tuple[int, int], tuple[int, float]] = {}
        self._after: Lookup | None = None

    def nudge(self) -> None:
        """Look at the list now."""
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    await self._look(group)
                except Unavailable:
                    log.warning("lookup_list_unavailable")
                await wait_for(self._wake, self._rules.poll_s, self._timing)

    async def _look(self, group: asyncio.TaskGroup) -> None:
        limit = self._rules.page_rows
        found = await self._requested.pending(limit=limit, after=self._after)
        self._after = found[-1] if len(found) == limit else None
        now = self._timing.monotonic()
        # Insertion is in order of time, and what is over is at the front.
        for key, (_, at) in list(self._told.items()):
            if now - at < self._rules.settle_s:
                break
            del self._told[key]
        wanted: dict[int, list[Lookup]] = defaultdict(list)
        for row in found:
            told = self._told.get((row.account_id, row.lead_id))
            is_new = told is None or told[0] != row.asked_version
            if is_new and len(wanted[row.account_id]) < self._rules.batch_size:
                wanted[row.account_id].append(row)
        for account_id, rows in wanted.items():
            connection = self._connections.get(account_id)
            is_free = account_id not in self._busy and now >= self._next_at.get(account_id, 0.0)
            if rows and connection is not None and is_free:
                self._busy.add(account_id)
                group.create_task(self._read(connection, rows))

    async def _read(self, connection: Connection, rows: list[Lookup]) -> None:
        account_id, pause_s = connection.account_id, 0.0
        try:
            found = await connection.client.leads_by_ids(
                [row.lead_id for row in rows], priority=Priority.LOOKUP
            )
            await self._tell(account_id, rows, found)
        except AccountStopped as stopped:
            pause_s = self._rules.stopped_s
            log.warning("lookups_stopped", account_id=account_id, status=stopped.status)
        except (Unavailable, Rejected) as error:
            pause_s = self._rules.retry_s
            log.warning("lookups_delayed", account_id=account_id, error=type(error).__name__)
        finally:
            self._busy.discard(account_id)
            self._next_at[account_id] = self._timing.monotonic() + pause_s
            if not pause_s:
                self._wake.set()

    async def _tell(self, account_id: int, rows: list[Lookup], found: dict[int, Lead]) -> None:
        at = self._now()
        await self._publisher.publish(
            [
                Inbound(
                    account_id=account_id,
                    message_id=f"lookup/{row.lead_id}/{row.asked_version}/{at.isoformat()}",
                    at=at,
                    body=_answer(row.lead_id, found.get(row.lead_id)),
                )
                for row in rows
            ]
        )
        now = self._timing.monotonic()
        for row in rows:
            self._told.pop((account_id, row.lead_id), None)
            self._told[account_id, row.lead_id] = (row.asked_version, now)
        log.info("leads_looked_up", account_id=account_id, leads=len(rows), found=len(found))


def _answer(lead_id: int, lead: Lead | None) -> InboundBody:
    if lead is None or lead.is_deleted:
        return LeadMissing(lead_id=lead_id)
    return LeadObserved(
        lead_id=lead_id,
        stage=lead.stage,
        responsible_id=lead.responsible_user_id,
        modified_at=lead.updated_at,
        created_at=lead.created_at,
        reason="lookup",
    )
