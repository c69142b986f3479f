"""What belongs to decided leads: to be read, and to be handed over (D6.4).

Two work lists of the gateway: decisions whose linked things are not known yet, and handovers that
Kommo does not hold yet. What is over leaves them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contracts.events import (
    LinkedChanged,
    LinkedDecided,
    LinkedKind,
    LinkedLeft,
    LinkedObject,
    LinkedRequested,
    Recorded,
)
from projections import Connection

NAME = "linked"
REVISION = 1
EVENTS: frozenset[type] = frozenset({LinkedChanged, LinkedDecided, LinkedLeft, LinkedRequested})
TABLES = """
CREATE TABLE asked (
    account_id bigint NOT NULL,
    order_id text NOT NULL,
    lead_id bigint NOT NULL,
    objects text[] NOT NULL,
    asked_version bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, order_id)
);
CREATE INDEX asked_idx ON asked (asked_at, account_id, asked_version);
CREATE TABLE handovers (
    account_id bigint NOT NULL,
    kind text NOT NULL,
    entity_id bigint NOT NULL,
    order_id text NOT NULL,
    responsible_before bigint NOT NULL,
    manager_id bigint NOT NULL,
    is_undo boolean NOT NULL,
    asked_version bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, kind, entity_id)
);
CREATE INDEX handovers_asked_idx ON handovers (asked_at, account_id, kind, entity_id);
"""

FIND = """
INSERT INTO asked (account_id, order_id, lead_id, objects, asked_version, asked_at)
SELECT $1, asked.order_id, asked.lead_id, string_to_array(asked.objects, ' '),
    asked.asked_version, asked.asked_at
FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::timestamptz[])
    AS asked (order_id, lead_id, objects, asked_version, asked_at)
ON CONFLICT (account_id, order_id) DO NOTHING
"""
FOUND = "DELETE FROM asked WHERE account_id = $1 AND order_id = ANY($2::text[])"
DECIDE = """
INSERT INTO handovers (account_id, kind, entity_id, order_id, responsible_before, manager_id,
    is_undo, asked_version, asked_at)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[],
    $7::boolean[], $8::bigint[], $9::timestamptz[])
ON CONFLICT (account_id, kind, entity_id) DO UPDATE SET order_id = excluded.order_id,
    responsible_before = excluded.responsible_before, manager_id = excluded.manager_id,
    is_undo = excluded.is_undo, asked_version = excluded.asked_version, asked_at = excluded.asked_at
"""
SETTLE = """
DELETE FROM handovers AS known
USING unnest($2::text[], $3::bigint[]) AS ended (kind, entity_id)
WHERE known.account_id = $1 AND known.kind = ended.kind AND known.entity_id = ended.entity_id
"""
ASKED = "SELECT account_id, order_id, lead_id, objects, asked_version, asked_at FROM linked.asked"
TO_FIND = f"""{ASKED} WHERE account_id <> ALL($2::bigint[])
ORDER BY asked_at, account_id, asked_version LIMIT $1
"""
TO_FIND_AFTER = f"""{ASKED} WHERE account_id <> ALL($2::bigint[])
    AND (asked_at, account_id, asked_version) > ($3, $4, $5)
ORDER BY asked_at, account_id, asked_version LIMIT $1
"""
COLUMNS = """
SELECT account_id, kind, entity_id, order_id, responsible_before, manager_id, is_undo,
    asked_version, asked_at
FROM linked.handovers
"""
TO_SET = f"""{COLUMNS} WHERE account_id <> ALL($2::bigint[])
ORDER BY asked_at, account_id, kind, entity_id LIMIT $1
"""
TO_SET_AFTER = f"""{COLUMNS} WHERE account_id <> ALL($2::bigint[])
    AND (asked_at, account_id, kind, entity_id) > ($3, $4, $5, $6)
