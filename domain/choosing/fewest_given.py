"""Even in total: the lead goes to whoever got the least of their part in a calendar period (D3.10).

Each lead raises its manager's *level* by what it is of their part: as much as one lead where all
coefficients are equal, half of it for twice the coefficient. Rules that name the same registry
share the levels. Whoever was away, or is new, starts at the lowest level of those who were there.
"""

from datetime import datetime

from contracts.events import LEAD, Even, Standing
from domain.configuration import Rule
from domain.limits.overflow import consulted_tier
from domain.state import Account


def levels(
    account: Account, rule: Rule, standings: tuple[Standing, ...], at: datetime
) -> Even | None:
    """How much of their part each participant got, as of this lead; None for other policies."""
    registry = rule.registry
    if registry is None:
        return None
    tier = consulted_tier(((s.tier, s.verdict) for s in standings), rule.when_full)
    begins_at = registry.begins_at(at)
    book = account.registries.get(registry.name)
    is_known = book is not None and book.began_at == begins_at
    known = book.levels if book is not None and is_known else {}
    there = book.there if book is not None and is_known else {}
    asked = [s.manager_id for s in standings if s.verdict == "eligible" and s.tier == tier]
    least = min((known.get(m, 0) for m in asked if m in there), default=0)
    joined = {m: max(known.get(m, 0), least) for m in asked if m not in there}
    found = tuple(joined.get(s.manager_id, known.get(s.manager_id, 0)) for s in standings)
    return Even(registry.name, begins_at, found, 0)


def costs(rule: Rule, manager_id: int) -> int:
    """What one lead is of a participant's part, in units."""
    weights = {p.manager_id: p.weight for p in rule.participants if p.weight}
    return LEAD * sum(weights.values()) // (len(weights) * weights[manager_id])
