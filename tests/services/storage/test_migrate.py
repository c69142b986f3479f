"""Migrations."""

from typing import Any

import pytest

from services.storage.migrate import Migration, SchemaRefused, known_migrations, migrate


async def test_a_migrated_database_needs_nothing(pool: Any) -> None:
    async with pool.acquire() as connection:
        assert await migrate(connection) == 0


async def test_F81_a_database_newer_than_the_release_is_refused(pool: Any) -> None:
    async with pool.acquire() as connection:
        newer = (*known_migrations(), Migration(len(known_migrations()) + 1, "9_x.sql", "SELECT 1"))
        assert await migrate(connection, newer) == 1

        with pytest.raises(SchemaRefused, match="install the newer release"):
            await migrate(connection)


async def test_an_edited_migration_is_refused(pool: Any) -> None:
    first, *others = known_migrations()
    edited = Migration(1, first.name, first.sql + "-- edited")
    async with pool.acquire() as connection:
        with pytest.raises(SchemaRefused, match="differs"):
            await migrate(connection, (edited, *others))


async def test_a_failing_migration_leaves_nothing_behind(pool: Any) -> None:
    bad = Migration(
        len(known_migrations()) + 1, "bad.sql", "CREATE TABLE half (a int); SELECT 1 / 0"
    )
    async with pool.acquire() as connection:
        with pytest.raises(Exception, match="division by zero"):
            await migrate(connection, (*known_migrations(), bad))

        assert await connection.fetchval("SELECT to_regclass('half')") is None
