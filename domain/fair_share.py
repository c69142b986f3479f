"""The fair share ledger: how one lead is split into credit, and who has the most (D3)."""

from collections.abc import Iterable
from functools import lru_cache

from contracts.events import LEAD


class NobodyEligible(Exception):
    """No weight is positive, so there is nobody to split a lead among."""


@lru_cache(maxsize=4_096)
def shares(weights: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Split one lead among managers in proportion to their weights.

    Units lost to rounding go to the largest remainders, ties to the smaller manager id, so the
    order of the pairs cannot matter.

    Args:
        weights: Pairs of manager id and weight; weights are integers of any common scale.

    Returns:
        Pairs of manager id and credit units, ids ascending, adding up to exactly `LEAD`.

    Raises:
        NobodyEligible: No weight is positive.

    Source:
        Largest remainder (Hamilton) apportionment; behaviour D3.1.
    """
    total = sum(weight for _, weight in weights)
    if total <= 0:
        raise NobodyEligible
    floors = {manager_id: weight * LEAD // total for manager_id, weight in weights}
    by_remainder = sorted(weights, key=lambda pair: (-(pair[1] * LEAD % total), pair[0]))
    missing = LEAD - sum(floors.values())
    for manager_id, _ in by_remainder[:missing]:
        floors[manager_id] += 1
    return tuple(sorted(floors.items()))


def negated(movements: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The movements that undo these."""
    return tuple((manager_id, -units) for manager_id, units in movements)


def correction(
    manager_id: int, credit_units: int, others: Iterable[int]
) -> tuple[tuple[int, int], ...]:
    """Give credit to one manager at the equal expense of the others (D3.8).

    Returns:
        Movements by ascending manager id, adding up to 0.

    Raises:
        NobodyEligible: There is nobody else to bear it.
    """
    bearers = sorted(other for other in others if other != manager_id)
    if not bearers:
        raise NobodyEligible
    each, rest = divmod(abs(credit_units), len(bearers))
    sign = 1 if credit_units >= 0 else -1
    moved = {b: -sign * (each + (1 if n < rest else 0)) for n, b in enumerate(bearers)}
    moved[manager_id] = credit_units
    return tuple(sorted(moved.items()))
