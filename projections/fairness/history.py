"""How far from the fair share whoever was furthest has been, lead by lead, of the newest ones.

A movement holds balances, corrections included. What moved without a lead is taken out of them,
so that the last value is the meter of now (D3.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projections import Connection
from projections.fairness.books import Share, meter_of

MOVEMENTS = """
SELECT at, lead_id, manager_ids, balances_units FROM fairness.movements
WHERE account_id = $1 AND ledger = $2 ORDER BY version DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Furthest:
    """How far whoever was furthest was, after a movement."""

    at: datetime
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A movement, as far as it is needed here: manager ids with their balances after it."""

    at: datetime
    lead_id: int | None
    balances: tuple[tuple[int, int], ...]


async def history(
    connection: Connection, account_id: int, shares: Sequence[Share], *, limit: int
) -> list[Furthest]:
    """After each of the newest movements of a ledger, the oldest first.

    Args:
        connection: Where to ask.
        account_id: Whose.
        shares: Everybody of one ledger as they are now; none: there is no history.
        limit: The most movements.
    """
    if not shares:
        return []
    rows = await connection.fetch(MOVEMENTS, account_id, shares[0].ledger, limit)
    moves = [
        Moving(
            at=row["at"],
            lead_id=row["lead_id"],
            balances=tuple(zip(row["manager_ids"], row["balances_units"], strict=True)),
        )
        for row in reversed(rows)
    ]
    return furthest(moves, shares)


def furthest(moves: Sequence[Moving], shares: Sequence[Share]) -> list[Furthest]:
    """The same of movements in order, the oldest first, and what everybody has after the last."""
    since = _without_a_lead(moves)
    moved = {each.manager_id: each.moved_units - since.get(each.manager_id, 0) for each in shares}
    seen = {manager_id for move in moves for manager_id, _ in move.balances}
    balances: dict[int, int] = {}
    meters = {each.manager_id: each.meter_units for each in shares if each.manager_id not in seen}
    found: list[Furthest] = []
    for move in moves:
        for manager_id, balance in move.balances:
            if move.lead_id is None and manager_id in balances:
                moved[manager_id] += balance - balances[manager_id]
            balances[manager_id] = balance
            meters[manager_id] = meter_of(
                deviation=moved[manager_id] - balance, moved=moved[manager_id]
            )
        found.append(Furthest(at=move.at, units=max(meters.values(), default=0)))
    return found


def _without_a_lead(moves: Sequence[Moving]) -> dict[int, int]:
    """What moved so to whom, but for what a first movement did: how much that was is unknown."""
    balances: dict[int, int] = {}
    units: dict[int, int] = {}
    for move in moves:
        for manager_id, balance in move.balances:
            if move.lead_id is None and manager_id in balances:
                units[manager_id] = units.get(manager_id, 0) + balance - balances[manager_id]
            balances[manager_id] = balance
    return units
