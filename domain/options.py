"""What is wrong with the options of a rule that only make sense together."""

from collections.abc import Iterator

from contracts.rules import RuleSection
from domain.rota import rota_problems
from domain.schedule import Path


def option_problems(rule: RuleSection) -> Iterator[tuple[Path, str]]:
    """What is wrong with a rule's options, as far as the rule alone tells."""
    if rule.policy == "most_available" and _has_unlimited(rule):
        yield ("policy",), "most_available needs a `limit` for the rule or for each participant"
    if rule.policy != "fair_share" and rule.catch_up:
        yield ("catch_up",), f"only fair_share knows it, not {rule.policy}"
    if rule.duty is not None:
        yield from ((("duty", *path), text) for path, text in rota_problems(rule.duty))
    elif rule.off_hours == "duty":
        yield ("off_hours",), "needs a `duty` section that names who has duty"


def _has_unlimited(rule: RuleSection) -> bool:
    if rule.limit is not None:
        return False
    return not rule.participants or any(p.limit is None for p in rule.participants)
