"""Reads the leads that an account is in doubt about, many at once (F28)."""

import structlog

from contracts.inbound import Inbound, InboundBody, LeadMissing, LeadObserved
from contracts.kommo.rest import Lead
from projections.lookups import Lookup
from services.failpoints import failpoint
from services.gateway.connections import Connection, Connections
from services.gateway.ports import LookupList, Now, Publisher
from services.gateway.rounds import RoundRules, Rounds
from services.kommo.limiter import Priority
from services.kommo.timing import Timing

log = structlog.get_logger(__name__)


class LookupReader:
    """Answers requested lookups with what Kommo says now."""

    def __init__(
        self,
        *,
        requested: LookupList,
        connections: Connections,
        publisher: Publisher,
        now: Now,
        rules: RoundRules | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._publisher = publisher
        self._now = now
        self._rounds = Rounds[Lookup](
            name="lookups",
            pending=lambda limit, after: requested.pending(limit=limit, after=after),
            work=self._read,
            connections=connections,
            rules=rules,
            timing=timing,
        )

    def nudge(self) -> None:
        """Look at the list now."""
        self._rounds.nudge()

    async def run(self) -> None:
        """Read until cancelled."""
        await self._rounds.run()

    async def _read(self, connection: Connection, rows: list[Lookup]) -> None:
        found = await connection.client.leads_by_ids(
            [row.lead_id for row in rows], priority=Priority.LOOKUP
        )
        failpoint("gateway.after_lookup")
        await self._tell(connection.account_id, rows, found)

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
