"""`fairlead database prepare` as the owner of a database gives it, and as others do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.storage.migrate import known_migrations
from tests.services.cli.conftest import command
from tests.support.users import as_user

URL = "FAIRLEAD_DATABASE_URL"
LAST = known_migrations()[-1].number


async def test_S27_a_database_is_prepared_once_and_again(
    database_url: str, pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, database_url)
    monkeypatch.setenv("FAIRLEAD_DATABASE_CLOCK_PASSWORD", "tick tock")
    await pool.execute("DROP SCHEMA gateway CASCADE")
    await pool.execute("DELETE FROM schema_migrations WHERE name = '0009_gateway.sql'")

    first = await asyncio.to_thread(command, tmp_path, "database", "prepare")
    again = await asyncio.to_thread(command, tmp_path, "database", "prepare")

    assert first.out.splitlines() == [
        f"The database is prepared, at migration {LAST}; 1 was missing.",
        "Passwords set: fairlead_clock.",
    ]
    assert again.out.startswith(f"The database is prepared, at migration {LAST}; 0 were missing.")
    kept = await pool.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'fairlead_clock'")
    assert kept.startswith("SCRAM-SHA-256$4096:")


async def test_S27_who_is_not_the_owner_is_told_who_has_to_be(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, database_url)
    await asyncio.to_thread(command, tmp_path, "database", "prepare")
    monkeypatch.setenv(URL, as_user("fairlead_clock", database_url))

    said = await asyncio.to_thread(command, tmp_path, "database", "prepare")

    assert said.status == 1
    assert "has to name the owner of the database, who may also make users" in said.error


def test_S27_a_folder_has_no_users_to_prepare(tmp_path: Path) -> None:
    said = command(tmp_path, "database", "prepare")

    assert said.error.startswith(f"{URL} is not set: ")
    assert "that of a folder has one user" in said.error


@pytest.mark.parametrize("password", ["", "пароль", "a\tb"])
def test_S27_a_password_that_cannot_be_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv(URL, "postgresql://f@127.0.0.1:1/f")
    monkeypatch.setenv("FAIRLEAD_DATABASE_CLOCK_PASSWORD", password)

    said = command(tmp_path, "database", "prepare")

    assert said.error == (
        "FAIRLEAD_DATABASE_CLOCK_PASSWORD: expected a password of printable ASCII characters"
    )
