"""Where a lead is, and why."""

from pydantic import Field

from projections import assignments
from services.api.asking import ToRead
from services.api.places import LeadId
from services.api.resource import resource
from services.api.routes.decisions import DecisionItem, decision_item
from services.api.routes.requests import RequestItem, request_item
from services.api.times import Instant
from services.application.leads import lead
from services.web.models import Output

router = resource("leads")


class AssignmentShape(Output):
    """The newest decision that gave the lead to somebody who did not have it."""

    manager_id: int = Field(description="Who is to have it.", examples=[501])
    responsible_before: int | None = Field(
        description="Who had it; null: nobody knew.", examples=[502]
    )
    decided_version: int = Field(description="Of the account.", examples=[4711])
    decided_at: Instant
    state: assignments.State = Field(
        description="Whether Kommo holds it: pending, confirmed, failed, withdrawn.",
        examples=["confirmed"],
    )
    settled_at: Instant | None = Field(description="Since when it is settled; null: pending.")
    how: str | None = Field(
        description="How it was settled, or why it was withdrawn.", examples=["answered"]
    )


class LeadDetail(Output):
    """Where a lead is, and what was decided about it."""

    lead_id: int = Field(description="Kommo's id.", examples=[900016])
    assignment: AssignmentShape | None = Field(description="null: given to nobody yet.")
    request: RequestItem | None = Field(description="Its newest request; null: it never asked.")
    decisions: list[DecisionItem] = Field(description="The newest first, at most 100.")


@router.get(
    "/accounts/{account_id}/leads/{lead_id}", operation_id="get_lead", summary="Where is this lead?"
)
async def get_lead(visit: ToRead, lead_id: LeadId) -> LeadDetail:
    """Who has it by our decision, whether Kommo holds that, and everything decided about it.

    Why, each decision tells: follow its version to `/decisions/{version}`.
    """
    found = await lead(visit.installation, visit.account, visit.principal, lead_id)
    given = found.assignment
    return LeadDetail(
        lead_id=found.lead_id,
        assignment=None
        if given is None
        else AssignmentShape(
            manager_id=given.manager_id,
            responsible_before=given.responsible_before,
            decided_version=given.decided_version,
            decided_at=given.decided_at,
            state=given.state,
            settled_at=given.settled_at,
            how=given.how,
        ),
        request=None if found.request is None else request_item(found.request),
        decisions=[decision_item(each) for each in found.decisions],
    )
