"""The queue of a rule: a newer request never overtakes a waiting one (D5.3).

While a queue is released at a pace, fresh leads pass it in turn (D8.2).
"""

from datetime import datetime

from contracts.events import (
    RequestDeferred,
)
from domain.configuration import Rule
from domain.state import Account, Request
from domain.step import Step
from domain.timers import due_at

# A long backlog is served in pieces, so that one account cannot hold up the others.
SERVED_PER_STEP_MAX = 500


def is_behind(account: Account, rule: Rule, request: Request) -> bool:
    """Whether an older request of the rule waits."""
    queue = account.requests.waiting.get(rule.rule_id)
    return queue is not None and next(iter(queue.values())).number < request.number


def may_pass(account: Account, rule: Rule) -> bool:
    """Whether it is a fresh lead's turn to pass the queue of a rule (D8.2)."""
    release = account.releases.get(rule.rule_id)
    return rule.pace is not None and release is not None and release.balance > 0


def defer_behind(step: Step, rule: Rule, request: Request) -> None:
    """Let the request wait behind the older ones of its rule."""
    look_at = look_of(step, rule.rule_id)
    step.record(
        RequestDeferred(
            request_id=request.request_id,
            lead_id=request.lead_id,
            rule_id=rule.rule_id,
            reason="behind_queue",
            next_look_at=max(look_at, step.now),
            standings=(),
            at=step.now,
        )
    )


def look_of(step: Step, rule_id: str) -> datetime:
    """When the queue of a rule is looked at again."""
    return due_at(step, look_timer(rule_id)) or step.now


def look_timer(rule_id: str) -> str:
    """The timer of the queue of a rule."""
    return f"look/{rule_id}"
