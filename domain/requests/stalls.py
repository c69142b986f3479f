"""Rules whose leads wait though nobody will be at work for two weeks (D8.3)."""

from contracts.events import RuleRevived, RuleStalled, Standing
from domain.choosing.standings import AT_WORK
from domain.configuration import Rule
from domain.presence import is_anybody_in_sight
from domain.state import Request
from domain.step import Step


def note_stall(step: Step, rule: Rule, request: Request, standings: tuple[Standing, ...]) -> None:
    """Raise the alert of a rule that just could not serve its oldest request, or end it."""
    account = step.account
    is_away = not any(s.verdict in AT_WORK for s in standings)
    is_stalled = is_away and not is_anybody_in_sight(account, rule, request.stage, step.now)
    if is_stalled and rule.rule_id not in account.stalled:
        step.record(RuleStalled(rule_id=rule.rule_id, at=step.now))
    elif not is_stalled:
        end_stall(step, rule.rule_id)


def end_stall(step: Step, rule_id: str) -> None:
    """End the alert of a rule, if it was raised."""
    if rule_id in step.account.stalled:
        step.record(RuleRevived(rule_id=rule_id, at=step.now))


def end_stalls(step: Step) -> None:
    """End the alerts of rules for which nothing waits any more."""
    for rule_id in step.account.stalled:
        if rule_id not in step.account.requests.waiting:
            end_stall(step, rule_id)
