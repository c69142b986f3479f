"""The hash chain over the events of an account (S23).

The link of an event is SHA-256 over the link before it, its version, its name and its stored
bytes, its time among them. The database writes the links with the events; this module works them
out once more, on its own. Who alters an event, takes one away, puts one between or changes their
order breaks the chain there. Who could also write every later link anew is found out by a link
that was kept elsewhere: in an exported audit, on a printed proof.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, NamedTuple

import asyncpg

from services.storage.database import borrow

LINK_BYTES = 32

Break = Literal[
    "event_missing",  # the next event has a later version, or there is none
    "event_altered",  # it does not fit its link: what it holds, or its place, is another one
    "event_beyond_head",  # it has a version that was never given out
    "link_missing",
    "head_altered",  # the account's head names another link than its last event has
]

# In one statement: events may be appended meanwhile. Either end is looked up by itself, or all
# events of the account would be read.
SELECT_HEAD = """
SELECT head.version, head.link, coalesce((
    SELECT originator_version FROM account_events
    WHERE originator_id = 'account-' || $1::bigint AND originator_version > head.version
    ORDER BY originator_version DESC LIMIT 1
), (
    SELECT originator_version FROM account_events
    WHERE originator_id = 'account-' || $1::bigint AND originator_version < 1
    ORDER BY originator_version DESC LIMIT 1
)) AS beyond
FROM (SELECT 1) AS one LEFT JOIN account_heads AS known ON known.account_id = $1,
LATERAL (SELECT coalesce(known.version, 0) AS version, known.link) AS head
"""
SELECT_LINKS = """
SELECT first, links FROM account_links
WHERE account_id = $1 AND first > $2 AND first <= $3 ORDER BY first
"""
SELECT_LINKS_OF = """
SELECT first, links FROM account_links
WHERE account_id = $1 AND first <= $2 ORDER BY first DESC LIMIT 1
"""
# Of the pieces that hold them only these links are read.
SELECT_SOME_LINKS = """
SELECT wanted.version, substring(
    piece.links FROM (wanted.version - piece.first)::integer * $3 + 1 FOR $3
) AS link
FROM unnest($2::bigint[]) AS wanted (version), LATERAL (
    SELECT first, links FROM account_links
    WHERE account_id = $1 AND first <= wanted.version ORDER BY first DESC LIMIT 1
) AS piece
"""
SELECT_UNLINKED = "SELECT account_id FROM account_heads WHERE link IS NULL ORDER BY account_id"
LINK_OLD = "SELECT link_old_events_v1($1, $2)"
GAP_STATE = "FL003"


class Broken(Exception):
    """The chain is broken.

    Attributes:
        version: Of the first event that is not as it was.
    """

    def __init__(self, version: int, what: Break) -> None:
        super().__init__(f"event {version}: {what}")
        self.version = version
        self.what: Break = what


class Head(NamedTuple):
    """Where an account's events end.

    Attributes:
        link: Of the last event; None while older events have no link yet.
    """

    version: int
    link: bytes | None


class Links(NamedTuple):
    """The links of consecutive events, 32 bytes each."""

    first: int
    links: bytes


def root(account_id: int) -> bytes:
    """What the first event is linked to: no two accounts have the same chain."""
    return sha256(f"fairlead chain 1/account-{account_id}".encode()).digest()


def link(before: bytes, version: int, name: str, state: bytes) -> bytes:
    """The link of an event behind another one."""
    place = before + version.to_bytes(8, "big")
    return sha256(b"%b%b\0%b" % (place, name.encode(), state)).digest()


@dataclass(slots=True)
class Chain:
    """Follows an account's events, and compares each with the link that was written with it.

    Attributes:
        version: Of the last event that was followed.
        link: Of that event.
        has_links: Whether links were written down; if not, only the last one tells.
    """

    version: int
    link: bytes
    _written: bytes = b""
    _offset: int = 0
    has_links: bool = True

    @classmethod
    def of(cls, account_id: int, *, has_links: bool = True) -> "Chain":
        """From the first event on."""
        return cls(0, root(account_id), has_links=has_links)

    def expect(self, written: Iterable[Links]) -> None:
        """Take the links that were written with the next events.

        Raises:
            Broken: There are none for an event before them, or two for one.
        """
        for row in written:
            rest = self._written[self._offset :]
            missing = self.version + 1 + len(rest) // LINK_BYTES
            if row.first != missing:
                raise Broken(min(missing, row.first), "link_missing")
            self._written, self._offset = rest + row.links, 0

    def follow(self, version: int, name: str, state: bytes) -> None:
        """Go on to the next event.

        Raises:
            Broken: It is not the next one, or not what was linked.
        """
        if version != self.version + 1:
            raise Broken(self.version + 1, "event_missing")
        found = link(self.link, version, name, state)
        if self.has_links:
            written = self._written[self._offset : self._offset + LINK_BYTES]
            if len(written) != LINK_BYTES:
                raise Broken(version, "link_missing")
            if found != written:
                raise Broken(version, "event_altered")
            self._offset += LINK_BYTES
        self.version, self.link = version, found

    def end(self, head: Head) -> None:
        """See that the head is where the events end.

        Raises:
            Broken: Events are missing at the end, or the head was altered.
        """
        if self.version != head.version:
            raise Broken(self.version + 1, "event_missing")
        if head.link is not None and self.link != head.link:
            raise Broken(self.version, "head_altered")


@dataclass(frozen=True, slots=True)
class ChainStore:
    """The chains of all accounts; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def head(self, account_id: int) -> Head:
        """Where the account's events end; version 0 for an unknown account.

        Raises:
            Broken: There are events of other versions than from 1 to there.
        """
        async with borrow(self.pool) as connection:
            [row] = await connection.fetch(SELECT_HEAD, account_id)
        if row["beyond"] is not None:
            raise Broken(row["beyond"], "event_beyond_head")
        return Head(row["version"], row["link"])

    async def behind(self, account_id: int, version: int) -> Chain:
        """The chain as it goes on behind an event.

        Raises:
            Broken: The event has no link.
        """
        if version == 0:
            return Chain.of(account_id)
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_LINKS_OF, account_id, version)
        end = 0 if row is None else (version - row["first"] + 1) * LINK_BYTES
        if row is None or len(row["links"]) < end:
            raise Broken(version, "link_missing")
        return Chain(version, row["links"][end - LINK_BYTES : end], row["links"][end:])

    async def links(self, account_id: int, after: int, to: int) -> list[Links]:
        """The links that begin behind one event, and with another one at the latest."""
        async with borrow(self.pool) as connection:
            return [Links(*r) for r in await connection.fetch(SELECT_LINKS, account_id, after, to)]

    async def links_of(self, account_id: int, versions: Sequence[int]) -> dict[int, bytes]:
        """The link of each of these events, by version; without those that have none yet."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_SOME_LINKS, account_id, list(versions), LINK_BYTES)
        return {row["version"]: row["link"] for row in rows if row["link"]}

    async def unlinked(self) -> list[int]:
        """Accounts with events that have no link yet."""
        async with borrow(self.pool) as connection:
            return [row["account_id"] for row in await connection.fetch(SELECT_UNLINKED)]

    async def link_old(self, account_id: int, *, events_max: int) -> int:
        """Link the account's next events that have no link.

        Whoever appends events to the account waits that long.

        Returns:
            How many they were; 0 when none is left.

        Raises:
            Broken: Events are missing: the chain ends before them.
        """
        async with borrow(self.pool) as connection:
            try:
                linked: int = await connection.fetchval(LINK_OLD, account_id, events_max)
            except asyncpg.PostgresError as error:
                if error.sqlstate != GAP_STATE:
                    raise
                raise Broken(int(error.detail or 0), "event_missing") from error
            return linked
