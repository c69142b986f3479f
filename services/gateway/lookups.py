"""Reads the leads that an account is in doubt about, many at once (F28)."""

from collections.abc import Callable, Sequence

import structlog

from contracts.inbound import Inbound, InboundBody, LeadMissing, LeadObserved
from contracts.kommo.rest import Lead
from domain.state import CROWDED
from projections.lookups import Lookup
from services.gateway.connections import Connection
from services.gateway.ports import InboundPublisher, Now
from services.kommo.limiter import Priority
from services.shared.failpoints import failpoint

log = structlog.get_logger(__name__)


async def look_up(
    connection: Connection,
    rows: Sequence[Lookup],
    *,
    publisher: InboundPublisher,
    now: Now,
    priority: Priority = Priority.LOOKUP,
) -> None:
    """Answer requested lookups with what Kommo says now."""
    lead_ids = [row.lead_id for row in rows]
    found = await connection.client.leads_by_ids(lead_ids, priority=priority)
    failpoint("gateway.after_lookup")
    account_id, at = connection.account_id, now()
    messages = [
        Inbound(
            account_id=account_id,
            message_id=f"lookup/{row.lead_id}/{row.asked_version}/{at.isoformat()}",
            at=at,
            body=_answer(row.lead_id, found.by_id.get(row.lead_id)),
        )
        for row in rows
        if row.lead_id not in found.unread
    ]
    await publisher.publish(messages)
    log.info("leads_looked_up", account_id=account_id, leads=len(rows), found=len(found.by_id))


async def read_unknown(
    connection: Connection,
    rows: Sequence[Lookup],
    *,
    publisher: InboundPublisher,
    now: Now,
    sweep_soon: Callable[[int], None],
) -> None:
    """The same for leads that the account does not know, behind all others.

    Where so many are told of that the account asks for no more, Kommo's list of what has changed
    shows those that exist. It is read after the account has taken notice that it may ask again, so
    whatever it passed over is in the list.
    """
    await look_up(connection, rows, publisher=publisher, now=now, priority=Priority.UNKNOWN)
    if any(row.reason == CROWDED for row in rows):
        log.warning("unknown_leads_crowded", account_id=connection.account_id)
        sweep_soon(connection.account_id)


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
