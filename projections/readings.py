"""Requests that wait for what Kommo says, and the rules that want to know it (D1.5, D6.1).

The gateway's work list beside `lookups`. Rules and requests are in one place, so that whoever
reads both knows which conditions are asked about.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from contracts.events import (
    ReadingPart,
    ReadingRequested,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestPrepared,
    RulesApplied,
)
from contracts.stage import Stage
from projections import Connection

NAME = "readings"
REVISION = 2
EVENTS: frozenset[type] = frozenset(
    {ReadingRequested, RequestClosed, RequestDeferred, RequestPrepared, RulesApplied}
)
TABLES = """
CREATE TABLE requests (
    account_id bigint NOT NULL,
    request_id text NOT NULL,
    lead_id bigint NOT NULL,
    pipeline_id bigint NOT NULL,
    status_id bigint NOT NULL,
    revision bigint NOT NULL,
    parts text[] NOT NULL,
    asked_version bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, request_id)
);
CREATE INDEX requests_asked_idx ON requests (asked_at, account_id, asked_version);
CREATE TABLE rules (
    account_id bigint PRIMARY KEY,
    revision bigint NOT NULL,
    rules jsonb NOT NULL
);
"""

ANSWER = "DELETE FROM requests WHERE account_id = $1 AND request_id = ANY($2::text[])"
ASK = """
INSERT INTO requests (account_id, request_id, lead_id, pipeline_id, status_id, revision, parts,
    asked_version, asked_at)
SELECT $1, asked.request_id, asked.lead_id, asked.pipeline_id, asked.status_id, asked.revision,
    string_to_array(asked.parts, ' '), asked.asked_version, asked.asked_at
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
    $8::bigint[], $9::timestamptz[])
    AS asked (request_id, lead_id, pipeline_id, status_id, revision, parts, asked_version, asked_at)
ON CONFLICT (account_id, request_id) DO UPDATE SET revision = excluded.revision,
    parts = excluded.parts, asked_version = excluded.asked_version, asked_at = excluded.asked_at
"""
APPLY = """
INSERT INTO rules (account_id, revision, rules) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET revision = excluded.revision, rules = excluded.rules
"""
COLUMNS = """
SELECT account_id, request_id, lead_id, pipeline_id, status_id, revision, parts, asked_version,
    asked_at
FROM readings.requests
"""
PENDING = f"""{COLUMNS} WHERE account_id <> ALL($2::bigint[])
ORDER BY asked_at, account_id, asked_version LIMIT $1
"""
PENDING_AFTER = f"""{COLUMNS} WHERE account_id <> ALL($2::bigint[])
    AND (asked_at, account_id, asked_version) > ($3, $4, $5)
ORDER BY asked_at, account_id, asked_version LIMIT $1
"""
RULES = "SELECT revision, rules FROM readings.rules WHERE account_id = $1"
# Those of a large account are read whole in milliseconds; what people read on each page is not.
NAMED = """
SELECT revision, coalesce((
    SELECT jsonb_object_agg(rule ->> 'id', rule ->> 'name')
    FROM jsonb_path_query(rules, '$.rules[*] ? (@.name != "")') AS rule
), '{}') AS names
FROM readings.rules WHERE account_id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A reading that a request waits for.

    Attributes:
        revision: Of the rules whose conditions have to be judged.
        asked_version: Of the latest time it was asked for.
    """

    account_id: int
    request_id: str
    lead_id: int
    stage: Stage
    revision: int
    parts: tuple[ReadingPart, ...]
    asked_version: int
    asked_at: datetime

    @property
    def key(self) -> tuple[int, str]:
        """Names the request within all accounts."""
        return self.account_id, self.request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRules:
    """The rules in force, as people speak of them.

    Attributes:
        revision: 0 before the first.
        names: By id, of those that have one.
    """

    revision: int
    names: Mapping[str, str]


def changes(events: Iterable[Recorded]) -> tuple[list[str], list[Reading], RulesApplied | None]:
    """Requests that wait no more, what is asked for after that, and the rules in force."""
    answered: dict[str, None] = {}
    asked: dict[str, Reading] = {}
    rules: RulesApplied | None = None
    for recorded in events:
        match recorded.event:
            case ReadingRequested() as event:
                asked[event.request_id] = Reading(
                    account_id=recorded.account_id,
                    request_id=event.request_id,
                    lead_id=event.lead_id,
                    stage=event.stage,
                    revision=event.revision,
                    parts=event.parts,
                    asked_version=recorded.version,
                    asked_at=event.at,
                )
            case (
                RequestPrepared(request_id=request_id)
                # Other rules want to know nothing.
                | RequestDeferred(request_id=request_id)
                | RequestClosed(request_id=request_id)
            ):
                answered[request_id] = None
                asked.pop(request_id, None)
            case RulesApplied() as event:
                rules = event
            case _:
                pass
    return list(answered), list(asked.values()), rules


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    answered, asked, rules = changes(events)
    if rules is not None:
        await connection.execute(APPLY, account_id, rules.revision, rules.rules)
    if answered:
        await connection.execute(ANSWER, account_id, answered)
    if asked:
        await connection.execute(
            ASK,
            account_id,
            [reading.request_id for reading in asked],
            [reading.lead_id for reading in asked],
            [reading.stage.pipeline_id for reading in asked],
            [reading.stage.status_id for reading in asked],
            [reading.revision for reading in asked],
            [" ".join(reading.parts) for reading in asked],
            [reading.asked_version for reading in asked],
            [reading.asked_at for reading in asked],
        )


async def pending(
    connection: Connection,
    *,
    limit: int,
    after: Reading | None = None,
    but_for: Sequence[int] = (),
) -> list[Reading]:
    """What was not answered yet, over all accounts, the longest waiting first.

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
    return [_reading(row) for row in rows]


async def rules_of(connection: Connection, account_id: int) -> tuple[int, dict[str, Any]] | None:
    """The revision in force and its rules as JSON data; None before the first."""
    row = await connection.fetchrow(RULES, account_id)
    return None if row is None else (row["revision"], row["rules"])


async def named(connection: Connection, account_id: int) -> NamedRules:
    """The revision in force, and what its rules are called."""
    row = await connection.fetchrow(NAMED, account_id)
    return NamedRules(revision=0, names={}) if row is None else NamedRules(**row)


def _reading(row: asyncpg.Record) -> Reading:
    return Reading(
        account_id=row["account_id"],
        request_id=row["request_id"],
        lead_id=row["lead_id"],
        stage=Stage(row["pipeline_id"], row["status_id"]),
        revision=row["revision"],
        parts=tuple(row["parts"]),
        asked_version=row["asked_version"],
        asked_at=row["asked_at"],
    )
