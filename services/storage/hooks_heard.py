"""When Kommo last told something by a webhook, by kind (W4.11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import asyncpg

from services.storage.database import Connection, borrow, mapping

HookKind = Literal["leads", "notes", "tasks", "incoming", "triggers", "contacts", "other"]
HOOK_KINDS: tuple[HookKind, ...] = get_args(HookKind)

STORE = """
INSERT INTO hooks_heard (account_id, kind, heard_at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
ON CONFLICT (account_id, kind) DO UPDATE
SET heard_at = greatest(hooks_heard.heard_at, excluded.heard_at)
"""
SELECT = "SELECT kind, heard_at FROM hooks_heard WHERE account_id = $1"


class Heard(NamedTuple):
    """A kind of hook of an account, and when one came."""

    account_id: int
    kind: HookKind
    at: datetime


@dataclass(frozen=True, slots=True)
class HooksHeard:
    """All of them."""

    pool: asyncpg.Pool

    async def note(self, heard: Sequence[Heard]) -> None:
        """Keep the newest of each.

        Raises:
            services.shared.errors.Unavailable: Noting it again is safe.
        """
        # In ascending order, so that two of us cannot lock each other out.
        rows = sorted(heard)
        async with borrow(self.pool) as connection:
            await connection.execute(STORE, *map(list, zip(*rows, strict=True)))


async def of_account(connection: Connection, account_id: int) -> Mapping[HookKind, datetime]:
    """When a hook of each kind last came; a kind of which none ever came is missing."""
    found = mapping(await connection.fetch(SELECT, account_id))
    return {kind: found[kind] for kind in HOOK_KINDS if kind in found}
