"""Connections that are borrowed: one statement costs one, and nothing stays with them."""

import re
from pathlib import Path
from typing import Any

import asyncpg

from services.storage.database import borrow, open_pool

ROOT = Path(__file__).parents[3]
SOURCES = [
    path for folder in ("services", "projections") for path in sorted((ROOT / folder).rglob("*.py"))
]
# What would stay with a connection of the pool when it is given back.
STAYS = re.compile(
    r"set_config\([^)]*false|SET SESSION|LISTEN \w|DECLARE \w+ CURSOR|pg_(?:try_)?advisory_lock\("
)
# Lets its lock go by itself, or ends the connection.
ALLOWED = {"services/projector/rebuild.py"}


async def test_F42_what_a_borrowed_connection_was_asked_is_all_it_was_asked(
    database_url: str,
) -> None:
    pool = await open_pool(database_url, size_max=1)
    watcher = await asyncpg.connect(database_url)
    try:
        async with borrow(pool) as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid() AS mine")
        last = await watcher.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", pid)
    finally:
        await watcher.close()
        await pool.close()

    assert last == "SELECT pg_backend_pid() AS mine"


async def test_F38_a_transaction_that_was_left_open_is_over_for_the_next(pool: Any) -> None:
    async with borrow(pool) as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        await connection.execute("BEGIN; SET LOCAL timezone = 'Asia/Tokyo'")
    async with borrow(pool) as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") == pid
        assert await connection.fetchval("SHOW timezone") == "UTC"
        assert not connection.is_in_transaction()


def test_F42_nothing_of_ours_stays_with_a_connection_of_the_pool() -> None:
    found = {
        str(path.relative_to(ROOT)): STAYS.findall(path.read_text())
        for path in SOURCES
        if STAYS.search(path.read_text())
    }
    assert set(found) == ALLOWED
