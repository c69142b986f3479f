"""Where a lead is, and why: what was decided about it last, and how it asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from projections import assignments, decisions, requests
from projections.assignments import Assignment
from projections.decisions import Decision
from projections.requests import Request, RequestFilter
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

SHOWN_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadStanding:
    """What is known of a lead.

    Attributes:
        assignment: The newest decision that gave it to somebody else than who had it, and whether
            Kommo holds it; None before the first.
        request: Its newest request; None for a lead that was only ever decided about as owner's.
        decisions: About it, the newest first, at most a hundred.
    """

    lead_id: int
    assignment: Assignment | None
    request: Request | None
    decisions: Sequence[Decision]


async def lead(
    installation: Installation, account: RegisteredAccount, principal: Principal, lead_id: int
) -> LeadStanding:
    """Where a lead is.

    Raises:
        Refused: They may not look, or it never asked for a manager.
    """
    principal.require("read")
    account_id = account.account_id
    async with borrow_to_read(installation.pool) as connection:
        assignment = await assignments.of_lead(connection, account_id=account_id, lead_id=lead_id)
        found = await decisions.of_lead(
            connection, account_id=account_id, lead_id=lead_id, limit=SHOWN_MAX
        )
        asked = await requests.page(
            connection, account_id=account_id, limit=1, which=RequestFilter(lead_ids=(lead_id,))
        )
    if not (assignment or found or asked):
        raise Refused("lead_unknown", lead=lead_id)
    return LeadStanding(
        lead_id=lead_id,
        assignment=assignment,
        request=asked[0] if asked else None,
        decisions=found,
    )
