"""Pacing the backlog: so many waiting leads per manager and interval, fresh ones in turn (D8.2).

An interval begins with the first waiting lead that is given out after the one before has ended.
For each waiting lead that was given out a fresh one may pass the queue, so both get on; a
fresh lead that finds none to take turns with waits at the end.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """At most so many waiting leads per manager and interval."""

    leads: int
    interval: timedelta


@dataclass(slots=True)
class Release:
    """How far the queue of a rule has been released since it last was empty.

    Attributes:
        began_at: Of the interval.
        given: Manager to the waiting leads they got in it.
        balance: How many fresh leads may pass the queue now.
    """

    began_at: datetime
    given: dict[int, int] = field(default_factory=dict)
    balance: int = 0

    def count(self, pace: Pace, manager_id: int, at: datetime) -> None:
        """A waiting lead was given out."""
        if at >= self.began_at + pace.interval:
            self.began_at, self.given = at, {}
        self.given[manager_id] = self.given.get(manager_id, 0) + 1
        self.balance += 1


def paced_until(
    release: Release | None, pace: Pace | None, manager_id: int, at: datetime
) -> datetime | None:
    """Until when a manager gets no more of the waiting leads; None if they may have one."""
    if release is None or pace is None:
        return None
    ends_at = release.began_at + pace.interval
    if at >= ends_at or release.given.get(manager_id, 0) < pace.leads:
        return None
    return ends_at
