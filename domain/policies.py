"""How the winner is singled out: the fair share, or one of its alternatives (D3.6).

All of them choose among the eligible of the consulted tier, from nothing but the standings, so
any recorded decision can be taken again from its event. The alternatives read the ledger only to
break ties, and move nothing in it.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import assert_never

from contracts.events import LEAD, ChoiceReason, SharingPolicy, Standing
from domain.configuration import Rule
from domain.overflow import consulted_tier
from domain.standings import Choice

Measure = Callable[[Standing], int | Fraction]


def choose_under(rule: Rule, standings: tuple[Standing, ...]) -> Choice | None:
    """The winner under a rule, None if nobody may have the lead now."""
    verdicts = ((s.tier, s.verdict) for s in standings)
    if consulted_tier(verdicts, rule.when_full) is None:
        return None
    return choose(standings, rule.policy)


def choose(standings: Sequence[Standing], policy: SharingPolicy = "fair_share") -> Choice | None:
    """The winner under a policy, None if nobody can take the lead."""
    match policy:
        case "fair_share":
            return _fair_share(standings)
        case "least_loaded":
            return _best(standings, policy, "fewest_open", lambda s: s.open_leads)
        case "most_available":
            return _best(standings, policy, "largest_free_share", lambda s: -free_share(s))
        case _:
            assert_never(policy)


def free_share(standing: Standing) -> Fraction:
    """The part of his limit that a manager has left; without a limit he is wholly free."""
    if standing.limit is None:
        return Fraction(1)
    return Fraction(standing.limit - standing.open_leads, standing.limit)


def _fair_share(standings: Sequence[Standing]) -> Choice | None:
    """Give the lead to the largest credit, this lead's shares included (D3.1)."""
    sharing = [s for s in standings if s.share]
    if not sharing:
        return None
    winner = _first(sharing, lambda s: -(s.credit + s.share))
    rivals = [s for s in sharing if s.credit + s.share == winner.credit + winner.share]
    return Choice(
        manager_id=winner.manager_id,
        tier=winner.tier,
        reason="largest_credit" if rivals == [winner] else _tie(winner, rivals),
        movements=tuple(
            sorted((s.manager_id, s.share - (LEAD if s is winner else 0)) for s in sharing)
        ),
    )


def _best(
    standings: Sequence[Standing], policy: SharingPolicy, best: ChoiceReason, measure: Measure
) -> Choice | None:
    """Give the lead to the smallest measure among the eligible of the first tier that has any."""
    eligible = [s for s in standings if s.verdict == "eligible"]
    tier = min((s.tier for s in eligible), default=None)
    asked = [s for s in eligible if s.tier == tier]
    if not asked:
        return None
    winner = _first(asked, lambda s: (measure(s), -s.credit))
    rivals = [s for s in asked if measure(s) == measure(winner)]
    equals = [s for s in rivals if s.credit == winner.credit]
    reason: ChoiceReason = best
    if len(equals) > 1:
        reason = _tie(winner, equals)
    elif len(rivals) > 1:
        reason = "largest_credit"
    return Choice(manager_id=winner.manager_id, tier=winner.tier, reason=reason, policy=policy)


def _first(asked: Sequence[Standing], rank: Callable[[Standing], object]) -> Standing:
    """The smallest rank, ties broken as D3.2 ends: longest since the last turn, smaller id."""
    return min(asked, key=lambda s: (rank(s), s.last_turn, s.manager_id))


def _tie(winner: Standing, rivals: Sequence[Standing]) -> ChoiceReason:
    is_shared = sum(1 for s in rivals if s.last_turn == winner.last_turn) > 1
    return "smaller_id" if is_shared else "longest_wait"
