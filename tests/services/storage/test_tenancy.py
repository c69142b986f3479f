"""Whoever serves people works within bounds: an account, and a time for each statement (S5, A7)."""

import asyncio
from typing import Any

import pytest

from services.storage.database import TooBroad, borrow
from services.storage.tenancy import Reach, bounded, confine, present

PRESENT = """
SELECT current_setting('fairlead.account_id', true), current_setting('fairlead.accounts', true),
    current_setting('statement_timeout')
"""


async def settings_of(pool: Any) -> tuple[str, str, str]:
    async with borrow(pool) as connection:
        account, accounts, timeout = await connection.fetchrow(PRESENT)
        return account or "", accounts or "", timeout


async def test_S5_what_is_borrowed_within_bounds_names_the_account(pool: Any) -> None:
    with bounded(Reach(account_id=32000001, statement_ms=1_500)):
        assert await settings_of(pool) == ("32000001", "", "1500ms")
    with bounded(Reach(account_id=None)):
        assert await settings_of(pool) == ("", "all", "2s")
    assert await settings_of(pool) == ("", "", "0")


async def test_S5_requests_side_by_side_keep_to_their_own_accounts(pool: Any) -> None:
    async def request(account_id: int) -> list[str]:
        confine(Reach(account_id=account_id))
        return [(await settings_of(pool))[0] for _ in range(20)]

    found = await asyncio.gather(*(request(account_id) for account_id in range(1, 6)))

    assert found == [[str(account_id)] * 20 for account_id in range(1, 6)]
    assert present() is None


async def test_S5_what_is_changed_within_bounds_stays(pool: Any) -> None:
    with bounded(Reach(account_id=1)):
        async with borrow(pool) as connection, connection.transaction():
            await connection.execute("INSERT INTO account_heads VALUES (1, 0)")

    assert await pool.fetchval("SELECT count(*) FROM account_heads") == 1


async def test_A7_F86_a_statement_that_takes_too_long_is_told_from_a_database_that_is_away(
    pool: Any,
) -> None:
    with bounded(Reach(account_id=1, statement_ms=50)), pytest.raises(TooBroad):
        async with borrow(pool) as connection:
            await connection.execute("SELECT pg_sleep(20)")
