"""Who takes leads and who does not (D9)."""

from fastapi import Response
from pydantic import Field

from services.api.asking import OfAccount
from services.api.commanded import CommandOutcome, command_answers, tell
from services.api.ordering import Put
from services.api.places import ManagerId
from services.api.resource import resource
from services.api.times import InstantIn
from services.application import pauses
from services.application.reasons import CHARACTERS_MAX
from services.web.models import Input

router = resource("managers")
PLACE = "/accounts/{account_id}/managers/{manager_id}/pause"


class PauseBody(Input):
    """How long, and why.

    Attributes:
        until: When it ends by itself; null for when somebody ends it.
        reason: For the record.
    """

    until: InstantIn | None = None
    reason: str = Field(default="", max_length=CHARACTERS_MAX, examples=["ill"])


@router.put(
    PLACE, operation_id="pause_manager", summary="Pause a manager", responses=command_answers()
)
async def pause_manager(
    response: Response, visit: OfAccount, manager_id: ManagerId, body: PauseBody, once: Put
) -> CommandOutcome:
    """They take no leads. Only who may do so for everybody can end what such a person paused."""
    answer = await pauses.pause(
        visit.installation,
        visit.account,
        visit.principal,
        manager_id,
        until=body.until,
        reason=body.reason,
        once=once,
    )
    return tell(response, visit, answer)


@router.delete(
    PLACE, operation_id="resume_manager", summary="End a pause", responses=command_answers()
)
async def resume_manager(
    response: Response, visit: OfAccount, manager_id: ManagerId, once: Put
) -> CommandOutcome:
    """They take leads again, from the next one on."""
    answer = await pauses.resume(
        visit.installation, visit.account, visit.principal, manager_id, once=once
    )
    return tell(response, visit, answer)
