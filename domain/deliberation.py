"""What becomes of a request now: who could take it, who gets it, as of when (D2, D3, D8).

Changes nothing; whoever asked records the answer, or finds another way.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.events import Standing
from domain.account import Account, Request
from domain.configuration import Rule
from domain.policies import choose_under
from domain.presence import next_presence
from domain.standings import AT_WORK, Choice, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliberation:
    """The answer.

    Attributes:
        choice: None if nobody may have the lead.
        as_of: When the standings are of: now, or the opening for which the lead is reserved.
    """

    standings: tuple[Standing, ...]
    choice: Choice | None
    as_of: datetime


def deliberate(account: Account, rule: Rule, request: Request, at: datetime) -> Deliberation:
    """Judge the participants and choose among them, now or as of the next opening."""
    standings = judge(account, rule, at, request.tried, is_paced=has_waited(account, request))
    choice = choose_under(rule, standings)
    if choice is None and rule.off_hours == "reserve_first_starter":
        reserved = _reserved(account, rule, request, standings, at)
        if reserved is not None:
            return reserved
    return Deliberation(standings=standings, choice=choice, as_of=at)


def is_new(account: Account, request: Request) -> bool:
    """Whether the request has not waited yet since it was opened, or opened again."""
    return request.request_id in account.opened


def has_waited(account: Account, request: Request) -> bool:
    """Whether the request stands in the queue of its rule."""
    return request.request_id in account.waiting.get(request.rule_id, {})


def may_pass(account: Account, rule: Rule) -> bool:
    """Whether it is a fresh lead's turn to pass the queue of a rule (D8.2)."""
    release = account.releases.get(rule.rule_id)
    return rule.pace is not None and release is not None and release.balance > 0


def release_of(
    account: Account, rule: Rule, request: Request
) -> Literal["backlog", "fresh"] | None:
    """How a lead that is given out now counts for the release of its rule's queue."""
    if rule.pace is None or rule.rule_id not in account.waiting:
        return None
    if has_waited(account, request):
        return "backlog"
    return "fresh" if is_new(account, request) else None


def _reserved(
    account: Account,
    rule: Rule,
    request: Request,
    standings: tuple[Standing, ...],
    at: datetime,
) -> Deliberation | None:
    """The same question as of the next opening, while nobody is at work (D8.1)."""
    if any(s.verdict in AT_WORK for s in standings):
        return None
    opens_at = next_presence(account, rule, at)
    if opens_at is None:
        return None
    then = judge(account, rule, opens_at, request.tried)
    choice = choose_under(rule, then)
    if choice is None:
        return None
    return Deliberation(standings=then, choice=choice, as_of=opens_at)
