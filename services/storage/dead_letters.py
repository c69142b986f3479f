"""What was not understood, kept until a person has looked at it (F33, F34).

It is kept whole, and so can be tried again; only of a body over the limit there is no more than
the beginning (F35).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.storage.database import borrow, storable

State = Literal["kept", "replayed", "dismissed"]

INSERT = """
INSERT INTO dead_letters (account_id, source, position, reason, content_type, body, size)
SELECT account_id, source, position, reason, content_type, body, coalesce(size, length(body))
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[],
    $7::integer[]) AS dead (account_id, source, position, reason, content_type, body, size)
ON CONFLICT (source, position) WHERE position IS NOT NULL DO NOTHING
"""
SELECT_COLUMNS = """
SELECT id, account_id, source, position, received_at, reason, content_type, body, size, state
FROM dead_letters
"""
SELECT_PAGE = f"{SELECT_COLUMNS} WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
SELECT_ONE = f"{SELECT_COLUMNS} WHERE id = $1"
COUNT = "SELECT count(*) FROM dead_letters WHERE state = $1"
UPDATE_STATE = """
UPDATE dead_letters SET state = $2, state_changed_at = now() WHERE id = $1 AND state = 'kept'
RETURNING id
"""
BIGGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message or body to keep.

    Attributes:
        source: The log's source, or the route of a webhook.
        position: In the log; the same (source, position) is kept once. None for a webhook.
        size: How many bytes came, of which `body` is the beginning; None when it is all.
    """

    account_id: int | None
    source: str
    position: int | None
    reason: str
    content_type: str
    body: bytes
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    """A dead letter as it lies in the database.

    Attributes:
        size: How many bytes came; more than `body` has when it was cut.
    """

    id: int
    account_id: int | None
    source: str
    position: int | None
    received_at: datetime
    reason: str
    content_type: str
    body: bytes
    size: int
    state: State

    @property
    def is_cut(self) -> bool:
        """Whether `body` is only the beginning of what came."""
        return self.size > len(self.body)


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """All dead letters; each method raises `services.errors.Unavailable`."""

    pool: Any

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Store the letters durably; one with a known (source, position) is kept already."""
        async with borrow(self.pool) as connection:
            await connection.execute(
                INSERT,
                [letter.account_id for letter in letters],
                [letter.source for letter in letters],
                [letter.position for letter in letters],
                [storable(letter.reason) for letter in letters],
                [storable(letter.content_type) for letter in letters],
                [letter.body for letter in letters],
                [letter.size for letter in letters],
            )

    async def page(
        self, *, state: State = "kept", before: int = BIGGEST_ID, limit: int = 50
    ) -> list[KeptLetter]:
        """The newest first; `before` is the last id of the page before."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_PAGE, state, before, limit)
        return [KeptLetter(**row) for row in rows]

    async def get(self, letter_id: int) -> KeptLetter | None:
        """One letter."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_ONE, letter_id)
        return None if row is None else KeptLetter(**row)

    async def count(self, state: State = "kept") -> int:
        """How many letters are in the state."""
        async with borrow(self.pool) as connection:
            count: int = await connection.fetchval(COUNT, state)
        return count

    async def settle(self, letter_id: int, state: Literal["replayed", "dismissed"]) -> bool:
        """Move a kept letter on; False when it is unknown or was settled before."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(UPDATE_STATE, letter_id, state) is not None
