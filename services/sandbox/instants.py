"""Instants as texts in hooks: of tasks in UTC, of notes three hours ahead of it."""

from datetime import UTC, datetime
from typing import Final

HOURS_AHEAD_S: Final = 3 * 3_600


def as_text(at: int) -> str:
    """Write seconds since 1970 as Kommo writes them."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
