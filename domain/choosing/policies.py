"""How the winner is singled out: the fair share, or one of its alternatives (D3.6).

All of them choose among the eligible of the consulted tier, from nothing but the standings, so
any recorded decision can be taken again from its event. The alternatives read the ledger only to
break ties, and move nothing in it.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import assert_never

from contracts.events import LEAD, ChoiceReason, Even, KindCredits, SharingPolicy, Standing
from domain.choosing.standings import Choice
from domain.configuration import Rule
from domain.limits.overflow import consulted_tier

Measure = Callable[[Standing], int | Fraction]


def choose_under(
    rule: Rule,
    standings: tuple[Standing, ...],
    kinds: tuple[KindCredits, ...] = (),
    even: Even | None = None,
) -> Choice | None:
    """The winner under a rule, None if nobody may have the lead now."""
    verdicts = ((s.tier, s.verdict) for s in standings)
    if consulted_tier(verdicts, rule.when_full) is None:
        return None
    return choose(standings, rule.policy, kinds, even)


def choose(
    standings: Sequence[Standing],
    policy: SharingPolicy = "fair_share",
    kinds: Sequence[KindCredits] = (),
    even: Even | None = None,
) -> Choice | None:
    """The winner under a policy, None if nobody can take the lead.

    Args:
        standings: Everybody's, with their share of this lead.
        policy: The rule's.
        kinds: Of the lead, with everybody's credit in them; only the fair share looks at them.
        even: What everybody got in the period; only `fewest_given` looks at it.
    """
    match policy:
        case "fair_share" if kinds:
            return _fair_in_kind(standings, kinds)
        case "fair_share":
            return _fair_share(standings)
        case "least_loaded":
            return _best(standings, policy, "fewest_open", lambda s: s.open_leads)
        case "most_available":
            return _best(standings, policy, "largest_free_share", lambda s: -free_share(s))
        case "fewest_given":
            assert even is not None, "the policy counts in a registry"
            got = dict(zip((s.manager_id for s in standings), even.levels, strict=True))
            return _best(standings, policy, "fewest_given", lambda s: got[s.manager_id])
        case _:
            assert_never(policy)


def free_share(standing: Standing) -> Fraction:
    """The part of their limit that a manager has left; without a limit all of it."""
    if standing.limit is None:
        return Fraction(1)
    return Fraction(standing.limit - standing.open_leads, standing.limit)


def _fair_share(standings: Sequence[Standing]) -> Choice | None:
    """Give the lead to the largest credit, this lead's shares included (D3.1)."""
    sharing = [s for s in standings if s.share]
    if not sharing:
        return None
    most = max([s.credit + s.share for s in sharing])
    rivals = [s for s in sharing if s.credit + s.share == most]
    winner = min(rivals, key=_by_turn)
    return Choice(
        manager_id=winner.manager_id,
        tier=winner.tier,
        reason="largest_credit" if len(rivals) == 1 else _tie(winner, rivals),
        movements=_paid_by(winner, sharing),
    )


def _fair_in_kind(standings: Sequence[Standing], kinds: Sequence[KindCredits]) -> Choice | None:
    """Give the lead to the largest sum of pulls, of the credit in all and of those in kinds (D3.9).

    In each of these accounts the lead adds the same shares and costs the winner one lead. The
    credit in all pulls twice: it is to stay within 3 leads, those in kinds within 4.

    A credit pulls the more with each unit of it, the further it is from 0: a plain sum lets one
    drift as long as the others hold against it (docs/decisions/0010-fair-in-kind.md). Written out,
    for dozens of pulls in each decision.
    """
    sharing: list[Standing] = []
    sums: list[int] = []
    for standing, in_kinds in zip(
        standings, zip(*(k.credits for k in kinds), strict=True), strict=True
    ):
        if not (share := standing.share):
            continue
        credit = standing.credit + share
        pull = 2 * credit * (LEAD + abs(credit))
        for known in in_kinds:
            credit = known + share
            pull += credit * (LEAD + abs(credit))
        sharing.append(standing)
        sums.append(pull)
    if not sharing:
        return None
    most = max(sums)
    rivals = [s for s, pull in zip(sharing, sums, strict=True) if pull == most]
    winner = min(rivals, key=_by_turn)
    return Choice(
        manager_id=winner.manager_id,
        tier=winner.tier,
        reason="largest_sum" if len(rivals) == 1 else _tie(winner, rivals),
        movements=_paid_by(winner, sharing),
    )


def _paid_by(winner: Standing, sharing: Sequence[Standing]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted([(s.manager_id, s.share - (LEAD if s is winner else 0)) for s in sharing]))


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


def _by_turn(standing: Standing) -> tuple[int, int]:
    return standing.last_turn, standing.manager_id


def _tie(winner: Standing, rivals: Sequence[Standing]) -> ChoiceReason:
    is_shared = sum(1 for s in rivals if s.last_turn == winner.last_turn) > 1
    return "smaller_id" if is_shared else "longest_wait"
