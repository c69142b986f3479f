"""How far each part of the installation is: read models, and consumers in their sources."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.application.installation import Installation
from services.application.principal import Principal
from services.projector import schema
from services.projector.registry import PROJECTIONS
from services.storage.database import borrow, borrow_to_read

SELECT_SOURCES = "SELECT consumer, source, position FROM positions ORDER BY consumer, source"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModel:
    """How far a read model is.

    Attributes:
        revision: Of the code that made its rows.
        accounts: That it has.
        behind: Events of all accounts that it has yet to take.
    """

    name: str
    revision: int
    accounts: int
    behind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """How far somebody has consumed something: the position of the next message."""

    consumer: str
    source: str
    position: int


async def read_models(installation: Installation, principal: Principal) -> Sequence[ReadModel]:
    """Every read model, by its place in the registry.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    heads = await installation.events.heads()
    found: list[ReadModel] = []
    async with borrow_to_read(installation.pool) as connection:
        for each in PROJECTIONS:
            positions = await schema.positions(connection, each.NAME)
            found.append(
                ReadModel(
                    name=each.NAME,
                    revision=await schema.stored_revision(connection, each.NAME),
                    accounts=len(positions),
                    behind=sum(max(0, head - positions.get(i, 0)) for i, head in heads.items()),
                )
            )
    return found


async def sources(installation: Installation, principal: Principal) -> Sequence[Consumption]:
    """Every consumer's position.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    async with borrow(installation.pool) as connection:
        return [Consumption(**row) for row in await connection.fetch(SELECT_SOURCES)]
