"""When what was not taken is sent again: for three days, at growing distances (A8.4)."""

from collections.abc import Callable
from datetime import datetime, timedelta

# As Standard Webhooks proposes, up to three days from the first attempt.
WAITS = tuple(
    timedelta(seconds=each) for each in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000)
)
RETRIED_FOR = timedelta(days=3)
JITTER = 0.2  # of the wait, so that what failed together does not come again together
RETRY_AFTER_MAX = timedelta(hours=6)
# A target that takes nothing is left alone between two deliveries, however many wait.
REST_FIRST = timedelta(seconds=5)
REST_MAX = timedelta(minutes=15)


def next_attempt(
    now: datetime,
    *,
    first_at: datetime,
    attempts: int,
    retry_after: timedelta | None,
    random: Callable[[], float],
) -> datetime | None:
    """When to try again; None once three days are over.

    Args:
        now: Of the attempt that failed.
        first_at: Of the first one.
        attempts: So many were made.
        retry_after: What the target asked for.
        random: A number from 0 to below 1.
    """
    end = first_at + RETRIED_FOR
    if now >= end:
        return None
    wait = WAITS[min(attempts, len(WAITS)) - 1]
    wait += wait * JITTER * random()
    if retry_after is not None:
        wait = max(wait, min(retry_after, RETRY_AFTER_MAX))
    return min(now + wait, end)


def rest_after(failures: int) -> timedelta:
    """For how long a target is left alone after so many failures in a row."""
    doubled: int = 2 ** min(failures - 1, 16)
    return min(REST_FIRST * doubled, REST_MAX)
