"""Who and what was erased, by Kommo's ids, so that it stays erased (S21)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.storage.database import Connection

Kind = Literal["lead", "contact", "manager"]
# In place of a name.
ERASED = "erased"

INSERT = """
INSERT INTO erasures (account_id, kind, id, erased_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, kind, id) DO NOTHING RETURNING id
"""
SELECT = """
SELECT account_id, kind, id, erased_at, erased_by FROM erasures WHERE account_id = $1
ORDER BY erased_at DESC, kind, id LIMIT $2
"""
SELECT_ONE = """
SELECT account_id, kind, id, erased_at, erased_by FROM erasures
WHERE account_id = $1 AND kind = $2 AND id = $3
"""
SELECT_MANAGERS = "SELECT id FROM erasures WHERE account_id = $1 AND kind = 'manager'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Something that was erased.

    Attributes:
        id: Kommo's.
        erased_by: A principal.
    """

    account_id: int
    kind: Kind
    id: int
    erased_at: datetime
    erased_by: str


async def note(connection: Connection, account_id: int, kind: Kind, id_: int, by: str) -> bool:
    """Keep that it is erased; False if it was before."""
    return await connection.fetchval(INSERT, account_id, kind, id_, by) is not None


async def erased(connection: Connection, account_id: int, kind: Kind, id_: int) -> Erasure | None:
    """When something was erased; None if it was not."""
    row = await connection.fetchrow(SELECT_ONE, account_id, kind, id_)
    return None if row is None else Erasure(**row)


async def newest(connection: Connection, account_id: int, limit: int) -> list[Erasure]:
    """What was erased last."""
    return [Erasure(**row) for row in await connection.fetch(SELECT, account_id, limit)]


async def without_names(
    connection: Connection, account_id: int, directory: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known of an account, but for names that were erased."""
    gone = {row["id"] for row in await connection.fetch(SELECT_MANAGERS, account_id)}
    found = dict(directory)
    if gone and "users" in found:
        found["users"] = [
            {**user, "name": ERASED} if user["id"] in gone else user for user in found["users"]
        ]
    return found
