"""What happens while everybody who is there is at the limit: wait, next tier, or duty (D5.4)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.events import Standing, Verdict
from contracts.rules import WhenFull
from domain.schedule import Schedule

_NOTHING = timedelta(0)


def consulted_tier(verdicts: Iterable[tuple[int, Verdict]], when_full: WhenFull) -> int | None:
    """The tier whose eligible share the lead, None if nobody may have it now (D2.3).

    Args:
        verdicts: Tier and verdict of each participant, tiers ascending.
        when_full: Only `next_tier` goes on to people of a lower priority while somebody of a
            higher one is there and merely at the limit.
    """
    full: int | None = None
    for tier, verdict in verdicts:
        if full is not None and tier != full and when_full != "next_tier":
            return None
        if verdict == "eligible":
            return tier
        if verdict == "at_limit" and full is None:
            full = tier
    return None


def is_full(standings: Iterable[Standing]) -> bool:
    """Whether there is somebody who could take the lead, were they not at the limit.

    Whoever is only kept from getting the backlog too fast has room.
    """
    return any(_is_at_limit(s) for s in standings)


def worked_since(
    schedules: Iterable[Schedule | None],
    standings: Iterable[Standing],
    since: datetime,
    at: datetime,
) -> timedelta:
    """For how long of somebody's working hours, of those at the limit, a lead has waited.

    The longest of them counts: a night on which nobody works is no time to find a place in.

    Args:
        schedules: When each of them works; None for always.
        standings: Of the same, in the same order.
        since: When the lead asked.
        at: The instant.
    """
    return max(
        (
            schedule.working_time_between(since, at) if schedule is not None else at - since
            for schedule, standing in zip(schedules, standings, strict=True)
            if _is_at_limit(standing)
        ),
        default=_NOTHING,
    )


def _is_at_limit(standing: Standing) -> bool:
    return standing.verdict == "at_limit" and standing.cap != "pace"
