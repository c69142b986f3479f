"""Waiting requests that newer ones of their rule may pass (D5.3).

A lead that somebody is kept from by itself, because they may not see its stage or Kommo refused it
with them, waits for others than a newer lead would: it holds up none.
"""

from collections.abc import Iterator, Mapping

from contracts.events import Verdict
from contracts.stage import Stage
from domain.choosing.standings import judge
from domain.configuration import Rule
from domain.requests.deliberation import deliberate
from domain.state import Account, Request
from domain.step import Step

# Verdicts that say something of the lead, where another one says something of the manager.
_OF_THE_LEAD: tuple[Verdict, ...] = ("no_access", "refused")
# So many may be passed in a step: who looks for somebody for all of a long queue holds up others.
PASSED_MAX = 50
_Likeness = tuple[Stage, tuple[int, ...]]


def may_be_passed(step: Step, rule: Rule, request: Request) -> bool:
    """Whether a request that nobody could be found for leaves somebody to newer ones."""
    if not _is_particular(step.account, request):
        return False
    standings = judge(step.account, rule, step.now, request)
    return any(standing.verdict in _OF_THE_LEAD for standing in standings)


def passes_all(step: Step, rule: Rule, request: Request) -> bool:
    """Whether a new request may pass every older one that waits, as nobody could take those now."""
    looked_at: dict[_Likeness, None] = {}
    for older in step.account.requests.waiting.get(rule.rule_id, {}).values():
        like = _likeness(older)
        if older.number > request.number:
            break
        if like in looked_at:
            continue
        if like == _likeness(request) or len(looked_at) == PASSED_MAX:
            return False
        if not may_be_passed(step, rule, older):
            return False
        if deliberate(step.account, rule, older, step.now).choice is not None:
            return False
        looked_at[like] = None
    return True


class QueueWalk:
    """The waiting of one rule, the oldest first, while a step looks for somebody for each."""

    __slots__ = ("_passed", "_rest", "_rule_id", "_waiting", "head")

    def __init__(self, waiting: Mapping[str, Mapping[str, Request]], rule_id: str) -> None:
        """Begin with the oldest of a rule for which something waits."""
        self._waiting = waiting
        self._rule_id = rule_id
        self._passed: dict[_Likeness, None] = {}
        self._rest: Iterator[Request] | None = None
        self.head = next(iter(waiting[rule_id].values()))

    def served(self) -> bool:
        """Go on after the head got somebody; whether anybody is left."""
        return self._go_on()

    def passed(self) -> bool:
        """Go on beside the head, for which there is nobody; whether anybody is left."""
        if len(self._passed) == PASSED_MAX:
            return False
        self._passed[_likeness(self.head)] = None
        if self._rest is None:
            self._rest = iter([*self._waiting[self._rule_id].values()][1:])
        return self._go_on()

    def _go_on(self) -> bool:
        queue = self._waiting.get(self._rule_id, {})
        for request in queue.values() if self._rest is None else self._rest:
            if request.request_id in queue and _likeness(request) not in self._passed:
                self.head = request
                return True
        return False


def _likeness(request: Request) -> _Likeness:
    """What two requests have in common that the same people are kept from, at an instant."""
    return request.stage, request.refused


def _is_particular(account: Account, request: Request) -> bool:
    return bool(account.limited or request.refused)
