"""Credit moved by hand, with a reason (D3.8)."""

from fastapi import Response
from pydantic import Field

from domain.commands.corrections import CORRECTION_MAX_UNITS
from domain.configuration import ACCOUNT_LEDGER
from services.api.asking import OfAccount
from services.api.commanded import CommandOutcome, command_answers, tell
from services.api.ordering import PostedUnlessPreview
from services.api.places import ManagerId
from services.api.resource import resource
from services.application import corrections
from services.application.reasons import CHARACTERS_MAX
from services.web.models import Input, Output

router = resource("managers")


class CorrectionBody(Input):
    """How much, in which ledger, and why."""

    credit_units: int = Field(
        ge=-CORRECTION_MAX_UNITS,
        le=CORRECTION_MAX_UNITS,
        description="10^9 units are one lead; positive: more leads are owed to the manager. Not 0.",
        examples=[1_500_000_000],
    )
    ledger: str = Field(
        default=ACCOUNT_LEDGER,
        max_length=200,
        description="`account`, or the one that a rule names.",
        examples=["account"],
    )
    reason: str = Field(
        min_length=1, max_length=CHARACTERS_MAX, description="For the record.", examples=["was ill"]
    )


class MovementItem(Output):
    """What moves to or from one manager."""

    manager_id: int = Field(examples=[501])
    credit_units: int = Field(description="After it; 10^9 are one lead.", examples=[1_500_000_000])


class CorrectionOutcome(Output):
    """What a correction came to, or would.

    Attributes:
        is_preview: Nothing was changed: this is what it would come to now.
        command: Null in a preview.
        movements: By manager, adding up to 0; empty while it is not decided.
    """

    is_preview: bool
    command: CommandOutcome | None
    movements: list[MovementItem]


@router.post(
    "/accounts/{account_id}/managers/{manager_id}/corrections",
    operation_id="correct_credit",
    summary="Move credit by hand",
    responses=command_answers(CorrectionOutcome),
)
async def correct_credit(
    response: Response,
    visit: OfAccount,
    manager_id: ManagerId,
    body: CorrectionBody,
    once: PostedUnlessPreview,
) -> CorrectionOutcome:
    """To one manager, from all others of the ledger in equal parts."""
    place = (visit.installation, visit.account, visit.principal, manager_id, body.credit_units)
    if once is None:
        moves = await corrections.foresee(*place, ledger=body.ledger, reason=body.reason)
        return CorrectionOutcome(is_preview=True, command=None, movements=_items(moves))
    done = await corrections.correct(*place, ledger=body.ledger, reason=body.reason, once=once)
    command = tell(response, visit, done.answer)
    return CorrectionOutcome(is_preview=False, command=command, movements=_items(done.movements))


def _items(movements: tuple[tuple[int, int], ...]) -> list[MovementItem]:
    return [MovementItem(manager_id=manager_id, credit_units=u) for manager_id, u in movements]
