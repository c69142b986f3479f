"""One thing that an administrator may want to change."""

from dataclasses import dataclass
from typing import Literal

from contracts.sentences import Sentence
from domain.schedule import Path

Severity = Literal["warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        path: The field that it is about.
    """

    path: Path
    severity: Severity
    found: Sentence
    advice: Sentence
