"""A pooler between us and the database, a real one: noticed at the start, and made use of."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from projections import assignments
from services.application.installation import Installation
from services.projector.compare import compare
from services.projector.rebuild import rebuild
from services.projector.registry import PROJECTIONS
from services.projector.run import Projector
from services.runtime.database import prepare_at
from services.runtime.installation import open_distributed
from services.runtime.settings import OpeningSettings
from services.runtime.wrong import Wrong
from services.shared.settings import InstallationSettings
from services.storage.database import open_pool
from services.storage.pooler import loses_sessions
from services.storage.wakeup import WORK
from tests.domain.scenario import dp
from tests.services.allocator.kit import Desk, drain
from tests.support.pgbouncer import pgbouncer
from tests.support.waiting import until

KEY = SecretStr("A" * 43 + "=")
ACCOUNTS = range(1, 9)
LEADS = 20


def settings_of(url: str, pooler: str | None = None) -> OpeningSettings:
    here = InstallationSettings(
        database_url=SecretStr(url),
        database_pooler_url=None if pooler is None else SecretStr(pooler),
        master_key=KEY,
    )
    return OpeningSettings(installation=here)


@pytest.mark.parametrize("servers", [1, 3])
async def test_F42_a_pooler_that_loses_sessions_is_told_in_one_line_with_what_to_do(
    database_url: str, tmp_path: Path, servers: int
) -> None:
    async with pgbouncer(
        tmp_path / "pooler", database_url, mode="transaction", servers=servers
    ) as url:
        with pytest.raises(Wrong, match=r"^FAIRLEAD_DATABASE_URL leads to a pooler[^\n]*$") as told:
            async with open_distributed(tmp_path, settings_of(url), connections=4):
                pass
        with pytest.raises(Wrong, match=r"^FAIRLEAD_DATABASE_URL leads to a pooler[^\n]*$"):
            await prepare_at(SecretStr(url))

    assert "name the pooler in FAIRLEAD_DATABASE_POOLER_URL" in str(told.value)


async def test_F42_a_pooler_in_session_mode_and_none_at_all_are_the_same_to_us(
    database_url: str, tmp_path: Path
) -> None:
    assert not await loses_sessions(database_url)
    async with (
        pgbouncer(tmp_path / "pooler", database_url, mode="session", servers=20) as url,
        open_distributed(tmp_path, settings_of(url), connections=4) as installation,
    ):
        await until(lambda: is_listening(installation))
        assert installation.direct is None


async def is_listening(installation: Installation) -> bool:
    return installation.wakeup.listening.is_set()


async def test_F42_through_a_named_pooler_everything_is_done_as_without(
    database_url: str, tmp_path: Path
) -> None:
    """More connections than servers, so that every statement meets another server."""
    async with (
        pgbouncer(tmp_path / "pooler", database_url, mode="transaction") as url,
        open_distributed(tmp_path, settings_of(database_url, url), connections=8) as installation,
    ):
        pool, events = installation.pool, installation.events
        bell = installation.wakeup.bell(WORK)
        await until(lambda: is_listening(installation))
        desk = Desk(pool)
        await desk.open(*ACCOUNTS)
        for account in ACCOUNTS:
            await desk.tell(*(dp(lead) for lead in range(1, LEADS + 1)), to=account)
        projector = Projector(pool, events, wait=asyncio.sleep, direct=installation.direct)

        async with asyncio.TaskGroup() as group:
            group.create_task(drain(desk.allocator()))
            for _ in range(4):
                group.create_task(read_on(desk, pool))
        while await projector.catch_up():
            pass
        await rebuild(pool, events, assignments, direct=installation.direct)
        while await bell.wait(0):
            pass
        await pool.execute("SELECT pg_notify($1, '')", WORK)

        assert await bell.wait(20), "what is told through the pooler is heard past it"
        assert installation.direct is not None
        for projection in PROJECTIONS:
            assert await compare(installation.direct, events, projection) == []
        for account in ACCOUNTS:
            assert len(await desk.log(account)) > LEADS


async def read_on(desk: Desk, pool: Any) -> None:
    """Keep the servers busy with other statements until all is decided."""
    async with asyncio.timeout(120):
        while not await desk.has_taken_in(ACCOUNTS[-1]):
            await pool.fetchval("SELECT count(*) FROM account_events WHERE topic = $1", "x")
            await pool.fetch("SELECT $1::int", 1)


async def test_F42_without_its_name_the_same_pooler_would_do_harm(
    database_url: str, tmp_path: Path
) -> None:
    """What the self-test spares us."""
    async with pgbouncer(tmp_path / "pooler", database_url, mode="transaction") as url:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await many_statements(url)


async def many_statements(url: str) -> None:
    pool = await open_pool(url, size_max=8)
    try:
        await asyncio.gather(*(pool.fetch("SELECT $1::int", 1) for _ in range(200)))
    finally:
        pool.terminate()
