"""Bodies of webhooks that were understood, kept as they came for two weeks (F34, S21).

They are what is left to look at, and to read again, when it turns out that they were understood
wrongly. Several bodies of an account are one row, sealed under the account's key of the day.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NoReturn

import asyncpg
import structlog
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.errors import Unavailable
from services.shared.secrets import Unsealable, Vault, key_named
from services.shared.settings import Settings
from services.shared.wall_clock import utc_now
from services.storage import erasures
from services.storage.data_keys import DataKeys, of_day
from services.storage.database import Connection, borrow
from services.storage.dead_letters import shares
from services.storage.raw_packing import RawBody, pack, unpack

log = structlog.get_logger()

MIB = 1_024 * 1_024
SEALED_FIELD = "raw bodies"
TIDY_EVERY_S = 600.0
AT_ONCE = 100

INSERT = """
INSERT INTO raw_bodies (kept_on, account_id, first_at, last_at, bodies, size, packed)
SELECT $1, account_id, first_at, last_at, bodies, size, packed
FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::integer[], $6::bigint[],
    $7::bytea[]) AS kept (account_id, first_at, last_at, bodies, size, packed)
"""
# Until its end nobody else of the account writes or erases bodies: what is erased meanwhile is not
# written behind the back of whoever erases it.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('raw_bodies/' || $1::bigint, 0))"
SELECT_PAGE = """
SELECT kept_on, id, packed FROM raw_bodies
WHERE account_id = $1 AND kept_on BETWEEN $2 AND $3 AND last_at >= $4 AND first_at <= $5
    AND (kept_on, id) > ($6, $7)
ORDER BY kept_on, id LIMIT $8
"""
SELECT_COUNTS = """
SELECT date_trunc('hour', first_at) AS hour, sum(bodies) AS bodies, sum(size) AS size,
    sum(octet_length(packed)) AS kept