ORDER BY asked_at, account_id, kind, entity_id LIMIT $1
"""

Thing = tuple[LinkedKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A lead whose linked things have to be read."""

    account_id: int
    order_id: str
    lead_id: int
    objects: tuple[LinkedObject, ...]
    asked_version: int
    asked_at: datetime

    @property
    def key(self) -> tuple[int, str]:
        """Names the order within all accounts."""
        return self.account_id, self.order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTransfer:
    """A thing that shall become a manager's; 0 before for nobody's.

    Attributes:
        is_undo: It puts back what may be long past, so Kommo is read before it is written.
    """

    account_id: int
    kind: LinkedKind
    entity_id: int
    order_id: str
    responsible_before: int
    manager_id: int
    is_undo: bool
    asked_version: int
    asked_at: datetime

    @property
    def key(self) -> tuple[int, str, int]:
        """Names the thing within all accounts."""
        return self.account_id, self.kind, self.entity_id


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run of events comes to; endings come before what is asked for."""

    found: dict[str, None] = field(default_factory=dict)
    searches: dict[str, Search] = field(default_factory=dict)
    ended: dict[Thing, None] = field(default_factory=dict)
    handovers: dict[Thing, PendingTransfer] = field(default_factory=dict)


def changes(events: Iterable[Recorded]) -> Changes:
    """What is over, and what is asked for after that."""
    result = Changes()
    for recorded in events:
        match recorded.event:
            case LinkedRequested() as event:
                result.searches[event.order_id] = Search(
                    account_id=recorded.account_id,
                    order_id=event.order_id,
                    lead_id=event.lead_id,
                    objects=event.objects,
                    asked_version=recorded.version,
                    asked_at=event.at,
                )
            case LinkedDecided() as event:
                result.found[event.order_id] = None
                result.searches.pop(event.order_id, None)
                for handover in event.handovers:
                    thing = (handover.kind, handover.entity_id)
                    result.handovers[thing] = PendingTransfer(
                        account_id=recorded.account_id,
                        order_id=event.order_id,
                        is_undo=event.is_undo,
                        asked_version=recorded.version,
                        asked_at=event.at,
                        **handover._asdict(),
                    )
            case LinkedChanged() | LinkedLeft() as event:
                result.ended[event.kind, event.entity_id] = None
                result.handovers.pop((event.kind, event.entity_id), None)
            case _:
                pass
    return result


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found = changes(events)
    searches, handovers = list(found.searches.values()), list(found.handovers.values())
    if found.found:
        await connection.execute(FOUND, account_id, list(found.found))
    if found.ended:
        kinds, ids = zip(*found.ended, strict=True)
        await connection.execute(SETTLE, account_id, list(kinds), list(ids))
    if searches:
        await connection.execute(
            FIND,
            account_id,
            [each.order_id for each in searches],
            [each.lead_id for each in searches],
            [" ".join(each.objects) for each in searches],
            [each.asked_version for each in searches],
            [each.asked_at for each in searches],
        )
    if handovers:
        await connection.execute(
            DECIDE,
            account_id,
            [each.kind for each in handovers],
            [each.entity_id for each in handovers],
            [each.order_id for each in handovers],
            [each.responsible_before for each in handovers],
            [each.manager_id for each in handovers],
            [each.is_undo for each in handovers],
            [each.asked_version for each in handovers],
            [each.asked_at for each in handovers],
        )


async def to_find(
    connection: Connection,
    *,
    limit: int,
    after: Search | None = None,
    but_for: Sequence[int] = (),
) -> list[Search]:
    """What has to be read, over all accounts, the longest waiting first.

    Args:
        connection: Where to ask.
        limit: The most to return.
        after: The last one of the page before.
        but_for: Accounts that are left out.
    """
    if after is None:
        rows = await connection.fetch(TO_FIND, limit, but_for)
    else:
        place = (after.asked_at, after.account_id, after.asked_version)
        rows = await connection.fetch(TO_FIND_AFTER, limit, but_for, *place)
    return [Search(**{**row, "objects": tuple(row["objects"])}) for row in rows]


async def to_set(
    connection: Connection,
    *,
    limit: int,
    after: PendingTransfer | None = None,
    but_for: Sequence[int] = (),
) -> list[PendingTransfer]:
    """What Kommo does not hold yet, over all accounts, the longest waiting first.

    Args:
        connection: Where to ask.
        limit: The most to return.
        after: The last one of the page before.
        but_for: Accounts that are left out.
    """
    if after is None:
        rows = await connection.fetch(TO_SET, limit, but_for)
    else:
        place = (after.asked_at, after.account_id, after.kind, after.entity_id)
        rows = await connection.fetch(TO_SET_AFTER, limit, but_for, *place)
    return [PendingTransfer(**row) for row in rows]
