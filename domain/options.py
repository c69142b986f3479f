"""What is wrong with the options of a rule that only make sense together."""

from collections.abc import Iterator
from typing import get_args

from contracts.events import LinkedObject
from contracts.rules import RuleSection
from contracts.sentences import sentence
from domain.conditions import condition_problems
from domain.notices.policy import compile_telling
from domain.owners.policy import owner_problems
from domain.schedule import Problem
from domain.schedule.rota import rota_problems


def option_problems(rule: RuleSection) -> Iterator[Problem]:
    """What is wrong with a rule's options, as far as the rule alone tells."""
    yield from _before_problems(rule)
    if rule.policy == "most_available" and _has_unlimited(rule):
        yield ("policy",), sentence("problem.limit_missing")
    if rule.policy != "fair_share" and rule.catch_up:
        yield ("catch_up",), sentence("problem.catch_up_unused", policy=rule.policy)
    if rule.policy != "fewest_given" and "registry" in rule.model_fields_set:
        yield ("registry",), sentence("problem.registry_unused", policy=rule.policy)
    yield from _cap_problems(rule)
    if rule.duty is not None:
        yield from ((("duty", *path), text) for path, text in rota_problems(rule.duty))
    else:
        for option in _to_duty(rule):
            yield (option,), sentence("problem.duty_missing")
    if rule.when_full == "duty" and rule.duty_after_minutes is None:
        yield ("when_full",), sentence("problem.duty_after_missing")
    if rule.when_full != "duty" and rule.duty_after_minutes is not None:
        got = rule.when_full
        yield ("duty_after_minutes",), sentence("problem.duty_after_unused", when_full=got)


def _cap_problems(rule: RuleSection) -> Iterator[Problem]:
    if rule.limit_tasks is not None and not rule.limit_tasks.model_fields_set:
        yield ("limit_tasks",), sentence("problem.limit_tasks_empty")
    if rule.caps is not None and not rule.caps.model_fields_set:
        yield ("caps",), sentence("problem.caps_empty")
    for number, participant in enumerate(rule.participants):
        if participant.caps is not None and not participant.caps.model_fields_set:
            yield ("participants", number, "caps"), sentence("problem.caps_empty")
        if participant.limit_tasks is not None and not participant.limit_tasks.model_fields_set:
            yield ("participants", number, "limit_tasks"), sentence("problem.limit_tasks_empty")
        if participant.caps_instead and participant.caps is None:
            yield ("participants", number, "caps_instead"), sentence("problem.caps_instead_unused")


def _before_problems(rule: RuleSection) -> Iterator[Problem]:
    """What is wrong with what is asked before anybody is chosen (D1.5, D6)."""
    if rule.conditions is not None:
        yield from ((("conditions", *p), text) for p, text in condition_problems(rule.conditions))
    if rule.linked is not None and not any(getattr(rule.linked, o) for o in get_args(LinkedObject)):
        yield ("linked",), sentence("problem.linked_empty", objects=get_args(LinkedObject))
    if rule.linked is not None and not rule.linked.lead and rule.redistribution is not None:
        yield ("linked", "lead"), sentence("problem.linked_without_lead")
    if rule.tell is not None and compile_telling(rule.tell) is None:
        yield ("tell",), sentence("problem.tell_empty")
    if rule.redistribution is not None and rule.redistribution.accept == "required":
        meaning = rule.redistribution.nothing_changed
        if meaning != "no_touch":
            yield ("redistribution", "accept"), sentence("problem.accept_is_touch", given=meaning)
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
