"""Leads that wait for their owner for longer than anybody may have meant (D6.2)."""

from collections.abc import Iterator
from decimal import Decimal

from contracts.rules import RuleSection
from contracts.sentences import sentence
from domain.lint.finding import Finding
from domain.schedule import Path

# Two working days: whoever is back later than that is hardly waited for on purpose.
WAIT_HOURS_MAX = Decimal(16)


def owner_findings(at_rule: Path, section: RuleSection) -> Iterator[Finding]:
    """A wait for the owner that is longer than two working days."""
    owners = section.owners
    if owners is not None and owners.wait_hours > WAIT_HOURS_MAX:
        yield Finding(
            path=(*at_rule, "owners", "wait_hours"),
            severity="warning",
            found=sentence(
                "lint.long_wait",
                hours=f"{owners.wait_hours.normalize():f}",
                most=int(WAIT_HOURS_MAX),
            ),
            advice=sentence("lint.long_wait.advice"),
        )
