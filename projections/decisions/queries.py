"""Questions about decisions: of a lead, and page by page in either direction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.stage import Stage
from projections import Connection
from projections.conditions import Conditions
from projections.decisions.entries import Decision, Kind

COLUMNS = """
SELECT account_id, version, lead_id, request_id, kind, at, manager_id, rule_id, pipeline_id,
    status_id, reason FROM decisions.feed
"""
OF_LEAD = f"{COLUMNS} WHERE account_id = $1 AND lead_id = $2 ORDER BY version DESC LIMIT $3"
FIRST_SINCE = """
SELECT version FROM decisions.feed WHERE account_id = $1 AND at >= $2 ORDER BY at, version LIMIT 1
"""
# Events of an account are in the order of their time, so a range of time is one of versions.
SINCE = """version >= (SELECT version FROM decisions.feed
    WHERE account_id = $1 AND at >= ${n}::timestamptz ORDER BY at, version LIMIT 1)"""
UNTIL = """version <= (SELECT version FROM decisions.feed
    WHERE account_id = $1 AND at < ${n}::timestamptz ORDER BY at DESC, version DESC LIMIT 1)"""
# Of each part the newest are enough, whatever the others have.
GIVEN_BETWEEN = """
SELECT version
FROM unnest($2::timestamptz[], $3::timestamptz[]) AS part (since, until), LATERAL (
    SELECT version FROM decisions.feed
    WHERE account_id = $1 AND at >= since AND at < until AND kind = 'assigned'
        AND ($4::text IS NULL OR rule_id = $4) AND version < $5
    ORDER BY at DESC, version DESC LIMIT $6
) AS found
ORDER BY version DESC LIMIT $6
"""
GIVEN_IN = """
SELECT version
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS part (rule_id, first, last), LATERAL (
    SELECT version FROM decisions.feed
    WHERE account_id = $1 AND feed.rule_id = part.rule_id AND version >= first AND version <= last
        AND kind = 'assigned' AND version < $5
    ORDER BY version DESC LIMIT $6
) AS found
ORDER BY version DESC LIMIT $6
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions; what is left empty does not matter, of several values any will do.

    Attributes:
        since: At that instant or later.
        until: Before that instant.
    """

    kinds: Sequence[Kind] = ()
    lead_ids: Sequence[int] = ()
    manager_ids: Sequence[int] = ()
    rule_ids: Sequence[str] = ()
    stages: Sequence[Stage] = ()
    reasons: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


ALL = DecisionFilter()


async def of_lead(
    connection: Connection, *, account_id: int, lead_id: int, limit: int = 100
) -> list[Decision]:
    """The decisions about a lead, newest first."""
    rows = await connection.fetch(OF_LEAD, account_id, lead_id, limit)
    return [Decision(**row) for row in rows]


async def first_since(connection: Connection, *, account_id: int, at: datetime) -> int | None:
    """The version of the first decision at an instant or later; what is before it is earlier."""
    version: int | None = await connection.fetchval(FIRST_SINCE, account_id, at)
    return version


async def given_between(
    connection: Connection,
    *,
    account_id: int,
    parts: Sequence[tuple[datetime, datetime]],
    before: int,
    limit: int,
    rule_id: str | None = None,
) -> list[int]:
    """Versions of the decisions that gave a lead to somebody in any of these times, newest first.

    Args:
        connection: Where to ask.
        account_id: Whose.
        parts: From an instant to before another one each; they do not overlap.
        before: Only those before this version.
        limit: The most to return.
        rule_id: Under this rule only.
    """
    since, until = [start for start, _ in parts], [end for _, end in parts]
    rows = await connection.fetch(GIVEN_BETWEEN, account_id, since, until, rule_id, before, limit)
    return [row["version"] for row in rows]


async def given_in(
    connection: Connection,
    *,
    account_id: int,
    parts: Sequence[tuple[str, int, int]],
    before: int,
    limit: int,
) -> list[int]:
    """The same of parts of the log: a rule's decisions from a version to another one, included."""
    rules, first, last = [list(each) for each in zip(*parts, strict=True)]
    rows = await connection.fetch(GIVEN_IN, account_id, rules, first, last, before, limit)
    return [row["version"] for row in rows]


async def page(
    connection: Connection,
    *,
    account_id: int,
    limit: int,
    which: DecisionFilter = ALL,
    before: int | None = None,
    after: int | None = None,
) -> list[Decision]:
    """Decisions of an account: the newest first, or from a version on the oldest first.

    Args:
        connection: Where to ask.
        account_id: Whose.
        limit: The most to return.
        which: Which of them.
        before: Only those before this version; with neither, from the newest on.
        after: Only those after this version, the oldest first.
    """
    statement, arguments = paged(account_id, limit=limit, which=which, before=before, after=after)
    return [Decision(**row) for row in await connection.fetch(statement, *arguments)]


def paged(
    account_id: int,
    *,
    limit: int,
    which: DecisionFilter = ALL,
    before: int | None = None,
    after: int | None = None,
) -> tuple[str, list[Any]]:
    """The statement of a page and its arguments.

    Only what is asked for is in it: a condition that may be none hides the index from the planner.
    """
    query = Conditions(["account_id = $1"], [account_id, limit])
    query.one_of("kind", "text", which.kinds)
    if which.kinds and "assigned" not in which.kinds:
        query.where("kind <> 'assigned'")  # most are: there is an index of the others
    query.one_of("lead_id", "bigint", which.lead_ids)
    query.one_of("manager_id", "bigint", which.manager_ids)
    query.one_of("rule_id", "text", which.rule_ids)
    query.one_of("reason", "text", which.reasons)
    query.stages(which.stages)
    for condition, value in ((SINCE, which.since), (UNTIL, which.until)):
        query.where(condition, value)
    query.where("version < ${n}::bigint", before)
    query.where("version > ${n}::bigint", after)
    order = "DESC" if after is None else "ASC"
    return f"{COLUMNS} WHERE {query} ORDER BY version {order} LIMIT $2", query.arguments
