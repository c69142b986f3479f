"""The event store: events, the consumed position and dead letters in one transaction.

One stream per account, one round trip per append, no lock shared by accounts and no order over
them: a reader goes by (account, version). The caller wakes readers *after* the append; a NOTIFY
inside would be a global lock (measured: 6,800 appends/s become 860).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from eventsourcing.persistence import IntegrityError, StoredEvent

from contracts.events import LeadAssigned, Recorded
from services.shared.codec import (
    ACCOUNT_PREFIX,
    EVENT_NAMES,
    decode_event,
    encode_event,
    originator_id,
)
from services.storage.database import borrow, mapping, storable
from services.storage.dead_letters import DeadLetter

APPEND = """
SELECT append_events_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
SELECT_STREAM = """
SELECT originator_version, topic, state FROM account_events
WHERE originator_id = $1 AND originator_version > $2 ORDER BY originator_version LIMIT $3
"""
SELECT_THESE = """
SELECT originator_version, topic, state FROM account_events
WHERE originator_id = $1 AND originator_version = ANY($2) ORDER BY originator_version
"""
SELECT_SOME = """
SELECT originator_version, topic, state FROM account_events
WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= $3
    AND topic = ANY($4)
ORDER BY originator_version LIMIT $5
"""
SELECT_NAMED = """
SELECT originator_version, topic, state FROM account_events
WHERE originator_id = $1 AND originator_version = ANY($2::bigint[]) ORDER BY originator_version
"""
SELECT_STORED = """
SELECT event.originator_id, event.originator_version, event.topic, event.state
FROM unnest($1::bigint[], $2::bigint[]) AS want (account_id, after)
CROSS JOIN LATERAL (
    SELECT originator_id, originator_version, topic, state FROM account_events
    WHERE originator_id = 'account-' || want.account_id AND originator_version > want.after
    ORDER BY originator_version LIMIT $3
) AS event
ORDER BY want.account_id, event.originator_version
"""
SELECT_MOVED = f"""
SELECT head.account_id, head.version, coalesce(held.position, 0) AS position
FROM account_heads AS head
LEFT JOIN positions AS held
    ON held.consumer = $1 AND held.source = '{ACCOUNT_PREFIX}' || head.account_id
WHERE head.version > coalesce(held.position, 0) AND head.account_id > $2
ORDER BY head.account_id LIMIT $3
"""  # noqa: S608 - a constant of ours
SELECT_HEADS = "SELECT account_id, version FROM account_heads ORDER BY account_id"
SELECT_HEAD = "SELECT version FROM account_heads WHERE account_id = $1"
SELECT_REACHED = """
SELECT coalesce((SELECT version FROM account_heads WHERE account_id = $1), 0),
    coalesce((SELECT position FROM positions WHERE consumer = $2 AND source = $3), 0)
"""
SELECT_POSITION = "SELECT position FROM positions WHERE consumer = $1 AND source = $2"
SELECT_POSITIONS = "SELECT source, position FROM positions WHERE consumer = $1 AND source = ANY($2)"

# Forward only; the rows are locked in ascending order.
ADVANCE = """
INSERT INTO positions AS held (consumer, source, position)
SELECT $1, source, position FROM unnest($2::text[], $3::bigint[]) AS done (source, position)
ORDER BY source
ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position
WHERE held.position < excluded.position
"""

POSITION_STATE = "FL001"
VERSION_STATE = "FL002"
DECISION_INDEX = "account_events_decision_key_idx"


class ConcurrentAppend(IntegrityError):
    """Another writer has the account, or our own lost answer: reload, compare, then decide."""


class DecidedTwice(IntegrityError):
    """The request has this attempt's decision already (I3); nothing was written."""


class AlreadyRecorded(Exception):
    """The position was recorded before: a redelivery that has taken effect, acknowledge it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An account with events that a consumer has not taken in yet: `position + 1` to `version`."""

    account_id: int
    version: int
    position: int


def account_source(account_id: int) -> str:
    """The source under which a reader of the event store keeps its position in an account."""
    return originator_id(account_id)


