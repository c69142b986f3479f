"""Questions about shares, statements and the meter of fairness."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.events import LEAD, LeadKind
from projections import Connection
from projections.fairness.books import (
    DEVIATION_MAX_UNITS,
    DEVIATION_WITH_KINDS_MAX_UNITS,
    Reason,
    Share,
)
from projections.fairness.kinds import DEVIATION_IN_KIND_MAX_UNITS, KindShare, lead_kinds

OF_ACCOUNT = """
SELECT ledger, manager_id, assigned, share_units, credit_units, deviation_units_max, last_version
FROM fairness.shares WHERE account_id = $1 AND ($2::bigint IS NULL OR manager_id = $2)
ORDER BY ledger, manager_id
"""
# From a line on, the steps back lead to the others; the first one is where the page before ended,
# the manager's last one, or looked for. A line more than asked for tells what the last one moved.
# Whoever serves people reads behind a policy, in front of which the database reckons nothing: a
# version is found by the key only if it is there as a column, reckoned and read before.
STATEMENT = """
WITH RECURSIVE first AS MATERIALIZED (
    SELECT coalesce(
        (SELECT CASE steps_back[place] WHEN 0 THEN 0 ELSE $4 - steps_back[place] END
            FROM fairness.movements, array_position(manager_ids, $3::bigint) AS place
            WHERE account_id = $1 AND ledger = $2 AND version = $4 AND place IS NOT NULL),
        (SELECT last_version FROM fairness.shares
            WHERE account_id = $1 AND ledger = $2 AND manager_id = $3 AND last_version < $4),
        (SELECT version FROM fairness.movements
            WHERE account_id = $1 AND ledger = $2 AND version < $4 AND $3 = ANY (manager_ids)
            ORDER BY version DESC LIMIT 1)
    ) AS version
), chain AS (
    SELECT m.*, found AS place, m.version - m.steps_back[found] AS earlier, 1 AS number
    FROM first JOIN fairness.movements AS m USING (version),
        array_position(m.manager_ids, $3::bigint) AS found
    WHERE m.account_id = $1 AND m.ledger = $2
    UNION ALL
    SELECT m.*, found, m.version - m.steps_back[found], chain.number + 1
    FROM chain JOIN fairness.movements AS m
        ON m.account_id = $1 AND m.ledger = $2 AND m.version = chain.earlier,
        array_position(m.manager_ids, $3::bigint) AS found
    WHERE chain.earlier < chain.version AND chain.number <= $5
)
SELECT ledger, $3::bigint AS manager_id, version, balances_units[place] AS balance_units, reason,
    lead_id, at, whats, kinds, balances_units[place]
        - coalesce(lead(balances_units[place]) OVER (ORDER BY version DESC), 0) AS units
FROM chain ORDER BY version DESC LIMIT $5
"""
SUMS = """
SELECT account_id, ledger, '' AS what, 0::bigint AS kind, sum(credit_units)::bigint AS units
FROM fairness.shares GROUP BY account_id, ledger HAVING sum(credit_units) <> 0
UNION ALL
SELECT account_id, ledger, what, kind, sum(credit_units)::bigint FROM fairness.kind_shares
GROUP BY account_id, ledger, what, kind HAVING sum(credit_units) <> 0
ORDER BY account_id, ledger, what, kind
"""
BEYOND_MAX = 100
# `Share.meter_units` in the database.
METER = f"""greatest(
    assigned * {LEAD} - share_units - greatest(0, credit_units + assigned * {LEAD} - share_units),
    least(0, credit_units + assigned * {LEAD} - share_units) - assigned * {LEAD} + share_units,
    0)"""
PROMISED = f"""CASE WHEN EXISTS (
    SELECT FROM fairness.kind_shares
    WHERE kind_shares.account_id = shares.account_id AND kind_shares.ledger = shares.ledger
) THEN {DEVIATION_WITH_KINDS_MAX_UNITS} ELSE {DEVIATION_MAX_UNITS} END"""
BEYOND = f"""
SELECT account_id, ledger, manager_id, assigned, share_units, credit_units, deviation_units_max,
    last_version
