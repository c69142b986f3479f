"""What was done about who may: sign-ins and failures, grants, links, keys; kept for 400 days."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from services.access.wall import enter, inside
from services.storage.database import Connection, borrow

KEPT_DAYS = 400
ABOUT_MAX = 300

AccessDeed = Literal[
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "sessions_ended",
    "proved_again",
    "password_set",
    "one_time_codes_on",
    "one_time_codes_off",
    "recovery_code_used",
    "recovery_codes_made",
    "provider_added",
    "passkey_added",
    "passkey_removed",
    "passkey_cloned",
    "invited",
    "invitation_revoked",
    "invitation_used",
    "reset",
    "granted",
    "revoked",
    "described",
    "disabled",
    "enabled",
    "erased",
    "key_made",
    "key_rotated",
    "key_revoked",
    "wide_deed_passed",
    "wide_deed_held",
    "wide_deed_approved",
    "wide_deed_refused",
]

INSERT = """
INSERT INTO sign_in_log (what, principal, person_id, account_id, about, whence, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
COLUMNS = "id, at, what, principal, person_id, account_id, about, whence, request_id"
SELECT_ACCOUNT = f"""
SELECT {COLUMNS} FROM sign_in_log WHERE coalesce(account_id, 0) = coalesce($1, 0)
    AND ($2::bigint IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3
"""  # noqa: S608 - constants
SELECT_PERSON = f"SELECT {COLUMNS} FROM sign_in_log_of_v1($1, $2)"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who does something, and from where.

    Attributes:
        principal: As `person:7`; `nobody` for whoever has not signed in.
        whence: The address (S30); `terminal` at one.
        request_id: By which the logs know the request; empty at a terminal.
    """

    principal: str = "nobody"
    whence: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLine:
    """One deed.

    Attributes:
        person_id: Whom it is about, or who did it to themselves.
        account_id: Where; None if nowhere in particular.
        about: What else is known: a role, a key's id, a way to sign in. No secret.
    """

    id: int
    at: datetime
    what: AccessDeed
    principal: str
    person_id: int | None
    account_id: int | None
    about: str
    whence: str
    request_id: str


@dataclass(frozen=True, slots=True)
class SignInLog:
    """All deeds; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def note(
        self,
        what: AccessDeed,
        caller: Caller,
        *,
        person_id: int | None = None,
        account_id: int | None = None,
        about: str = "",
    ) -> None:
        """Keep one."""
        async with inside(self.pool, account_id) as connection:
            await note_deed(
                connection, what, caller, person_id=person_id, account_id=account_id, about=about
            )

    async def of_account(
        self, account_id: int | None, *, before: int | None = None, limit: int
    ) -> list[SignInLine]:
        """What was done about an account, or the installation, the newest first.

        Args:
            account_id: None for what is of no account.
            before: Only what is older than this line.
            limit: The most.
        """
        async with inside(self.pool, account_id) as connection:
            rows = await connection.fetch(SELECT_ACCOUNT, account_id, before, limit)
        return [SignInLine(**row) for row in rows]

    async def of_person(self, person_id: int, *, limit: int) -> list[SignInLine]:
        """What was done by or to somebody, the newest first."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_PERSON, person_id, limit)
        return [SignInLine(**row) for row in rows]


async def note_deed(
    connection: Connection,
    what: AccessDeed,
    caller: Caller,
    *,
    person_id: int | None = None,
    account_id: int | None = None,
    about: str = "",
) -> None:
    """Keep one in the caller's transaction: what is undone leaves no line."""
    await enter(connection, account_id)
    row = (what, caller.principal, person_id, account_id, about[:ABOUT_MAX])
    await connection.execute(INSERT, *row, caller.whence, caller.request_id)