FROM raw_bodies
WHERE account_id = $1 AND kept_on BETWEEN $2 AND $3 AND last_at >= $4 AND first_at <= $5
GROUP BY 1 ORDER BY 1
"""
UPDATE = """
UPDATE raw_bodies SET bodies = $4, size = $5, packed = $6
WHERE kept_on = $1 AND account_id = $2 AND id = $3
"""
DELETE = "DELETE FROM raw_bodies WHERE kept_on = $1 AND account_id = $2 AND id = $3"
EXPIRE = """
WITH gone AS (DELETE FROM raw_bodies WHERE kept_on <= $1::date AND last_at < $2 RETURNING bodies)
SELECT coalesce(sum(bodies), 0) FROM gone
"""
SELECT_SIZES = """
SELECT account_id, sum(octet_length(packed)) AS bytes FROM raw_bodies GROUP BY 1
"""
# The oldest of the account go first.
BOUND = """
WITH ranked AS (
    SELECT kept_on, account_id, id, sum(octet_length(packed)) OVER newest AS bytes
    FROM raw_bodies WHERE account_id = $1
    WINDOW newest AS (ORDER BY kept_on DESC, id DESC)
), gone AS (
    DELETE FROM raw_bodies USING ranked
    WHERE raw_bodies.kept_on = ranked.kept_on AND raw_bodies.account_id = ranked.account_id
        AND raw_bodies.id = ranked.id AND ranked.bytes > $2
    RETURNING bodies
)
SELECT coalesce(sum(bodies), 0) FROM gone
"""
FIRST = date(1970, 1, 1)
# Nothing is older, or as far ahead of our clock.
ALL = timedelta(days=60)


class RawBodySettings(Settings):
    """What bodies that were understood may take of the disk, and for how long.

    Attributes:
        days_max: Older ones are deleted; 0 keeps none at all.
        bytes_per_account_max: Size of one account's, packed; the oldest go first.
        bytes_max: Of all accounts together; the oldest of the account with most go first.
        write_every_s: What came in so long is written together; a process that is killed loses
            these, never what was read of them.
        waiting_bytes_max: Memory for what is not written yet; more is not kept, and counted.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_RAW_BODIES_")

    days_max: int = Field(default=14, ge=0, le=14)
    bytes_per_account_max: int = Field(default=256 * MIB, ge=MIB)
    bytes_max: int = Field(default=2_048 * MIB, ge=MIB)
    write_every_s: float = Field(default=10, gt=0, le=600)
    waiting_bytes_max: int = Field(default=16 * MIB, ge=MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawHour:
    """What was kept of one hour.

    Attributes:
        size: Of the bodies as they came.
        kept: What they take.
    """

    hour: datetime
    bodies: int
    size: int
    kept: int


@dataclass(frozen=True, slots=True)
class RawBodies:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault
    settings: RawBodySettings = field(default_factory=RawBodySettings)
    now: Callable[[], datetime] = utc_now

    async def keep(self, rows: Sequence[tuple[int, Sequence[RawBody]]]) -> None:
        """Store each account's bodies as a row; after an error they may be there already."""
        accounts = sorted({account_id for account_id, _ in rows})
        async with borrow(self.pool) as connection, connection.transaction():
            # In ascending order, so that two of us cannot lock each other out.
            for account_id in accounts:
                await connection.execute(LOCK, account_id)
            rows = await self._without_erased(connection, rows)
            today = self.now().date()
            keys = {
                account_id: await DataKeys(self.vault).sealing(
                    connection, account_id, of_day(today)
                )
                for account_id in sorted({account_id for account_id, _ in rows})
            }
            sealed = await asyncio.to_thread(
                lambda: [_sealed(keys[account_id], account_id, each) for account_id, each in rows]
            )
            await connection.execute(
                INSERT,
                today,
                [account_id for account_id, _ in rows],
                [each[0].received_at for _, each in rows],
                [each[-1].received_at for _, each in rows],
                [len(each) for _, each in rows],
                [_size(each) for _, each in rows],
                sealed,
            )

    async def _without_erased(
        self, connection: Connection, rows: Sequence[tuple[int, Sequence[RawBody]]]
    ) -> list[tuple[int, Sequence[RawBody]]]:
        """What names somebody who was erased is not kept again."""
        erased = await erasures.things(connection, [account_id for account_id, _ in rows])
        if not erased:
            return list(rows)
        left = [
            (account_id, _without(bodies, erased.get(account_id, frozenset())))
            for account_id, bodies in rows
        ]
        return [(account_id, bodies) for account_id, bodies in left if bodies]

    async def hours(self, account_id: int, since: datetime, until: datetime) -> list[RawHour]:
        """What there is of an account, by the hour."""
        days = since.date(), until.date() + timedelta(days=1)
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_COUNTS, account_id, *days, since, until)
        return [
            RawHour(hour=hour, bodies=int(bodies), size=int(size), kept=int(kept))
            for hour, bodies, size, kept in rows
        ]

    async def between(
        self, account_id: int, since: datetime, until: datetime
    ) -> AsyncIterator[RawBody]:
        """The account's bodies of a time, in their order; what does not open is left out."""
        after = (FIRST, 0)
        while True:
            async with borrow(self.pool) as connection:
                page = await self._page(connection, account_id, since, until, after)
            for row, bodies in page:
                for body in bodies:
                    if since <= body.received_at <= until:
                        yield body
                after = (row["kept_on"], row["id"])
            if len(page) < AT_ONCE:
                return

    async def naming(self, connection: Connection, account_id: int, number: int) -> list[RawBody]:
        """The account's bodies in which a number stands, as one transaction sees them."""
        found: list[RawBody] = []
        async for _, bodies in self._all(connection, account_id):
            others = {*await asyncio.to_thread(_without, bodies, frozenset((number,)))}
            found += [each for each in bodies if each not in others]
        return found

    async def erase(self, connection: Connection, account_id: int, number: int) -> int:
        """Delete the account's bodies in which a number stands; how many there were."""
        await connection.execute(LOCK, account_id)
        gone = 0
        async for row, bodies in self._all(connection, account_id):
            stays = await asyncio.to_thread(_without, bodies, frozenset((number,)))
            if len(stays) == len(bodies):
                continue
            gone += len(bodies) - len(stays)
            place = row["kept_on"], account_id, row["id"]
            if not stays:
                await connection.execute(DELETE, *place)
                continue
            day = of_day(row["kept_on"])
            key = await DataKeys(self.vault).sealing(connection, account_id, day)
            sealed = await asyncio.to_thread(_sealed, key, account_id, stays)
            await connection.execute(UPDATE, *place, len(stays), _size(stays), sealed)
        return gone

    async def keep_tidy(self) -> NoReturn:
        """Bound and forget for ever, now and then."""
        while True:
            try:
                await self.tidy()
            except Unavailable as error:
                log.warning("raw_bodies_not_tidied", reason=str(error))
            await asyncio.sleep(TIDY_EVERY_S)

    async def tidy(self) -> None:
        """Once: what is too old goes, and what is too much."""
        last = self.now() - timedelta(days=self.settings.days_max)
        async with borrow(self.pool) as connection:
            if expired := int(await connection.fetchval(EXPIRE, last.date(), last)):
                log.info("raw_bodies_expired", bodies=expired)
            sizes = {row[0]: int(row[1]) for row in await connection.fetch(SELECT_SIZES)}
            for account_id, bytes_max in self._bounds(sizes).items():
                gone = await connection.fetchval(BOUND, account_id, bytes_max)
                log.warning("raw_bodies_dropped", account_id=account_id, bodies=int(gone))

    def _bounds(self, sizes: Mapping[int, int]) -> dict[int, int]:
        """What those may keep that have too much."""
        most = self.settings.bytes_per_account_max
        bounds = {account_id: most for account_id, size in sizes.items() if size > most}
        return bounds | shares(
            {account_id: min(size, most) for account_id, size in sizes.items()},
            self.settings.bytes_max,
        )

    async def _all(
        self, connection: Connection, account_id: int
    ) -> AsyncIterator[tuple[asyncpg.Record, list[RawBody]]]:
        since, until = self.now() - ALL, self.now() + ALL
        after = (FIRST, 0)
        while page := await self._page(connection, account_id, since, until, after):
            for row, bodies in page:
                yield row, bodies
                after = (row["kept_on"], row["id"])

    async def _page(
        self,
        connection: Connection,
        account_id: int,
        since: datetime,
        until: datetime,
        after: tuple[date, int],
    ) -> list[tuple[asyncpg.Record, list[RawBody]]]:
        """The next rows, opened; of one that does not open nothing."""
        # Written within a day of when it came; what waits for the database longer is dropped.
        days = since.date(), until.date() + timedelta(days=1)
        rows = await connection.fetch(SELECT_PAGE, account_id, *days, since, until, *after, AT_ONCE)
        packed = [row["packed"] for row in rows]
        keys = await DataKeys(self.vault).opening(connection, packed) if packed else {}
        return await asyncio.to_thread(
            lambda: [(row, _opened(keys, account_id, row["packed"])) for row in rows]
        )


def _without(bodies: Sequence[RawBody], numbers: frozenset[int]) -> list[RawBody]:
    """Those in which none of the numbers stands."""
    return [each for each in bodies if not numbers & erasures.numbers_in(each.content)]


def _sealed(key: Vault, account_id: int, bodies: Sequence[RawBody]) -> bytes:
    return key.seal_bytes(pack(bodies), account_id=account_id, field_name=SEALED_FIELD)


def _opened(keys: Mapping[bytes, Vault], account_id: int, sealed: bytes) -> list[RawBody]:
    key = keys.get(key_named(sealed))
    if key is None:
        return []
    try:
        packed = key.open_bytes(sealed, account_id=account_id, field_name=SEALED_FIELD)
    except Unsealable:
        return []
    return [*unpack(packed)]


def _size(bodies: Sequence[RawBody]) -> int:
    return sum(len(each.content) for each in bodies)
