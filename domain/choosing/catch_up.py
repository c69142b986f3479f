"""What a manager who was away may catch up with, if the rule lets them (D3.3).

A manager *misses* the share they would have had of each lead that is given out under the fair
share during their own hours while they are paused or absent, up to the rule's bound of leads. The
next time they can take a lead and others can too, what they missed becomes their credit, at the
expense of those others in the proportion of their shares; the sum of the ledger stays 0.
"""

from collections.abc import Callable
from datetime import datetime

from contracts.events import LEAD, CreditMoved, Standing
from domain.choosing.fair_share import charge
from domain.choosing.kinds import spread
from domain.configuration import Participant, Rule
from domain.state import Account
from domain.step import Step


def missed_shares(
    account: Account, rule: Rule, standings: tuple[Standing, ...], tier: int, at: datetime
) -> tuple[tuple[int, int], ...]:
    """What each manager who is away misses by a decision, ids ascending; empty by default."""
    if not rule.catch_up_units:
        return ()
    pairs = list(zip(rule.participants, standings, strict=True))
    total = sum(p.weight for p, s in pairs if s.share)
    known = account.missed.get(rule.ledger, {})
    found = []
    for participant, standing in pairs:
        if standing.tier != tier or not _is_away(participant, standing, at):
            continue
        share = LEAD * participant.weight // (total + participant.weight)
        room = rule.catch_up_units - known.get(participant.manager_id, 0)
        if (units := min(share, room)) > 0:
            found.append((participant.manager_id, units))
    return tuple(sorted(found))


def catch_up(step: Step, rule: Rule, standings: tuple[Standing, ...]) -> bool:
    """Turn what those who are back have missed into credit; whether there was anything."""
    missed = step.account.missed.get(rule.ledger, {})
    sharing = tuple((s.manager_id, s.share) for s in standings if s.share)
    back = [manager_id for manager_id, _ in sharing if missed.get(manager_id)]
    if not rule.catch_up_units or len(sharing) < 2:  # noqa: PLR2004 - somebody has to bear it
        return False
    for manager_id in sorted(back):
        units = min(missed[manager_id], rule.catch_up_units)
        bearers = tuple(pair for pair in sharing if pair[0] != manager_id)
        moved = _charged(bearers, manager_id)
        step.record(
            CreditMoved(
                ledger=rule.ledger,
                movements=moved(units),
                kinds=spread(step.account, rule.ledger, units, moved),
                reason="caught_up",
                by=f"rule {rule.rule_id}",
                note="",
                at=step.now,
            )
        )
    return bool(back)


def _charged(
    bearers: tuple[tuple[int, int], ...], manager_id: int
) -> Callable[[int], tuple[tuple[int, int], ...]]:
    return lambda units: charge(bearers, units=units, to=manager_id)


def _is_away(participant: Participant, standing: Standing, at: datetime) -> bool:
    """Whether they would be at work, but for a pause or an absence."""
    if standing.verdict not in ("paused", "absent"):
        return False
    return participant.schedule is None or participant.schedule.is_open(at)
