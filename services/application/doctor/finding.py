"""One thing that the doctor looked at."""

from dataclasses import dataclass
from typing import Literal

from contracts.sentences import Sentence

# passing: normal for a moment, and a problem if it stays.
Severity = Literal["well", "passing", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was looked at, what it looks like, and what a person should do.

    Attributes:
        remedy: None when it is in order.
    """

    subject: Sentence
    found: Sentence
    severity: Severity
    remedy: Sentence | None


def well(subject: Sentence, found: Sentence) -> Diagnosis:
    """It is in order."""
    return Diagnosis(subject=subject, found=found, severity="well", remedy=None)


def passing(subject: Sentence, found: Sentence, remedy: Sentence) -> Diagnosis:
    """It is normal for a moment; the remedy is for when it stays."""
    return Diagnosis(subject=subject, found=found, severity="passing", remedy=remedy)


def problem(subject: Sentence, found: Sentence, remedy: Sentence) -> Diagnosis:
    """Somebody has to see to it."""
    return Diagnosis(subject=subject, found=found, severity="problem", remedy=remedy)
