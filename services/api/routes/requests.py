"""What became of every lead that asked for a manager."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from contracts.events import RequestSource
from projections.requests import Request, RequestFilter, State
from services.api.asking import ToRead
from services.api.cursors import Key
from services.api.filters import TEXT_MAX, Leads, Reasons, Rules, Stages, Within
from services.api.lists import AccountListing, ItemPage, Piece
from services.api.resource import resource
from services.api.shapes import StageShape, stage_shape
from services.api.times import Instant
from services.application.requests import asked, request
from services.web.models import Output

router = resource("requests")

States = Annotated[
    list[State],
    Query(
        alias="state",
        default_factory=list,
        max_length=10,
        description="How it stands; repeated: any of them.",
        examples=[["waiting"]],
    ),
]
RequestId = Annotated[
    str, Path(min_length=1, max_length=TEXT_MAX, description="Of a request.", examples=["r-12"])
]


class RequestItem(Output):
    """A lead that asked for a manager, and how that stands."""

    request_id: str = Field(examples=["r-12"])
    lead_id: int = Field(description="Kommo's id.", examples=[900016])
    rule_id: str | None = Field(description="null: no rule matched.", examples=["new-leads"])
    stage: StageShape | None
    source: RequestSource = Field(description="What told of it.", examples=["webhook"])
    state: State = Field(examples=["waiting"])
    reason: str | None = Field(
        description="Why it waits, or was closed; else null.", examples=["off_hours"]
    )
    next_look_at: Instant | None = Field(description="When a waiting one is looked at again.")
    opened_version: int = Field(description="Of the account; older is served first.", examples=[7])
    opened_at: Instant
    changed_version: int = Field(description="Of the account.", examples=[9])
    changed_at: Instant


class RequestPage(ItemPage[RequestItem]):
    """Requests, the newest first."""


@router.get(
    "/accounts/{account_id}/requests",
    operation_id="list_requests",
    summary="Requests, the newest first",
)
async def list_requests(
    visit: ToRead,
    listing: AccountListing,
    within: Within,
    states: States,
    rules: Rules,
    stages: Stages,
    leads: Leads,
    reasons: Reasons,
) -> RequestPage:
    """Which leads asked for a manager, and what became of that; `state=waiting` for the queue."""
    which = RequestFilter(
        states=states,
        lead_ids=leads,
        rule_ids=rules,
        stages=stages,
        reasons=reasons,
        since=within.since,
        until=within.until,
    )

    async def read(piece: Piece) -> Sequence[Request]:
        before, after = piece.newest_first()
        return await asked(
            visit.installation,
            visit.account,
            visit.principal,
            which,
            limit=piece.limit,
            before=before,
            after=after,
        )

    return await listing.page(RequestPage, read, key=_key, shape=request_item)


@router.get(
    "/accounts/{account_id}/requests/{request_id}",
    operation_id="get_request",
    summary="One request",
)
async def get_request(visit: ToRead, request_id: RequestId) -> RequestItem:
    """How a request stands."""
    found = await request(visit.installation, visit.account, visit.principal, request_id)
    return request_item(found)


def request_item(request: Request) -> RequestItem:
    """A request as it is answered."""
    return RequestItem(
        request_id=request.request_id,
        lead_id=request.lead_id,
        rule_id=request.rule_id,
        stage=stage_shape(request.stage),
        source=request.source,
        state=request.state,
        reason=request.reason,
        next_look_at=request.next_look_at,
        opened_version=request.opened_version,
        opened_at=request.opened_at,
        changed_version=request.changed_version,
        changed_at=request.changed_at,
    )


def _key(request: Request) -> Key:
    return (request.opened_version,)