FROM fairness.shares
WHERE {METER} >= coalesce($1, {PROMISED})
ORDER BY account_id, ledger, manager_id LIMIT {BEYOND_MAX}
"""  # noqa: S608 - constants of ours
BEYOND_IN_KIND = f"""
SELECT account_id, ledger, what, kind, manager_id, assigned, share_units, credit_units,
    deviation_units_max, last_version
FROM fairness.kind_shares WHERE ($2::bigint IS NULL OR account_id = $2) AND {METER} >= $1
ORDER BY account_id, ledger, what, kind, manager_id LIMIT {BEYOND_MAX}
"""  # noqa: S608 - constants of ours
UNFAIR = f"""
SELECT account_id FROM fairness.shares WHERE account_id = ANY ($1) AND {METER} >= {PROMISED}
UNION
SELECT account_id FROM fairness.kind_shares
WHERE account_id = ANY ($1) AND {METER} >= {DEVIATION_IN_KIND_MAX_UNITS}
"""  # noqa: S608 - constants of ours
AFTER = """
SELECT version FROM fairness.movements
WHERE account_id = $1 AND ledger = $2 AND version > $4 AND $3::bigint = ANY (manager_ids)
ORDER BY version LIMIT $5
"""
# A look for each ledger, however many people have shares of kinds in it.
WITH_KINDS = """
SELECT ledger FROM unnest($2::text[]) AS ledger WHERE EXISTS (
    SELECT FROM fairness.kind_shares AS of_kind
    WHERE of_kind.account_id = $1 AND of_kind.ledger = ledger.ledger
)
"""
WIDEST = """
SELECT account_id, max(deviation_units_max) AS units, account_id IN
    (SELECT account_id FROM fairness.kind_shares) AS has_kinds
