"""What becomes of a request now: who could take it, who gets it, as of when (D2, D3, D8).

Changes nothing; whoever asked records the answer, or finds another way.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.events import Even, KindCredits, Standing
from domain.choosing.fewest_given import levels
from domain.choosing.kinds import kind_credits
from domain.choosing.policies import choose_under
from domain.choosing.standings import AT_WORK, Choice, judge
from domain.configuration import Rule
from domain.presence import next_presence
from domain.state import Account, Request
from domain.state.request import Opened, Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliberation:
    """The answer.

    Attributes:
        kinds: Of the lead, with everybody's credit in them.
        even: What everybody got in the period, where that decides.
        choice: None if nobody may have the lead.
        as_of: When the standings are of: now, or the opening for which the lead is reserved.
    """

    standings: tuple[Standing, ...]
    kinds: tuple[KindCredits, ...]
    even: Even | None
    choice: Choice | None
    as_of: datetime


def deliberate(account: Account, rule: Rule, request: Request, at: datetime) -> Deliberation:
    """Judge the participants and choose among them, now or as of the next opening."""
    standings = judge(account, rule, at, request, is_paced=isinstance(request.state, Waiting))
    kinds = kind_credits(account, rule, request, standings)
    even = levels(account, rule, standings, at)
    choice = choose_under(rule, standings, kinds, even)
    if choice is None and rule.off_hours == "reserve_first_starter":
        reserved = _reserved(account, rule, request, standings, at)
        if reserved is not None:
            return reserved
    return Deliberation(standings=standings, kinds=kinds, even=even, choice=choice, as_of=at)


def release_of(
    account: Account, rule: Rule, request: Request
) -> Literal["backlog", "fresh"] | None:
    """How a lead that is given out now counts for the release of its rule's queue."""
    if rule.pace is None or rule.rule_id not in account.requests.waiting:
        return None
    match request.state:
        case Waiting():
            return "backlog"
        case Opened():
            return "fresh"
        case _:
            return None


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
    opens_at = next_presence(account, rule, request.stage, at)
    if opens_at is None:
        return None
    then = judge(account, rule, opens_at, request)
    kinds = kind_credits(account, rule, request, then)
    even = levels(account, rule, then, opens_at)
    choice = choose_under(rule, then, kinds, even)
    if choice is None:
        return None
    return Deliberation(standings=then, kinds=kinds, even=even, choice=choice, as_of=opens_at)
