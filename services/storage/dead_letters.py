"""What was not understood, kept until a person has looked at it (F33, F34).

It is kept whole, and so can be tried again; only of a body over the limit there is no more than
the beginning (F35). It may hold what people wrote: it is sealed, goes after two weeks, and neither
an account nor all of them can fill the disk with it (S21).
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn

import asyncpg
import structlog
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.errors import Unavailable
from services.shared.secrets import Unsealable, Vault, key_named
from services.shared.settings import Settings
from services.shared.wall_clock import utc_now
from services.storage.data_keys import DataKeys, of_day
from services.storage.database import Connection, borrow, storable

log = structlog.get_logger()

State = Literal["kept", "replayed", "dismissed"]

MIB = 1_024 * 1_024
# A key of a day outlives all that may be sealed with it.
KEYS_DAYS = 14
TIDY_EVERY_S = 60.0
# So that no transaction grows long; what is left is for the next round.
AT_ONCE = 500
SEALED_FIELD = "dead letter"
# Of letters that belong to no account.
NOBODY = 0

INSERT = """
INSERT INTO dead_letters
    (account_id, source, position, reason, content_type, body, size, is_sealed)
SELECT account_id, source, position, reason, content_type, body, size, true
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[],
    $7::integer[]) AS dead (account_id, source, position, reason, content_type, body, size)
ON CONFLICT (source, position) WHERE position IS NOT NULL DO NOTHING
"""
SELECT_COLUMNS = """
SELECT id, account_id, source, position, received_at, reason, content_type, body, size, state,
    is_sealed, settled_by, settled_why
FROM dead_letters
"""
# The oldest of the account go first. The newest stays, however large.
BOUND_ACCOUNT = """
WITH ranked AS (
    SELECT id, row_number() OVER newest AS number, sum(octet_length(body)) OVER newest AS bytes
    FROM dead_letters WHERE coalesce(account_id, 0) = $1
    WINDOW newest AS (ORDER BY id DESC)
), gone AS (
    DELETE FROM dead_letters USING ranked WHERE dead_letters.id = ranked.id
        AND (ranked.number > $2 OR (ranked.bytes > $3 AND ranked.number > 1))
    RETURNING 1
)
INSERT INTO dead_letters_dropped AS dropped (account_id, letters, last_at)
SELECT $1, count(*), now() FROM gone HAVING count(*) > 0
ON CONFLICT (account_id) DO UPDATE
SET letters = dropped.letters + excluded.letters, last_at = excluded.last_at
"""
SELECT_SIZES = """
SELECT coalesce(account_id, 0) AS account_id, sum(octet_length(body)) AS bytes
FROM dead_letters GROUP BY 1 ORDER BY bytes DESC
"""
EXPIRE = """
DELETE FROM dead_letters WHERE received_at < now() - $1 * interval '1 day' RETURNING id
"""
FORGET_DROPPED = "DELETE FROM dead_letters_dropped WHERE last_at < now() - $1 * interval '1 day'"
SELECT_DROPPED = """
SELECT account_id, letters, last_at FROM dead_letters_dropped ORDER BY account_id
"""
SELECT_OF_ACCOUNT = f"{SELECT_COLUMNS} WHERE account_id = $1 ORDER BY id"
# Of the allocator of a release that did not seal what it stored with its events.
SELECT_UNSEALED = "SELECT id, account_id, body FROM dead_letters WHERE NOT is_sealed LIMIT $1"
SELECT_ALL_SEALED = """
SELECT id, account_id, body FROM dead_letters WHERE is_sealed AND id > $1 ORDER BY id LIMIT $2
"""
SEAL = "UPDATE dead_letters SET body = $2, is_sealed = true WHERE id = $1"
OF_REASON = "state = $1 AND ($4::text IS NULL OR reason = $4)"
SELECT_PAGE = f"{SELECT_COLUMNS} WHERE {OF_REASON} AND id < $2 ORDER BY id DESC LIMIT $3"
SELECT_ONE = f"{SELECT_COLUMNS} WHERE id = $1"
SELECT_NEXT = f"{SELECT_COLUMNS} WHERE {OF_REASON} AND id > $2 ORDER BY id LIMIT $3"
SELECT_REASONS = """
SELECT reason, count(*) AS letters, count(DISTINCT account_id) AS accounts,
    min(received_at) AS oldest_at, max(received_at) AS newest_at
