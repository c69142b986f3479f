"""What people are to be told of decisions, and were not yet (D12.2).

A work list of the gateway, beside `linked`: a row is there from the order until it is written or
sent, or never will be. Webhooks are sent by the feed of events; their rows only tell that
somebody waits for the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from contracts.events import (
    ChoiceReason,
    DutyCause,
    NoticeKind,
    NoticeLeft,
    NoticeRequested,
    NoticeWritten,
    Recorded,
)
from projections import Connection

NAME = "notices"
REVISION = 2
EVENTS: frozenset[type] = frozenset({NoticeLeft, NoticeRequested, NoticeWritten})
TABLES = """
CREATE TABLE wanted (
    account_id bigint NOT NULL,
    order_id text NOT NULL,
    kind text NOT NULL,
    lead_id bigint NOT NULL,
    manager_id bigint NOT NULL,
    rule_id text NOT NULL,
    reason text NOT NULL,
    because text,
    due_at timestamptz,
    wording text NOT NULL,
    target text NOT NULL,
    asked_version bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, order_id, kind)
);
CREATE INDEX wanted_asked_idx ON wanted (asked_at, account_id, asked_version);
"""

WANT = """
INSERT INTO wanted (account_id, order_id, kind, lead_id, manager_id, rule_id, reason, because,
    due_at, wording, target, asked_version, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (account_id, order_id, kind) DO NOTHING
"""
SETTLE = """
DELETE FROM wanted USING unnest($2::text[], $3::text[]) AS ended (order_id, kind)
WHERE account_id = $1 AND wanted.order_id = ended.order_id AND wanted.kind = ended.kind
"""
COLUMNS = """
SELECT account_id, order_id, kind, lead_id, manager_id, rule_id, reason, because, due_at, wording,
    target, asked_version, asked_at
FROM notices.wanted
"""
PENDING = f"""{COLUMNS} WHERE kind <> 'webhook' AND account_id <> ALL($2::bigint[])
ORDER BY asked_at, account_id, asked_version LIMIT $1
"""
PENDING_AFTER = f"""{COLUMNS} WHERE kind <> 'webhook' AND account_id <> ALL($2::bigint[])
    AND (asked_at, account_id, asked_version) > ($3, $4, $5)
ORDER BY asked_at, account_id, asked_version LIMIT $1
"""

Key = tuple[str, NoticeKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNotice:
    """A note or a task to be written; the fields are those of the order, in that of the table."""

    account_id: int
    order_id: str
    kind: NoticeKind
    lead_id: int
    manager_id: int
    rule_id: str
    reason: ChoiceReason
    because: DutyCause | None
    due_at: datetime | None
    wording: str
    target: str
    asked_version: int
    asked_at: datetime

    @property
    def key(self) -> tuple[int, str, NoticeKind]:
        """Names the notice within all accounts."""
        return self.account_id, self.order_id, self.kind


def changes(events: Iterable[Recorded]) -> tuple[list[Key], list[PendingNotice]]:
    """What is over, and what is asked for and is not over in the same run of events."""
    ended: dict[Key, None] = {}
    wanted: dict[Key, PendingNotice] = {}
    for recorded in events:
        match recorded.event:
            case NoticeRequested() as event:
                wanted[event.order_id, event.kind] = PendingNotice(
                    account_id=recorded.account_id,
                    order_id=event.order_id,
                    kind=event.kind,
                    lead_id=event.lead_id,
                    manager_id=event.manager_id,
                    rule_id=event.rule_id,
                    reason=event.reason,
                    because=event.because,
                    due_at=event.due_at,
                    wording=event.wording,
                    target=event.target,
                    asked_version=recorded.version,
                    asked_at=event.at,
                )
            case NoticeWritten() | NoticeLeft() as event:
                ended[event.order_id, event.kind] = None
                wanted.pop((event.order_id, event.kind), None)
            case _:
                pass
    return list(ended), list(wanted.values())


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    ended, wanted = changes(events)
    if wanted:
        await connection.executemany(WANT, [astuple(each) for each in wanted])
    if ended:
        orders, kinds = zip(*ended, strict=True)
        await connection.execute(SETTLE, account_id, list(orders), list(kinds))


async def pending(
    connection: Connection,
    *,
    limit: int,
    after: PendingNotice | None = None,
    but_for: Sequence[int] = (),
) -> list[PendingNotice]:
    """What has to be written in Kommo, over all accounts, the longest waiting first.

    Args:
        connection: Where to ask.
        limit: The most to return.
        after: The last one of the page before.
        but_for: Accounts that are left out.
    """
    if after is None:
        rows = await connection.fetch(PENDING, limit, but_for)
    else:
        place = (after.asked_at, after.account_id, after.asked_version)
        rows = await connection.fetch(PENDING_AFTER, limit, but_for, *place)
    return [PendingNotice(**row) for row in rows]