FROM fairness.shares GROUP BY account_id ORDER BY account_id
"""
PRESENT = f"SELECT max({METER}) FROM fairness.shares"  # noqa: S608 - constants of ours
PRESENT_BY_ACCOUNT = f"""
SELECT account_id, max({METER}) AS units FROM fairness.shares WHERE account_id = ANY ($1)
GROUP BY account_id
"""  # noqa: S608 - constants of ours
PRESENT_IN_KIND = f"SELECT max({METER}) FROM fairness.kind_shares"  # noqa: S608 - constants of ours
AFTER_ALL = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One line of a manager's statement.

    Attributes:
        balance_units: After this line.
        lead_id: None when credit moved without a lead.
        kinds: Of that lead, where the ledger tells leads apart.
    """

    ledger: str
    manager_id: int
    version: int
    units: int
    balance_units: int
    reason: Reason
    lead_id: int | None
    at: datetime
    kinds: tuple[LeadKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Widest:
    """How far any manager of an account ever was from the fair share.

    Attributes:
        promised_units: That nobody is so far: more where leads are told apart (D3.9).
    """

    account_id: int
    units: int
    promised_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imbalance:
    """A ledger, or a kind in it, that does not add up to 0, which must not exist (I8).

    Attributes:
        what: Empty for the ledger itself.
    """

    account_id: int
    ledger: str
    units: int
    what: str = ""
    kind: int = 0


async def of_account(
    connection: Connection, account_id: int, *, manager_id: int | None = None
) -> list[Share]:
    """Every manager of every ledger of an account, or one of them, by ledger and manager."""
    return [Share(**row) for row in await connection.fetch(OF_ACCOUNT, account_id, manager_id)]


async def statement(
    connection: Connection,
    *,
    account_id: int,
    ledger: str,
    manager_id: int,
    limit: int,
    before: int = AFTER_ALL,
) -> list[Movement]:
    """A manager's movements, newest first, those before a version of the account."""
    rows = await connection.fetch(STATEMENT, account_id, ledger, manager_id, before, limit)
    return [_movement(dict(row)) for row in rows]


async def movements_after(
    connection: Connection,
    *,
    account_id: int,
    ledger: str,
    manager_id: int,
    limit: int,
    after: int,
) -> list[Movement]:
    """A manager's movements behind a version of the account, oldest first."""
    rows = await connection.fetch(AFTER, account_id, ledger, manager_id, after, limit)
    if not rows:
        return []
    found = await statement(
        connection,
        account_id=account_id,
        ledger=ledger,
        manager_id=manager_id,
        limit=len(rows),
        before=rows[-1]["version"] + 1,
    )
    return found[::-1]


async def unbalanced(connection: Connection) -> list[Imbalance]:
    """Ledgers, and kinds in them, whose credits do not add up to 0; always empty (I8)."""
    return [Imbalance(**row) for row in await connection.fetch(SUMS)]


async def beyond(connection: Connection, *, units: int | None = None) -> list[tuple[int, Share]]:
    """Who is so far or further from the fair share now, by account; the first 100 (D3.5).

    Args:
        connection: Where to ask.
        units: How far; None for what is promised, which is more where leads are told apart (D3.9).
    """
    rows = [dict(row) for row in await connection.fetch(BEYOND, units)]
    return [(row.pop("account_id"), Share(**row)) for row in rows]


async def beyond_in_kind(
    connection: Connection,
    account_id: int | None = None,
    *,
    units: int = DEVIATION_IN_KIND_MAX_UNITS,
) -> list[tuple[int, KindShare]]:
    """The same in any kind of a ledger (D3.9)."""
    rows = [dict(row) for row in await connection.fetch(BEYOND_IN_KIND, units, account_id)]
    return [(row.pop("account_id"), KindShare(**row)) for row in rows]


async def widest_deviations(connection: Connection) -> list[Widest]:
    """The largest distance of any manager ever seen, by account (D3.5)."""
    return [
        Widest(
            account_id=row["account_id"],
            units=row["units"],
            promised_units=DEVIATION_WITH_KINDS_MAX_UNITS
            if row["has_kinds"]
            else DEVIATION_MAX_UNITS,
        )
        for row in await connection.fetch(WIDEST)
    ]


async def unfair(connection: Connection, account_ids: Sequence[int]) -> frozenset[int]:
    """Those of the accounts in which the promise does not hold for somebody now (D3.5, D3.9)."""
    return frozenset(row["account_id"] for row in await connection.fetch(UNFAIR, account_ids))


async def with_kinds(
    connection: Connection, account_id: int, shares: Sequence[Share]
) -> tuple[str, ...]:
    """Those ledgers of an account's shares in which leads are told apart, in their order (D3.9)."""
    ledgers = list(dict.fromkeys(share.ledger for share in shares))
    found = {row["ledger"] for row in await connection.fetch(WITH_KINDS, account_id, ledgers)}
    return tuple(ledger for ledger in ledgers if ledger in found)


def promised(*, has_kinds: bool) -> int:
    """That nobody is so far from the fair share: more where leads are told apart."""
    return DEVIATION_WITH_KINDS_MAX_UNITS if has_kinds else DEVIATION_MAX_UNITS


def beyond_among(shares: Sequence[Share], with_kinds: Collection[str]) -> list[Share]:
    """For whom of an account's shares the promise does not hold, as `beyond` has it."""
    far = [
        share
        for share in shares
        if share.meter_units >= promised(has_kinds=share.ledger in with_kinds)
    ]
    return far[:BEYOND_MAX]


async def present_deviation(connection: Connection) -> int:
    """The largest distance of any manager from the fair share as it is now, in units (D3.5)."""
    return await connection.fetchval(PRESENT) or 0


async def present_deviations(connection: Connection, account_ids: Sequence[int]) -> dict[int, int]:
    """Each account to the distance of its manager furthest from the fair share now (D3.5)."""
    rows = await connection.fetch(PRESENT_BY_ACCOUNT, account_ids)
    return {row["account_id"]: row["units"] for row in rows}


async def present_deviation_in_kind(connection: Connection) -> int:
    """The same in any kind of any ledger (D3.9)."""
    return await connection.fetchval(PRESENT_IN_KIND) or 0


def _movement(row: dict[str, Any]) -> Movement:
    kinds = lead_kinds(row.pop("whats"), row.pop("kinds"))
    return Movement(**row, kinds=kinds)
