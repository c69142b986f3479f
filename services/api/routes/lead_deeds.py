"""What is done about one lead: put back, taken for good, passed on (D6.4, D7.6)."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from contracts.events import LinkedChanged, LinkedLeft
from services.api.asking import AccountVisit, OfAccount
from services.api.commanded import CommandOutcome, command_answers, tell
from services.api.ordering import Posted, PostedUnlessPreview
from services.api.places import LeadId
from services.api.resource import resource
from services.application import offers, undo
from services.application.reasons import CHARACTERS_MAX
from services.application.undo import PlannedUndo, Undone
from services.web.models import Input, Output

router = resource("leads")

# Kommo is not awaited (A5.6): the decision is the answer, what became of it follows.
AT_ONCE_S = 0.0

Reason = Annotated[
    str,
    Field(min_length=1, max_length=CHARACTERS_MAX, description="For the record.", examples=["ill"]),
]


class UndoBody(Input):
    """Which decision about the lead is put back."""

    request_id: str | None = Field(
        default=None,
        max_length=300,
        description="Of the decision; null for the newest.",
        examples=["dp-900016-1"],
    )


class TakeBody(Input):
    """Nothing more needs to be said."""


class PassOnBody(Input):
    """Why it is given up."""

    reason: Reason


class TransferItem(Output):
    """A thing that becomes somebody's again."""

    kind: str = Field(examples=["lead"])
    entity_id: int = Field(description="Kommo's id.", examples=[900016])
    from_manager_id: int = Field(examples=[501])
    to_manager_id: int = Field(examples=[502])


class UntouchedItem(Output):
    """A thing that stays as it is."""

    kind: str = Field(examples=["contact"])
    entity_id: int = Field(description="Kommo's id.", examples=[700001])


class UndoOutcome(Output):
    """What putting back came to, or would.

    Attributes:
        is_preview: Nothing was changed: this is what it would come to now.
        command: Null in a preview.
        request_id: Of the decision that is put back.
        transfers: What is put back; a preview only.
        untouched: What stays, since nobody was responsible before; a preview only.
        changed: How many things Kommo holds as they were.
        left: How many were left, since a person changed them, or Kommo will not.
        unanswered: How many Kommo has yet to answer about.
    """

    is_preview: bool
    command: CommandOutcome | None
    request_id: str | None
    transfers: list[TransferItem]
    untouched: list[UntouchedItem]
    changed: int = Field(ge=0, examples=[2])
    left: int = Field(ge=0, examples=[0])
    unanswered: int = Field(ge=0, examples=[0])


@router.post(
    "/accounts/{account_id}/leads/{lead_id}/undo",
    operation_id="undo_decision",
    summary="Put back what a decision changed",
    responses=command_answers(UndoOutcome),
)
async def undo_decision(
    response: Response,
    visit: OfAccount,
    lead_id: LeadId,
    body: UndoBody,
    once: PostedUnlessPreview,
) -> UndoOutcome:
    """The lead, and all that went with it; what a person changed since is left as it is."""
    place = (visit.installation, visit.account, visit.principal)
    if once is not None:
        before = await undo.carried_out_before(
            *place,
            lead_id,
            request_id=body.request_id,
            once=once,
            settled_within_s=AT_ONCE_S,
        )
        if before is not None:
            return _undone(response, visit, before, body.request_id)
    planned = await undo.plan(*place, lead_id, request_id=body.request_id)
    if once is None:
        return _foreseen(planned)
    done = await undo.carry_out(
        *place, planned, request_id=body.request_id, once=once, settled_within_s=AT_ONCE_S
    )
    return _undone(response, visit, done, planned.request_id)


@router.post(
    "/accounts/{account_id}/leads/{lead_id}/take",
    operation_id="take_lead",
    summary="Take an offered lead for good",
    responses=command_answers(),
)
async def take_lead(
    response: Response, visit: OfAccount, lead_id: LeadId, body: TakeBody, once: Posted
) -> CommandOutcome:
    """Nothing passes it on any more."""
    del body
    answer = await offers.take(
        visit.installation,
        visit.account,
        visit.principal,
        lead_id,
        manager_id=_whose(visit),
        once=once,
    )
    return tell(response, visit, answer)


@router.post(
    "/accounts/{account_id}/leads/{lead_id}/pass-on",
    operation_id="pass_lead_on",
    summary="Give an offered lead up",
    responses=command_answers(),
)
async def pass_lead_on(
    response: Response, visit: OfAccount, lead_id: LeadId, body: PassOnBody, once: Posted
) -> CommandOutcome:
    """It goes to the next one at once, and stays charged to whoever gave it up."""
    answer = await offers.pass_on(
        visit.installation,
        visit.account,
        visit.principal,
        lead_id,
        manager_id=_whose(visit),
        reason=body.reason,
        once=once,
    )
    return tell(response, visit, answer)


def _whose(visit: AccountVisit) -> int | None:
    """Whose lead it has to be: their own, of who may do this about themselves alone."""
    return None if visit.principal.may("activity") else visit.principal.manager_id


def _foreseen(planned: PlannedUndo) -> UndoOutcome:
    return UndoOutcome(
        is_preview=True,
        command=None,
        request_id=planned.request_id,
        transfers=[
            TransferItem(
                kind=each.kind,
                entity_id=each.entity_id,
                from_manager_id=each.responsible_before,
                to_manager_id=each.manager_id,
            )
            for each in planned.transfers
        ],
        untouched=[UntouchedItem(kind=kind, entity_id=of) for kind, of in planned.unknown],
        changed=0,
        left=0,
        unanswered=0,
    )


def _undone(
    response: Response, visit: AccountVisit, done: Undone, request_id: str | None
) -> UndoOutcome:
    return UndoOutcome(
        is_preview=False,
        command=tell(response, visit, done.answer),
        request_id=request_id,
        transfers=[],
        untouched=[],
        changed=sum(isinstance(each, LinkedChanged) for each in done.endings),
        left=sum(isinstance(each, LinkedLeft) for each in done.endings),
        unanswered=done.unanswered,
    )
