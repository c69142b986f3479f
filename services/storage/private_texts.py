"""What people write for the record, sealed under the key of the manager it is about (S21).

Events are for ever, so they hold the id of a text and never the text: a decision does not depend
on it, and a history whose texts were erased replays as before.
"""

import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.shared.secrets import Unsealable, Vault, key_named
from services.storage.data_keys import DataKeys, of_manager
from services.storage.database import Connection

FIELD = "private text"
ID = re.compile(r"text:[0-9a-f]{32}")

INSERT = """
INSERT INTO private_texts (account_id, text_id, manager_id, lead_id, text_sealed)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, text_id) DO NOTHING
"""
SELECT = """
SELECT text_id, text_sealed FROM private_texts WHERE account_id = $1 AND text_id = ANY($2::text[])
"""
OF_MANAGER = """
SELECT text_id, text_sealed, lead_id, written_at FROM private_texts
WHERE account_id = $1 AND manager_id = $2 ORDER BY written_at, text_id
"""
OF_LEAD = """
SELECT text_id, text_sealed, lead_id, written_at FROM private_texts
WHERE account_id = $1 AND lead_id = $2 ORDER BY written_at, text_id
"""
DELETE_OF_MANAGER = """
DELETE FROM private_texts WHERE account_id = $1 AND manager_id = $2 RETURNING text_id
"""
DELETE_OF_LEAD = """
DELETE FROM private_texts WHERE account_id = $1 AND lead_id = $2 RETURNING text_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateText:
    """A text as it lies there.

    Attributes:
        lead_id: That it is about as well; None if it is about no lead.
    """

    text: str
    lead_id: int | None
    written_at: datetime


@dataclass(frozen=True, slots=True)
class PrivateTexts:
    """All of them, each within the caller's transaction."""

    vault: Vault

    async def keep(
        self,
        connection: Connection,
        account_id: int,
        text: str,
        *,
        manager_id: int,
        lead_id: int | None = None,
    ) -> str:
        """Keep a text; its id, which is the same for the same text about the same.

        The id says nothing to whoever has not got the key, which goes when the manager is erased.
        """
        keys = DataKeys(self.vault)
        key = await keys.sealing(connection, account_id, of_manager(manager_id))
        plain = text.encode("utf-8", "replace")
        digest = hmac.digest(key.keys[0], f"{FIELD} {lead_id or 0} ".encode() + plain, "sha256")
        text_id = f"text:{digest.hex()[:32]}"
        sealed = key.seal_bytes(plain, account_id=account_id, field_name=FIELD)
        await connection.execute(INSERT, account_id, text_id, manager_id, lead_id, sealed)
        return text_id

    async def read(
        self, connection: Connection, account_id: int, text_ids: Collection[str]
    ) -> Mapping[str, str]:
        """Those that are there, by id; those that were erased are missing."""
        rows = await connection.fetch(SELECT, account_id, list(text_ids))
        keys = await DataKeys(self.vault).opening(connection, [row["text_sealed"] for row in rows])
        opened = {row["text_id"]: _opened(keys, account_id, row["text_sealed"]) for row in rows}
        return {text_id: text for text_id, text in opened.items() if text is not None}

    async def about(
        self,
        connection: Connection,
        account_id: int,
        *,
        manager_id: int | None = None,
        lead_id: int | None = None,
    ) -> list[PrivateText]:
        """Those about a manager, or else about a lead, the oldest first."""
        query, about = (OF_LEAD, lead_id) if manager_id is None else (OF_MANAGER, manager_id)
        rows = await connection.fetch(query, account_id, about)
        keys = await DataKeys(self.vault).opening(connection, [row["text_sealed"] for row in rows])
        return [
            PrivateText(text=text, lead_id=row["lead_id"], written_at=row["written_at"])
            for row in rows
            if (text := _opened(keys, account_id, row["text_sealed"])) is not None
        ]

    async def erase(
        self,
        connection: Connection,
        account_id: int,
        *,
        manager_id: int | None = None,
        lead_id: int | None = None,
    ) -> int:
        """Delete those about a manager, with the key, or about a lead; how many there were."""
        if manager_id is None:
            return len(await connection.fetch(DELETE_OF_LEAD, account_id, lead_id))
        await DataKeys(self.vault).delete(connection, account_id, of_manager(manager_id))
        return len(await connection.fetch(DELETE_OF_MANAGER, account_id, manager_id))


def _opened(keys: Mapping[bytes, Vault], account_id: int, sealed: bytes) -> str | None:
    key = keys.get(key_named(sealed))
    if key is None:
        return None
    try:
        return key.open_bytes(sealed, account_id=account_id, field_name=FIELD).decode()
    except Unsealable:
        return None
