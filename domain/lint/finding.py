"""One thing that an administrator may want to change."""

from dataclasses import dataclass
from typing import Literal

from domain.schedule import Path

Severity = Literal["warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, where, and what to do about it."""

    path: Path
    severity: Severity
    text: str
    advice: str
