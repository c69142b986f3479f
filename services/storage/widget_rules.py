"""Revisions of rules that triggers of the widget carry, and what their hooks are known by."""

import base64
import hmac
from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic import SecretStr

from services.shared.secrets import Vault, digest_of, new_webhook_secret
from services.storage.database import Connection, borrow

FIELD = "widget_hook"
RULES_MAX = 5_000

INSERT = """
INSERT INTO widget_rules (account_id, rule_id, revision, pipeline_id, stage_id, form, section,
    separated_from, made_by)
VALUES ($1, $2, (
    SELECT coalesce(max(revision), 0) + 1 FROM widget_rules WHERE account_id = $1 AND rule_id = $2
), $3, $4, $5, $6, coalesce($7, (
    SELECT separated_from FROM widget_rules WHERE account_id = $1 AND rule_id = $2 AND revision = 1
)), $8) RETURNING revision
"""
SELECT = """
SELECT rule_id, revision, pipeline_id, stage_id, form, section, separated_from
FROM widget_rules WHERE account_id = $1 AND rule_id = $2 AND revision = $3
"""
HOOK = "SELECT sealed FROM widget_hooks WHERE account_id = $1"
MAKE_HOOK = """
INSERT INTO widget_hooks (account_id, sealed, sha256, key_sha256) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id) DO NOTHING
"""
KEY = "SELECT key_sha256 FROM widget_hooks WHERE account_id = $1"
SEALED = "SELECT account_id, sealed FROM widget_hooks ORDER BY account_id"
RESEAL = "UPDATE widget_hooks SET sealed = $3 WHERE account_id = $1 AND sealed = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRevision:
    """One of a rule.

    Attributes:
        form: As somebody filled it in.
        section: As the rules have it, but for its stages.
        separated_from: The rule that gives up this stage; all revisions of a rule name the same.
    """

    rule_id: str
    revision: int
    pipeline_id: int
    stage_id: int
    form: dict[str, Any]
    section: dict[str, Any]
    separated_from: str | None


async def find(
    connection: Connection, account_id: int, rule_id: str, revision: int
) -> TriggerRevision | None:
    """One of them."""
    row = await connection.fetchrow(SELECT, account_id, rule_id, revision)
    return None if row is None else TriggerRevision(**row)


@dataclass(frozen=True, slots=True)
class WidgetRules:
    """Each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def add(
        self,
        account_id: int,
        *,
        rule_id: str,
        stage: tuple[int, int],
        form: dict[str, Any],
        section: dict[str, Any],
        separated_from: str | None,
        made_by: str,
    ) -> int:
        """Keep another revision; its number."""
        row = (account_id, rule_id, *stage, form, section, separated_from, made_by)
        async with borrow(self.pool) as connection:
            revision: int = await connection.fetchval(INSERT, *row)
        return revision

    async def get(self, account_id: int, rule_id: str, revision: int) -> TriggerRevision | None:
        """One of them."""
        async with borrow(self.pool) as connection:
            return await find(connection, account_id, rule_id, revision)

    async def key_sha256(self, account_id: int) -> bytes | None:
        """Of the key that the account's triggers carry; None if it has none yet."""
        async with borrow(self.pool) as connection:
            found: bytes | None = await connection.fetchval(KEY, account_id)
        return found

    async def hook(self, account_id: int) -> SecretStr:
        """The secret of the address of an account's triggers: made once, the same for ever."""
        async with borrow(self.pool) as connection:
            sealed = await connection.fetchval(HOOK, account_id)
            if sealed is None:
                secret = new_webhook_secret()
                made = self.vault.seal(secret, account_id=account_id, field_name=FIELD)
                key = digest_of(key_of(secret))
                await connection.execute(MAKE_HOOK, account_id, made, digest_of(secret), key)
                sealed = await connection.fetchval(HOOK, account_id)
        return self.vault.open(sealed, account_id=account_id, field_name=FIELD)

    async def reseal(self) -> int:
        """Seal every secret with the newest master key; how many were under an older one."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SEALED)
            old = [row for row in rows if not self.vault.is_current(row[1])]
            for account_id, sealed in old:
                secret = self.vault.open(sealed, account_id=account_id, field_name=FIELD)
                fresh = self.vault.seal(secret, account_id=account_id, field_name=FIELD)
                await connection.execute(RESEAL, account_id, sealed, fresh)
        return len(old)


def key_of(secret: SecretStr) -> SecretStr:
    """What the account's triggers carry: whoever reads one learns no address by it."""
    made = hmac.digest(secret.get_secret_value().encode(), b"fairlead trigger key", "sha256")
    return SecretStr(base64.urlsafe_b64encode(made).decode().rstrip("="))
