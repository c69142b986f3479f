"""One line of the doctor."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `advice` is empty when it is in order."""

    subject: str
    found: str
    advice: str = ""
