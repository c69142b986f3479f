"""The rule of each waiting request, found anew when the rules have changed (F84)."""

from domain.configuration import Configuration, Rule
from domain.requests.life import route
from domain.requests.queue import defer_behind
from domain.requests.readings import rules_at, wanted_parts
from domain.state import Request
from domain.state.request import Preparing
from domain.step import Step


def place_again(step: Step, before: Configuration) -> None:
    """Find the rule of each waiting request anew: the rules have changed (F84).

    Args:
        step: The step that put other rules in force.
        before: The rules until now; what was read for rules that stay is not read again.
    """
    account = step.account
    for request in sorted(account.requests.by_id.values(), key=lambda waiting: waiting.number):
        rules = rules_at(step, request.stage)
        # A rule that an order named may be of another stage.
        has_rule = request.rule_id in account.configuration.by_id
        is_prepared = has_rule and not isinstance(request.state, Preparing)
        if not (is_prepared and _asks_alike(before.by_stage.get(request.stage, ()), rules)):
            _place_anew(step, request, rules)


def _asks_alike(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> bool:
    """Whether the same rules would be tried, and the same read for them."""

    def asked(rules: tuple[Rule, ...]) -> list[object]:
        return [
            (
                rule.rule_id,
                rule.conditions,
                rule.owners.reading_parts() if rule.owners else None,
                rule.ledger if rule.kinds else None,
                rule.kinds,
            )
            for rule in rules
        ]

    return asked(before) == asked(after)


def _place_anew(step: Step, request: Request, rules: tuple[Rule, ...]) -> None:
    account = step.account
    is_reading_needed = rules and wanted_parts(rules, request, account.leads[request.lead_id])
    if not rules or is_reading_needed:
        route(step, request)
    elif isinstance(request.state, Preparing) or rules[0].rule_id != request.rule_id:
        defer_behind(step, rules[0], request)
