"""Who and what was erased, by Kommo's ids, so that it stays erased (S21)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from services.storage.database import Connection

Kind = Literal["lead", "contact", "manager"]
# In place of a name.
ERASED = "erased"

INSERT = """
INSERT INTO erasures (account_id, kind, id, erased_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, kind, id) DO NOTHING RETURNING id
"""
OLDER = """
SELECT account_id, kind, id, erased_at, erased_by FROM erasures WHERE account_id = $1
    AND ($3::timestamptz IS NULL OR (erased_at, kind, id) < ($3, $4::text, $5::bigint))
ORDER BY erased_at DESC, kind DESC, id DESC LIMIT $2
"""
NEWER = OLDER.replace("<", ">").replace("DESC", "ASC")
SELECT_ONE = """
SELECT account_id, kind, id, erased_at, erased_by FROM erasures
WHERE account_id = $1 AND kind = $2 AND id = $3
"""
# Of things that bodies are about; a manager's number stands in every body about their leads.
SELECT_THINGS = """
SELECT account_id, array_agg(id) FROM erasures
WHERE account_id = ANY($1::bigint[]) AND kind <> 'manager' GROUP BY account_id
"""
NUMBER = re.compile(rb"(?<![0-9])[0-9]{1,19}(?![0-9])")
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


async def things(
    connection: Connection, account_ids: Sequence[int]
) -> Mapping[int, frozenset[int]]:
    """The ids of leads and contacts that were erased, by account."""
    rows = await connection.fetch(SELECT_THINGS, list(account_ids))
    return {account_id: frozenset(ids) for account_id, ids in rows}


def numbers_in(content: bytes) -> frozenset[int]:
    """The numbers that stand in a raw body, however it is written."""
    plain = unquote_to_bytes(content.replace(b"+", b" "))
    return frozenset(int(each) for text in (content, plain) for each in NUMBER.findall(text))


async def page(
    connection: Connection,
    account_id: int,
    *,
    beside: tuple[datetime, str, int] | None = None,
    is_back: bool = False,
    limit: int,
) -> list[Erasure]:
    """What was erased last, before one that is named by instant, kind and id.

    Args:
        connection: Where.
        account_id: Whose.
        beside: That one; None for the newest.
        is_back: Those after it instead, the nearest first.
        limit: The most.
    """
    rows = await connection.fetch(
        NEWER if is_back else OLDER, account_id, limit, *(beside or (None, None, None))
    )
    return [Erasure(**row) for row in rows]


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
