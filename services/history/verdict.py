"""What an examination comes to: how much was checked, and what was found to be broken."""

from dataclasses import dataclass, field
from typing import Literal

Invariant = Literal["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was not kept.

    Attributes:
        lead_id: None when it is about no single lead.
        version: Of the event that shows it; None when no single event does.
        expected: In words.
        found: In words.
    """

    invariant: Invariant
    account_id: int
    lead_id: int | None
    version: int | None
    expected: str
    found: str

    def __str__(self) -> str:
        """As one line for a person."""
        lead = "" if self.lead_id is None else f", lead {self.lead_id}"
        version = "" if self.version is None else f", version {self.version}"
        where = f"account {self.account_id}{lead}{version}"
        return f"{self.invariant}: {where}: expected {self.expected}; found {self.found}"


@dataclass(slots=True)
class Verdict:
    """Collects the outcome of each check on one account.

    Attributes:
        checks: How many facts were held against the promises.
    """

    account_id: int
    checks: int = 0
    violations: list[Violation] = field(default_factory=list)

    def check(
        self,
        invariant: Invariant,
        is_kept: object,
        expected: str,
        found: object,
        *,
        lead_id: int | None = None,
        version: int | None = None,
    ) -> bool:
        """Count one check; note a violation unless the promise is kept."""
        self.checks += 1
        if not is_kept:
            self.violations.append(
                Violation(
                    invariant=invariant,
                    account_id=self.account_id,
                    lead_id=lead_id,
                    version=version,
                    expected=expected,
                    found=str(found),
                )
            )
        return bool(is_kept)
