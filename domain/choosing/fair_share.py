"""The fair share ledger: how one lead is split into credit, and who has the most (D3)."""

from collections.abc import Iterable
from functools import lru_cache

from contracts.events import LEAD


class NobodyEligible(Exception):
    """No weight is positive, so there is nobody to split a lead among."""


@lru_cache(maxsize=4_096)
def shares(weights: tuple[tuple[int, int], ...], units: int = LEAD) -> tuple[tuple[int, int], ...]:
    """Split one lead, or other units, among managers in proportion to their weights.

    Units lost to rounding go to the largest remainders, ties to the smaller manager id, so the
    order of the pairs cannot matter.

    Args:
        weights: Pairs of manager id and weight; weights are integers of any common scale.
        units: What is split, not negative.

    Returns:
        Pairs of manager id and credit units, ids ascending, adding up to exactly `units`.

    Raises:
        NobodyEligible: No weight is positive.

    Source:
        Largest remainder (Hamilton) apportionment; behaviour D3.1.
    """
    total = sum(weight for _, weight in weights)
    if total <= 0:
        raise NobodyEligible
    floors = {manager_id: weight * units // total for manager_id, weight in weights}
    by_remainder = sorted(weights, key=lambda pair: (-(pair[1] * units % total), pair[0]))
    missing = units - sum(floors.values())
    for manager_id, _ in by_remainder[:missing]:
        floors[manager_id] += 1
    return tuple(sorted(floors.items()))


def negated(movements: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The movements that undo these."""
    return tuple((manager_id, -units) for manager_id, units in movements)


def charge(
    bearers: tuple[tuple[int, int], ...], *, units: int, to: int
) -> tuple[tuple[int, int], ...]:
    """Move credit to one manager from others in the proportion of their weights.

    Negative units move it the other way. Who receives may be among those who bear.

    Returns:
        Movements by ascending manager id, adding up to 0.

    Raises:
        NobodyEligible: There is nobody to bear it.
    """
    sign = 1 if units >= 0 else -1
    moved = {manager_id: -sign * part for manager_id, part in shares(bearers, abs(units))}
    moved[to] = moved.get(to, 0) + units
    return tuple(sorted(moved.items()))


def owner_movements(
    sharing: tuple[tuple[int, int], ...], *, owner_id: int, credit: int, debt_max_units: int
) -> tuple[tuple[int, int], ...]:
    """Count a lead that went to its owner as one they were given, within a bound (D3.7).

    They pay those who would have shared the lead, as under the fair share, but only as much as
    leaves their credit at `-debt_max_units` or above: what is beyond it is a gift.

    Args:
        sharing: Manager id to share of everyone who could have taken it.
        owner_id: Who got it, one of them or not.
        credit: Their credit before.
        debt_max_units: The most they may owe.

    Returns:
        Movements by ascending manager id, adding up to 0; empty if nothing is to be moved.
    """
    paid = min(LEAD, credit + debt_max_units)
    if paid <= 0 or not sharing:
        return ()
    return charge(sharing, units=-paid, to=owner_id)


def correction(
    manager_id: int, credit_units: int, others: Iterable[int]
) -> tuple[tuple[int, int], ...]:
    """Give credit to one manager of which the others bear equal parts (D3.8).

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
