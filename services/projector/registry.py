"""Every projection there is."""

from collections.abc import Sequence
from typing import Protocol

from contracts.events import Recorded
from projections import (
    Connection,
    assignments,
    commands,
    decisions,
    fairness,
    health,
    linked,
    loads,
    lookups,
    notices,
    pauses,
    readings,
    repairs,
    requests,
    response,
    silences,
    stalls,
    tallies,
    tasks,
    timers,
    touches,
    unassigned,
    why_not,
)


class Projection(Protocol):
    """What a module in `projections` offers.

    A module may also have `CARRY_OVER`, SQL with the placeholders `{live}` and `{shadow}` that
    brings what is not derived from events into a rebuilt copy.

    Attributes:
        NAME: Also the PostgreSQL schema that its tables are in.
        REVISION: Raised whenever its rows would come out differently from before.
        EVENTS: The classes of events that it acts on; it never gets to see others.
        TABLES: Its tables, with unqualified names.
    """

    NAME: str
    REVISION: int
    EVENTS: frozenset[type]
    TABLES: str

    async def project(
        self, connection: Connection, account_id: int, events: Sequence[Recorded], /
    ) -> None:
        """Apply the next of its events in an account inside the caller's transaction."""
        ...


# What gateway and clock act on.
WORK_LISTS = (
    assignments.NAME,
    linked.NAME,
    lookups.NAME,
    notices.NAME,
    readings.NAME,
    timers.NAME,
    touches.NAME,
)
PROJECTIONS: tuple[Projection, ...] = (
    assignments,
    linked,
    lookups,
    notices,
    readings,
    timers,
    touches,
    requests,
    loads,
    fairness,
    decisions,
    stalls,
    repairs,
    unassigned,
    pauses,
    why_not,
    tallies,
    response,
    health,
    commands,
    tasks,
    silences,
)


def named(name: str, projections: Sequence[Projection] = PROJECTIONS) -> Projection:
    """The projection of that name.

    Raises:
        KeyError: There is none.
    """
    return {projection.NAME: projection for projection in projections}[name]
