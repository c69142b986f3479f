"""Who may change the schema, and what those are told who may not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.runtime.database import prepare_at
from services.runtime.installation import open_distributed
from services.runtime.settings import OpeningSettings
from services.runtime.wrong import Wrong
from services.shared.settings import InstallationSettings
from tests.support.users import as_user

KEY = SecretStr("A" * 43 + "=")


def settings_of(name: str, database_url: str) -> OpeningSettings:
    url = SecretStr(as_user(name, database_url))
    return OpeningSettings(installation=InstallationSettings(database_url=url, master_key=KEY))


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ("REVOKE SELECT ON readings.rules FROM fairlead_gateway", "SELECT on readings.rules"),
        ("REVOKE INSERT ON dead_letters FROM fairlead_gateway", "INSERT on public.dead_letters"),
        (
            "REVOKE UPDATE (directory) ON accounts FROM fairlead_gateway",
            "UPDATE on public.accounts",
        ),
    ],
)
async def test_S27_a_user_that_lacks_something_is_told_at_the_start_and_not_at_work(
    database_url: str, pool: Any, tmp_path: Path, change: str, lacks: str
) -> None:
    """Such as after an upgrade by who was not the owner."""
    await prepare_at(SecretStr(database_url))
    settings = settings_of("fairlead_gateway", database_url)
    async with open_distributed(tmp_path, settings, connections=2) as installation:
        assert await installation.accounts.all() == []
    await pool.execute(change)

    with pytest.raises(Wrong, match=rf"^[^\n]*its user lacks {lacks}\)[^\n]*prepare$"):
        async with open_distributed(tmp_path, settings, connections=2):
            pass


@pytest.fixture
async def visitor(pool: Any) -> AsyncIterator[str]:
    """A user of the database that may read which schema it has, and no more."""
    name = f"visitor_{uuid4().hex}"  # of the whole server, which others test on as well
    await pool.execute(f"CREATE ROLE {name} LOGIN")
    await pool.execute(f"GRANT SELECT ON schema_migrations TO {name}")
    yield name
    await pool.execute(f"DROP OWNED BY {name}")
    await pool.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    "change",
    [
        "SELECT 1",  # the read models are missing
        "DELETE FROM schema_migrations WHERE number = 8",
        "DROP TABLE schema_migrations",
        "REVOKE SELECT ON schema_migrations FROM {name}",
    ],
)
async def test_S27_a_schema_that_lacks_something_is_told_in_a_line_and_left_alone(
    database_url: str, pool: Any, visitor: str, tmp_path: Path, change: str
) -> None:
    await pool.execute(change.format(name=visitor))

    with pytest.raises(Wrong, match=r"^[^\n]*let its owner run fairlead database prepare$"):
        async with open_distributed(tmp_path, settings_of(visitor, database_url), connections=2):
            pass