@dataclass(frozen=True, slots=True)
class EventStore:
    """Events of all accounts, in PostgreSQL.

    Every method raises `services.shared.errors.Unavailable` when the database does not answer;
    after an append the outcome is then unknown: read `position` before deciding again (F38).
    """

    pool: asyncpg.Pool

    async def append(
        self,
        events: Sequence[Recorded],
        *,
        consumer: str,
        source: str,
        position: int,
        dead: Sequence[DeadLetter] = (),
    ) -> None:
        """Record events, dead letters and the consumed position together, or nothing of it.

        Args:
            events: Of one or several accounts; versions go on from the account's last one.
            consumer: Who consumed the source, such as `allocator`.
            source: Names the ordered sequence that `position` counts in.
            position: Of the last message the events answer; greater than the recorded one.
            dead: Messages of the batch that could not be understood, sealed.

        Raises:
            AlreadyRecorded: The position is not greater than the recorded one.
            ConcurrentAppend: An account is not at the version before its first event.
            DecidedTwice: A decision with the same request and attempt is recorded.
        """
        assert all(letter.is_sealed for letter in dead), "a letter is sealed where it is written"  # noqa: S101
        encoded = [encode_event(recorded) for recorded in events]
        try:
            async with borrow(self.pool) as connection:
                await connection.execute(
                    APPEND,
                    consumer,
                    source,
                    position,
                    [recorded.account_id for recorded in events],
                    [recorded.version for recorded in events],
                    [name for name, _ in encoded],
                    [state for _, state in encoded],
                    [_decision_key(recorded) for recorded in events],
                    [letter.account_id for letter in dead],
                    [letter.source for letter in dead],
                    [letter.position for letter in dead],
                    [storable(letter.reason) for letter in dead],
                    [storable(letter.content_type) for letter in dead],
                    [letter.body for letter in dead],
                    [letter.size for letter in dead],
                )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == DECISION_INDEX:
                raise DecidedTwice(f"{source} up to {position}: {error.detail}") from error
            raise ConcurrentAppend(f"{source} up to {position}: {error.detail}") from error
        except asyncpg.PostgresError as error:
            if error.sqlstate == POSITION_STATE:
                raise AlreadyRecorded(str(error)) from error
            if error.sqlstate == VERSION_STATE:
                raise ConcurrentAppend(str(error)) from error
            raise

    async def stream(self, account_id: int, after: int = 0, limit: int = 1_000) -> list[Recorded]:
        """Events `after + 1` onwards, at most `limit`, without gap.

        Raises:
            services.shared.errors.Malformed: An event this release does not know (F80); stop.
        """
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_STREAM, originator_id(account_id), after, limit)
        return [decode_event(account_id, *row) for row in rows]

    async def these(self, account_id: int, versions: Collection[int]) -> list[Recorded]:
        """Events of some versions, in order; those that are not there are left out.

        Raises:
            services.shared.errors.Malformed: An event this release does not know (F80); stop.
        """
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_THESE, originator_id(account_id), list(versions))
        return [decode_event(account_id, *row) for row in rows]

    async def some(
        self, account_id: int, shapes: Collection[type], *, after: int, up_to: int, limit: int
    ) -> list[Recorded]:
        """Events `after + 1` to `up_to` of some classes only, at most `limit`, in order.

        Raises:
            services.shared.errors.Malformed: An event this release does not know (F80); stop.
        """
        names = [EVENT_NAMES[shape] for shape in shapes]
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(
                SELECT_SOME, originator_id(account_id), after, up_to, names, limit
            )
        return [decode_event(account_id, *row) for row in rows]

    async def named(self, account_id: int, versions: Sequence[int]) -> list[Recorded]:
        """The events of these versions, in order.

        Raises:
            services.shared.errors.Malformed: An event this release does not know (F80); stop.
        """
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_NAMED, originator_id(account_id), list(versions))
        return [decode_event(account_id, *row) for row in rows]

    async def stored(self, after: Mapping[int, int], *, limit: int) -> list[StoredEvent]:
        """The next events of several accounts as they lie there, whoever can read them.

        Args:
            after: Account to the version behind which its events are wanted.
            limit: The most per account.
        """
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_STORED, list(after), list(after.values()), limit)
        return [StoredEvent(*row) for row in rows]

    async def head(self, account_id: int) -> int:
        """Version of the account's last event, 0 for an unknown account."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(SELECT_HEAD, account_id) or 0

    async def reached(self, account_id: int, consumer: str, source: str) -> tuple[int, int]:
        """The account's last version and the consumer's position, as of one instant."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_REACHED, account_id, consumer, source)
        assert row is not None, "a row of values"  # noqa: S101 - an invariant
        return row[0], row[1]

    async def heads(self) -> dict[int, int]:
        """The last version of every account, ids ascending."""
        async with borrow(self.pool) as connection:
            return mapping(await connection.fetch(SELECT_HEADS))

    async def moved(self, consumer: str, limit: int = 100, *, after: int = 0) -> list[Moved]:
        """Accounts whose events go beyond the consumer's position, ids ascending.

        Args:
            consumer: Keeps its positions under `account_source(account_id)`.
            limit: The most accounts to name.
            after: Only greater account ids; going round by it, no account starves another.
        """
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_MOVED, consumer, after, limit)
        return [Moved(*row) for row in rows]

    async def advance(self, consumer: str, positions: Mapping[int, int]) -> None:
        """Note how far a consumer has taken in accounts; what is behind what is noted is not.

        Args:
            consumer: As in `moved`.
            positions: Account to version.
        """
        async with borrow(self.pool) as connection:
            await connection.execute(
                ADVANCE,
                consumer,
                [account_source(account_id) for account_id in positions],
                list(positions.values()),
            )

    async def position(self, consumer: str, source: str) -> int | None:
        """The consumer's recorded position, None if it never recorded one."""
        async with borrow(self.pool) as connection:
            position: int | None = await connection.fetchval(SELECT_POSITION, consumer, source)
        return position

    async def positions(self, consumer: str, sources: Sequence[str]) -> dict[str, int]:
        """The recorded positions of the sources that have one."""
        async with borrow(self.pool) as connection:
            return mapping(await connection.fetch(SELECT_POSITIONS, consumer, list(sources)))


def _decision_key(recorded: Recorded) -> str | None:
    if isinstance(recorded.event, LeadAssigned):
        return f"{recorded.event.request_id}/{recorded.event.attempt}"
    return None
