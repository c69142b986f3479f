"""When each account was last compared with Kommo, and what that turned up (D11.2)."""

from datetime import datetime, timedelta

import asyncpg

from projections import repairs
from services.cli.finding import Finding
from services.cli.installation import Installation
from services.storage.accounts import Account
from services.storage.database import borrow

SWEPT_WITHIN = timedelta(minutes=30)
COMPARED_WITHIN = timedelta(hours=36)
IS_THERE = "SELECT to_regclass('gateway.sweeps') IS NOT NULL"
SELECT_SWEEP = "SELECT watermark, full_at FROM gateway.sweeps WHERE account_id = $1"
WORDS: dict[repairs.Kind, str] = {
    "changed": "{} moved or handed over",
    "new": "{} unknown",
    "requested": "{} asking for a manager",
    "vanished": "{} deleted",
}


async def sweep_of(installation: Installation, account: Account, now: datetime) -> Finding:
    """The newest comparison of an account, and the repairs it led to so far."""
    subject = f"sweep of {account.account_id}"
    async with borrow(installation.pool) as connection:
        row = await _row(connection, account.account_id)
        found = await repairs.of_account(connection, account.account_id)
    if row is None or row["watermark"] is None:
        return Finding(subject, "never completed", "normal for a new account; it takes minutes")
    swept = f"{_ago(now - row['watermark'])} ago, of all leads {_ago(now - row['full_at'])} ago"
    turned_up = ", ".join(WORDS[repair.kind].format(repair.found) for repair in found)
    late = now - row["watermark"] > SWEPT_WITHIN or now - row["full_at"] > COMPARED_WITHIN
    is_running = installation.running() is not None
    return Finding(
        subject,
        f"{swept}; leads found before any webhook so far: {turned_up or 'nothing'}",
        "it is late; read the log for sweep_delayed" if late and is_running else "",
    )


async def _row(connection: asyncpg.Connection, account_id: int) -> asyncpg.Record | None:
    if not await connection.fetchval(IS_THERE):
        return None
    return await connection.fetchrow(SELECT_SWEEP, account_id)


def _ago(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours
