"""Accounts that have let nobody in for a week are told of, as long as something waits (F57)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.inbound import StayedSuspended
from services.clock.app import LogPublisher
from services.clock.suspended import AT_ONCE, Suspensions
from services.log.postgres import PostgresLogWriter
from services.projector.schema import prepare
from services.shared.codec import decode_inbound

NOW = datetime(2026, 5, 11, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# By account: suspended for so many days, how many wait since so many days.
ACCOUNTS = {1: (8, 3, 8), 2: (6, 3, 8), 3: (8, 3, 6), 4: (8, AT_ONCE + 1, 8), 5: (None, 3, 8)}
STRANGER = 6
WAITING = """
INSERT INTO requests.requests (account_id, request_id, lead_id, pipeline_id, status_id, source,
    state, reason, next_look_at, opened_version, opened_at, changed_version, changed_at)
SELECT $1, n::text, n, 1, 1, 'webhook', $4, $5, $6, n, $3, n, $3 FROM generate_series(1, $2) AS n
"""
ACCOUNT = """
INSERT INTO accounts (account_id, subdomain, base_url, webhook_secret_sha256,
    suspended_at, timezone)
SELECT n, 'acme', 'https://acme.kommo.com', sha256(n::text::bytea), $2, 'UTC'
FROM (SELECT $1::bigint AS n) AS one
"""
PENDING = """
INSERT INTO assignments.leads (account_id, lead_id, request_id, attempt, manager_id,
    decided_version, decided_at, state, settled_at, pipeline_id, status_id, is_told)
VALUES ($1, 1, '1', 1, 501, 1, $2, $3, $4, 1, 1, false)
"""


async def kept(pool: Any) -> None:
    await prepare(pool)
    for account_id, (suspended, count, waits) in {**ACCOUNTS, STRANGER: (8, 3, 8)}.items():
        at = None if suspended is None else NOW - suspended * DAY
        await pool.execute(ACCOUNT, account_id, at)
        since = NOW - waits * DAY
        await pool.execute(WAITING, account_id, count, since, "waiting", "off_shift", since)


async def test_F57_what_waits_for_a_week_of_suspension_is_told_once_for_so_many(pool: Any) -> None:
    await kept(pool)
    watch = Suspensions(
        pool, LogPublisher(PostgresLogWriter(pool)), lambda each: each != STRANGER, lambda: NOW
    )

    told = await watch.step()

    assert [each.account_id for each in told] == [1, 4, 4]
    assert len({each.message_id for each in told}) == 3
    assert told[0].body == StayedSuspended(since=NOW - 8 * DAY, asked_before=NOW - 7 * DAY)
    values = [row[0] for row in await pool.fetch("SELECT value FROM inbound_log")]
    assert [decode_inbound(value) for value in values] == list(told)

    await pool.execute("UPDATE requests.requests SET state = 'closed', next_look_at = NULL")
    assert await watch.step() == []


async def test_F57_a_decision_that_never_reached_kommo_is_told_of_and_a_confirmed_one_is_not(
    pool: Any,
) -> None:
    await prepare(pool)
    at = NOW - 8 * DAY
    for account_id, state in ((1, "pending"), (2, "confirmed")):
        await pool.execute(ACCOUNT, account_id, at)
        await pool.execute(WAITING, account_id, 1, at, "assigned", None, None)
        settled = None if state == "pending" else at
        await pool.execute(PENDING, account_id, at, state, settled)

    watch = Suspensions(pool, LogPublisher(PostgresLogWriter(pool)), lambda _: True, lambda: NOW)
    assert [each.account_id for each in await watch.step()] == [1]
