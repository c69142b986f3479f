"""What a screen of the widget shows, all of it by one call."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from contracts.stage import Stage
from services.web.problems import FieldError, HttpProblem
from services.widget.lead import CardBootstrap, card_for
from services.widget.resource import PREFIX
from services.widget.settings import SettingsBootstrap, settings_of
from services.widget.trigger import TriggerBootstrap, trigger_for
from services.widget.visiting import Visiting

router = APIRouter(prefix=PREFIX)

Id = Annotated[int | None, Query(ge=1, lt=2**53)]


@router.get(
    "/bootstrap",
    operation_id="get_bootstrap",
    summary="What a screen shows",
    response_model=None,
)
async def get_bootstrap(
    visit: Visiting,
    screen: Literal["settings", "card", "trigger"],
    lead_id: Id = None,
    pipeline: Id = None,
    stage: Id = None,
    rule: Annotated[str, Query(max_length=64, pattern="^[A-Za-z0-9_-]*$")] = "",
    rev: Annotated[str, Query(pattern="^[0-9]{0,15}$")] = "",
) -> SettingsBootstrap | CardBootstrap | TriggerBootstrap:
    """Everything at once."""
    match screen:
        case "settings":
            return await settings_of(visit)
        case "card":
            return await card_for(visit, _wanted("lead_id", lead_id))
        case "trigger":
            where = Stage(_wanted("pipeline", pipeline), _wanted("stage", stage))
            return await trigger_for(visit, where, rule or None, int(rev) if rev else None)


def _wanted(name: str, value: int | None) -> int:
    if value is None:
        missing = FieldError(pointer=f"query.{name}", code="missing", detail="Field required.")
        raise HttpProblem("unprocessable", errors=[missing])
    return value
