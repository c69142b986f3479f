"""What rules come to with the leads that an account has, before they are put in force (S32)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.events import AllocationEvent, LeadAssigned, RulesApplied
from contracts.inbound import Inbound, TimerDue
from domain.configuration import Rule
from domain.duty import choose_duty, judge_duty
from domain.preview import foreseen
from domain.requests.backlog import MORE_TIMER
from domain.requests.deliberation import deliberate
from domain.state import Account, Request

# It is told while somebody waits: with ten participants each lead takes 0.16 ms.
COUNTED_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesPreview:
    """What becomes of the leads that are there; of those that come later nothing is known.

    Attributes:
        gives: Leads that somebody gets at once, a long backlog up to some thousands.
        reads: Leads of which Kommo is read first, and that somebody could get then.
        waits: All others that wait: these rules decide them later.
        untouched: Leads that nobody has worked on yet: these rules may pass them on.
        is_more: Whether counting ended before the backlog did: more of those that wait may go out.
    """

    gives: int
    reads: int
    waits: int
    untouched: int
    is_more: bool = False

    @property
    def moves(self) -> int:
        """How many leads they move as soon as they are in force; more if `is_more`."""
        return self.gives + self.reads


def preview_rules(account: Account, message: Inbound) -> RulesPreview:
    """Decide on a copy that nobody else holds: it moves on, and is of no other use afterwards."""
    events = foreseen(account, [message])
    is_applied = any(isinstance(each, RulesApplied) for each in events)
    given = _given(events)
    while is_applied and (piece := _next_piece(account, message)) and len(given) < COUNTED_MAX:
        given |= _given(foreseen(account, [piece]))
    reads = _readable(account, max(account.now, message.at)) if is_applied else 0
    return RulesPreview(
        gives=len(given),
        reads=reads,
        waits=len(account.requests.by_id) - reads,
        untouched=len(account.offers),
        is_more=is_applied and _next_piece(account, message) is not None,
    )


def _given(events: Iterable[AllocationEvent]) -> dict[int, None]:
    return dict.fromkeys(each.lead_id for each in events if isinstance(each, LeadAssigned))


def _next_piece(account: Account, message: Inbound) -> Inbound | None:
    """What the clock says next while a long backlog is served in pieces."""
    more = account.timers.get(MORE_TIMER)
    if more is None or more.due_at is None:
        return None
    body = TimerDue(timer_id=MORE_TIMER, generation=more.generation)
    return replace(message, at=max(message.at, more.due_at), body=body)


def _readable(account: Account, at: datetime) -> int:
    """How many leads that Kommo is read for somebody could get, whichever rule they come under.

    What is read decides the rule. So each counts for which any rule of its stage has somebody,
    without the places that the others take: rather too many than too few.
    """
    known: dict[tuple[object, ...], bool] = {}
    count = 0
    for request in account.requests.preparing.values():
        like = (request.stage, request.refused, request.tried)
        if like not in known:
            rules = account.configuration.by_stage.get(request.stage, ())
            known[like] = any(_has_somebody(account, rule, request, at) for rule in rules)
        count += known[like]
    return count


def _has_somebody(account: Account, rule: Rule, request: Request, at: datetime) -> bool:
    if deliberate(account, rule, request, at).choice is not None:
        return True
    return choose_duty(judge_duty(account, rule, request, at)) is not None
