"""Every projection there is."""

from collections.abc import Sequence
from typing import Protocol

import asyncpg

from contracts.events import Recorded
from projections import (
    assignments,
    decisions,
    fairness,
    linked,
    loads,
    lookups,
    pauses,
    readings,
    repairs,
    requests,
    stalls,
    stranded,
    timers,
    touches,
)


class Projection(Protocol):
    """What a module in `projections` offers.

    A module may also have `CARRY_OVER`, SQL with the placeholders `{live}` and `{shadow}` that
    brings what is not derived from events into a rebuilt copy.

    Attributes:
        NAME: Also the PostgreSQL schema that its tables are in.
        REVISION: Raised whenever its rows would come out differently from before.
        TABLES: Its tables, with unqualified names.
    """

    NAME: str
    REVISION: int
    TABLES: str

    async def project(
        self, connection: asyncpg.Connection, account_id: int, events: Sequence[Recorded], /
    ) -> None:
        """Apply the next events of an account inside the caller's transaction."""
        ...


# What gateway and clock act on.
WORK_LISTS = (assignments.NAME, linked.NAME, lookups.NAME, readings.NAME, timers.NAME, touches.NAME)
PROJECTIONS: tuple[Projection, ...] = (
    assignments,
    linked,
    lookups,
    readings,
    timers,
    touches,
    requests,
    loads,
    fairness,
    decisions,
    stalls,
    repairs,
    stranded,
    pauses,
)


def named(name: str, projections: Sequence[Projection] = PROJECTIONS) -> Projection:
    """The projection of that name.

    Raises:
        KeyError: There is none.
    """
    return {projection.NAME: projection for projection in projections}[name]