FROM dead_letters WHERE state = 'kept' GROUP BY reason ORDER BY letters DESC, reason LIMIT $1
"""
# So many of each account, so that none keeps another's waiting.
SELECT_YOUNG = f"""
{SELECT_COLUMNS} WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY account_id ORDER BY id) AS place
        FROM dead_letters WHERE state = 'kept' AND starts_with(reason, $1) AND position IS NULL
            AND received_at > now() - $2 * interval '1 second'
    ) AS young WHERE place <= $3
) ORDER BY id
"""  # noqa: S608  # parts of our own
COUNT = """
SELECT count(*) FROM dead_letters WHERE state = $1 AND ($2::text IS NULL OR reason = $2)
"""
UPDATE_STATE = """
UPDATE dead_letters SET state = $2, state_changed_at = now(), settled_by = $3, settled_why = $4
WHERE id = $1 AND state = 'kept'
RETURNING id
"""
DELETE_THESE = "DELETE FROM dead_letters WHERE id = ANY($1::bigint[])"
BIGGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message or body to keep.

    Attributes:
        source: The log's source, or the route of a webhook.
        position: In the log; the same (source, position) is kept once. None for a webhook.
        size: How many bytes came, of which `body` is the beginning; None when it is all.
        is_sealed: Whether the body is sealed for its account.
    """

    account_id: int | None
    source: str
    position: int | None
    reason: str
    content_type: str
    body: bytes
    size: int | None = None
    is_sealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Letters of an account that went before their time, because it had too many.

    Attributes:
        account_id: 0 for letters of nobody's account.
    """

    account_id: int
    letters: int
    last_at: datetime


class DeadLetterSettings(Settings):
    """What dead letters may take of the disk, and for how long.

    Attributes:
        days_max: Older ones are deleted, dealt with or not.
        per_account_max: Letters of one account; the oldest go first.
        bytes_per_account_max: Their size; the newest stays, however large.
        bytes_max: Of all accounts together; the oldest of the account with most go first.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_DEAD_LETTERS_")

    days_max: int = Field(default=14, ge=1, le=KEYS_DAYS)
    per_account_max: int = Field(default=1_000, ge=1, le=1_000_000)
    bytes_per_account_max: int = Field(default=64 * MIB, ge=MIB)
    bytes_max: int = Field(default=512 * MIB, ge=MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    """A dead letter as it lies in the database.

    Attributes:
        size: How many bytes came; more than `body` has when it was cut.
        settled_by: Who dealt with it; None while nobody has.
        settled_why: Why it was set aside.
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
    settled_by: str | None = None
    settled_why: str | None = None

    @property
    def is_cut(self) -> bool:
        """Whether `body` is only the beginning of what came."""
        return self.size > len(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterReason:
    """Letters that nobody has dealt with, and that were not understood for one reason.

    Attributes:
        accounts: That they are of.
    """

    reason: str
    letters: int
    accounts: int
    oldest_at: datetime
    newest_at: datetime


DEFAULTS = DeadLetterSettings()


def sealed(letter: DeadLetter, vault: Vault) -> DeadLetter:
    """The letter as it may lie on a disk; one that is sealed stays as it is."""
    if letter.is_sealed:
        return letter
    size = len(letter.body) if letter.size is None else letter.size
    return replace(
        letter, body=_sealed(vault, letter.account_id, letter.body), size=size, is_sealed=True
    )


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """All dead letters; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault
    settings: DeadLetterSettings = DEFAULTS

    def sealed(self, letter: DeadLetter) -> DeadLetter:
        """The letter as it may lie on a disk."""
        return sealed(letter, self.vault)

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Store the letters durably; one with a known (source, position) is kept already."""
        async with borrow(self.pool) as connection, connection.transaction():
            letters = [await self._of_its_day(connection, letter) for letter in letters]
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
            # In ascending order, so that two of us cannot lock each other out.
            for account_id in sorted({letter.account_id or NOBODY for letter in letters}):
                await self._bound(connection, account_id, self.settings.bytes_per_account_max)

    async def _of_its_day(self, connection: Connection, letter: DeadLetter) -> DeadLetter:
        """A raw body under its account's key of the day; a message of the log as it is (S21)."""
        if letter.position is not None or letter.account_id is None:
            return self.sealed(letter)
        plain = letter.body
        if letter.is_sealed:
            try:
                plain = self._open(letter.account_id, letter.body)
            except Unsealable:  # of before the master key was another one; it can only be dropped
                return letter
        today = of_day(utc_now().date())
        key = await DataKeys(self.vault).sealing(connection, letter.account_id, today)
        size = len(letter.body) if letter.size is None else letter.size
        body = _sealed(key, letter.account_id, plain)
        return replace(letter, body=body, size=size, is_sealed=True)

    async def keep_tidy(self) -> NoReturn:
        """Seal, bound and forget for ever, now and then."""
        while True:
            try:
                await self.tidy()
            except Unavailable as error:
                log.warning("dead_letters_not_tidied", reason=str(error))
            await asyncio.sleep(TIDY_EVERY_S)

    async def tidy(self) -> None:
        """Once: what is too old or too much goes, what lies open is sealed."""
        async with borrow(self.pool) as connection:
            expired = await connection.fetch(EXPIRE, self.settings.days_max)
            await connection.execute(FORGET_DROPPED, self.settings.days_max)
            # Also of bodies that were understood, which may be kept for longer.
            last = utc_now().date() - timedelta(days=KEYS_DAYS)
            await DataKeys(self.vault).expire(connection, last)
            if expired:
                log.info("dead_letters_expired", letters=len(expired))
            for letter_id, account_id, body in await connection.fetch(SELECT_UNSEALED, AT_ONCE):
                await connection.execute(SEAL, letter_id, self._seal(account_id, body))
            sizes = {row[0]: int(row[1]) for row in await connection.fetch(SELECT_SIZES)}
            for account_id, bytes_max in shares(sizes, self.settings.bytes_max).items():
                async with connection.transaction():
                    await self._bound(connection, account_id, bytes_max)

    async def reseal(self) -> int:
        """Seal letters, and keys of days and people, with the newest master key.

        How many were under an older one. One that is sealed with a key that is not given stays as
        it is, and goes in its time.
        """
        last = 0
        async with borrow(self.pool) as connection:
            count = await DataKeys(self.vault).reseal(connection)
            while rows := await connection.fetch(SELECT_ALL_SEALED, last, AT_ONCE):
                for letter_id, account_id, body in rows:
                    if self.vault.is_current(body):
                        continue
                    with suppress(Unsealable):
                        plain = self._open(account_id, body)
                        await connection.execute(SEAL, letter_id, self._seal(account_id, plain))
                        count += 1
                last = rows[-1][0]
        return count

    async def dropped(self) -> list[Dropped]:
        """Of which accounts letters went before their time."""
        async with borrow(self.pool) as connection:
            return [Dropped(**row) for row in await connection.fetch(SELECT_DROPPED)]

    async def of_account(self, connection: Connection, account_id: int) -> list[KeptLetter]:
        """Every letter of an account, as one transaction sees them."""
        rows = await connection.fetch(SELECT_OF_ACCOUNT, account_id)
        return await self._all_kept(connection, rows)

    async def page(
        self,
        *,
        state: State = "kept",
        before: int = BIGGEST_ID,
        after: int | None = None,
        limit: int = 50,
        reason: str | None = None,
    ) -> list[KeptLetter]:
        """The newest before one, the newest first; or those behind one, the oldest first.

        Args:
            state: How they stand.
            before: Only those before the one of this id.
            after: Only those behind the one of this id.
            limit: The most.
            reason: Only those that were not understood for exactly this.
        """
        async with borrow(self.pool) as connection:
            if after is None:
                rows = await connection.fetch(SELECT_PAGE, state, before, limit, reason)
            else:
                rows = await connection.fetch(SELECT_NEXT, state, after, limit, reason)
            return await self._all_kept(connection, rows)

    async def young(
        self, *, reason: str, age_max_s: float, per_account_max: int
    ) -> list[KeptLetter]:
        """Bodies that nobody has dealt with, whose reason begins so, the oldest first."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_YOUNG, reason, age_max_s, per_account_max)
            return await self._all_kept(connection, rows)

    async def get(self, letter_id: int) -> KeptLetter | None:
        """One letter."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_ONE, letter_id)
            return next(iter(await self._all_kept(connection, rows)), None)

    async def reasons(self, limit: int) -> list[LetterReason]:
        """For what the letters that nobody has dealt with were not understood, most first."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_REASONS, limit)
        return [LetterReason(**row) for row in rows]

    async def count(self, state: State = "kept", *, reason: str | None = None) -> int:
        """How many letters are in the state, of one reason if it is named."""
        async with borrow(self.pool) as connection:
            count: int = await connection.fetchval(COUNT, state, reason)
        return count

    async def settle(
        self,
        letter_id: int,
        state: Literal["replayed", "dismissed"],
        *,
        by: str,
        why: str | None = None,
    ) -> bool:
        """Move a kept letter on; False when it is unknown or was settled before."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(UPDATE_STATE, letter_id, state, by, why) is not None

    async def delete(self, connection: Connection, letter_ids: Sequence[int]) -> None:
        """Forget letters for good, whatever became of them."""
        await connection.execute(DELETE_THESE, list(letter_ids))

    async def _all_kept(
        self, connection: Connection, rows: Sequence[asyncpg.Record]
    ) -> list[KeptLetter]:
        sealed = [row["body"] for row in rows if row["is_sealed"]]
        keys = await DataKeys(self.vault).opening(connection, sealed) if sealed else {}
        return [self._kept(row, keys) for row in rows]

    def _kept(self, row: asyncpg.Record, keys: Mapping[bytes, Vault]) -> KeptLetter:
        columns: dict[str, Any] = dict(row)
        if columns.pop("is_sealed"):
            body = columns["body"]
            vault = keys.get(key_named(body), self.vault)
            try:
                columns["body"] = _opened(vault, columns["account_id"], body)
            except Unsealable as error:
                # The others are shown all the same; this one can only be dropped.
                columns |= {"body": b"", "reason": f"{columns['reason']} ({error})"}
        return KeptLetter(**columns)

    async def _bound(self, connection: Connection, account_id: int, bytes_max: int) -> None:
        await connection.execute(
            BOUND_ACCOUNT, account_id, self.settings.per_account_max, bytes_max
        )

    def _seal(self, account_id: int | None, body: bytes) -> bytes:
        return _sealed(self.vault, account_id, body)

    def _open(self, account_id: int | None, body: bytes) -> bytes:
        return _opened(self.vault, account_id, body)


def _sealed(vault: Vault, account_id: int | None, body: bytes) -> bytes:
    return vault.seal_bytes(body, account_id=account_id or NOBODY, field_name=SEALED_FIELD)


def _opened(vault: Vault, account_id: int | None, body: bytes) -> bytes:
    return vault.open_bytes(body, account_id=account_id or NOBODY, field_name=SEALED_FIELD)


def shares(sizes: Mapping[int, int], bytes_max: int) -> dict[int, int]:
    """What the noisiest may keep, so that all together fit: those with most give up alike."""
    left, shares = bytes_max, dict[int, int]()
    if sum(sizes.values()) <= bytes_max:
        return shares
    # The quiet first: what they do not use of their part is for the others.
    for number, (account_id, size) in enumerate(sorted(sizes.items(), key=lambda one: one[1])):
        part = left // (len(sizes) - number)
        if size > part:
            shares[account_id] = part
        left -= min(size, part)
    return shares
