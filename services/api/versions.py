"""Versions of the API that another one has taken the place of, and when they end (A10, S25)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

BOTH_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """A version whose clients have to move.

    Attributes:
        since: When the next one came; in UTC, as is the end.
        ends_at: When it is answered no more: both are for twelve months.

    Raises:
        ValueError: That is sooner.
    """

    since: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.ends_at - self.since < BOTH_FOR:
            raise ValueError(f"a version ends {BOTH_FOR.days} days after the next one at first")

    def headers(self) -> Mapping[str, str]:
        """What each of its answers says.

        Source:
            RFC 9745 (`Deprecation`) and RFC 8594 (`Sunset`); behaviour A10.1.
        """
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.ends_at, usegmt=True),
        }


# By where the paths of a version begin, as `/api/v1`; none is old yet.
OLD: Mapping[str, Old] = {}


def old_of(path: str) -> Old | None:
    """Until when the version of a path is answered; None while it is the newest."""
    return OLD.get("/".join(path.split("/")[:3]))
