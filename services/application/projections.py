"""The read models: made anew from the first event, beside the live ones."""

from collections.abc import Mapping

from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.projector import rebuild as projector
from services.projector.rebuild import AlreadyRunning, Progress
from services.projector.registry import PROJECTIONS, Projection, named
from services.storage.asked_rebuilds import AskedRebuild, AskedRebuilds


async def ask_rebuild(installation: Installation, principal: Principal, name: str) -> None:
    """Have the projector make one anew; it begins within seconds, where one runs.

    Raises:
        Refused: They may not, there is none of that name, or it is wanted already.
    """
    principal.require("operate")
    _named(name)
    if not await AskedRebuilds(installation.pool).ask(name, by=principal.id):
        raise Refused("projection_busy", name=name)


async def asked_rebuilds(
    installation: Installation, principal: Principal
) -> Mapping[str, AskedRebuild]:
    """When somebody last wanted one made anew, and what came of it, by name.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    return await AskedRebuilds(installation.pool).all()


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
    projection = _named(name)
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


def _named(name: str) -> Projection:
    try:
        return named(name)
    except KeyError as error:
        known = tuple(each.NAME for each in PROJECTIONS)
        raise Refused("projection_unknown", name=name, known=known) from error
