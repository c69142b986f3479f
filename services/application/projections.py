"""The read models: made anew from the first event, beside the live ones."""

from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.projector import rebuild as projector
from services.projector.rebuild import AlreadyRunning, Progress
from services.projector.registry import PROJECTIONS, named


async def rebuild(
    installation: Installation, principal: Principal, name: str, *, progress: Progress
) -> None:
    """Make one anew, and swap.

    Args:
        installation: Where.
        principal: Who wants it.
        name: Of the read model.
        progress: Told events done and in total, the last time when all are.

    Raises:
        Refused: They may not, there is none of that name, another process is making it, or it
            could not be swapped; the live one is as it was.
    """
    principal.require("operate")
    try:
        projection = named(name)
    except KeyError as error:
        known = tuple(each.NAME for each in PROJECTIONS)
        raise Refused("projection_unknown", name=name, known=known) from error
    try:
        await projector.rebuild(
            installation.pool,
            installation.events,
            projection,
            progress=progress,
            direct=installation.direct,
        )
    except AlreadyRunning as error:
        raise Refused("projection_busy", name=name) from error
    except TimeoutError as error:
        raise Refused("projection_unchanged", name=name, reason=str(error)) from error
