"""What is wrong with the options of a rule that only make sense together."""

from collections.abc import Iterator
from typing import get_args

from contracts.events import LinkedObject
from contracts.rules import RuleSection
from domain.conditions import condition_problems
from domain.owner_policy import owner_problems
from domain.rota import rota_problems
from domain.schedule import Path

NO_CAP = "needs at least one of `hour`, `day` and `week`"


def option_problems(rule: RuleSection) -> Iterator[tuple[Path, str]]:
    """What is wrong with a rule's options, as far as the rule alone tells."""
    yield from _before_problems(rule)
    if rule.policy == "most_available" and _has_unlimited(rule):
        yield ("policy",), "most_available needs a `limit` for the rule or for each participant"
    if rule.policy != "fair_share" and rule.catch_up:
        yield ("catch_up",), f"only fair_share knows it, not {rule.policy}"
    if rule.caps is not None and not rule.caps.model_fields_set:
        yield ("caps",), NO_CAP
    for number, participant in enumerate(rule.participants):
        if participant.caps is not None and not participant.caps.model_fields_set:
            yield ("participants", number, "caps"), NO_CAP
    if rule.duty is not None:
        yield from ((("duty", *path), text) for path, text in rota_problems(rule.duty))
    else:
        for option in _to_duty(rule):
            yield (option,), "needs a `duty` section that names who has duty"
    if rule.when_full == "duty" and rule.duty_after_minutes is None:
        yield ("when_full",), "duty needs `duty_after_minutes`: how long a lead waits for a place"
    if rule.when_full != "duty" and rule.duty_after_minutes is not None:
        yield ("duty_after_minutes",), f"needs `when_full: duty`, got {rule.when_full}"


def _before_problems(rule: RuleSection) -> Iterator[tuple[Path, str]]:
    """What is wrong with what is asked before anybody is chosen (D1.5, D6)."""
    if rule.conditions is not None:
        yield from ((("conditions", *p), text) for p, text in condition_problems(rule.conditions))
    if rule.linked is not None and not any(getattr(rule.linked, o) for o in get_args(LinkedObject)):
        yield ("linked",), f"expected at least one of {', '.join(get_args(LinkedObject))}"
    if rule.linked is not None and not rule.linked.lead and rule.redistribution is not None:
        yield ("linked", "lead"), "`redistribution` passes on leads, so it needs `lead: true`"
    if rule.owners is not None:
        yield from ((("owners", *p), text) for p, text in owner_problems(rule.owners))


def _to_duty(rule: RuleSection) -> Iterator[str]:
    """The options that send leads to duty."""
    if rule.off_hours == "duty":
        yield "off_hours"
    if rule.when_full == "duty":
        yield "when_full"
    if rule.age_limit_minutes is not None:
        yield "age_limit_minutes"


def _has_unlimited(rule: RuleSection) -> bool:
    if rule.limit is not None:
        return False
    return not rule.participants or any(p.limit is None for p in rule.participants)
