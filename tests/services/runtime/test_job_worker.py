"""The process that does jobs is there when there is one, and none is lost with it (A7)."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.access.roles import SCOPES
from services.application.audit.account import Audited
from services.application.commands import Once
from services.application.jobs.asked import ReplayAsked
from services.application.jobs.giving import result_as, start, state
from services.application.principal import Principal
from services.runtime.installation import open_installation
from services.runtime.job_worker import keep_jobs
from services.runtime.lifetime import end
from tests.support.waiting import until

pytestmark = pytest.mark.server

ME = Principal(id="cli:me", scopes=SCOPES)
# A replay keeps that it looks before it begins: it waits here as long as somebody holds this.
HOLD = "LOCK TABLE access_log IN ACCESS EXCLUSIVE MODE"


async def test_A7_a_job_outlives_the_process_that_does_it(tmp_path: Path) -> None:
    async with open_installation(tmp_path / "data") as installation:
        await installation.accounts.add(
            7,
            subdomain="acme",
            base_url="https://acme.kommo.com",
            token=SecretStr("token"),
            webhook_secret=SecretStr("secret"),
            timezone="UTC",
        )
        account = await installation.accounts.get(7)
        job, _ = await start(installation, account, ME, ReplayAsked(), Once(key="a"))

        async def stands() -> str:
            found = await state(installation, account, ME, job.job_id)
            return f"{found.state} {found.attempts}"

        async def is_under_way() -> bool:
            return await stands() == "running 1"

        async def is_done() -> bool:
            return await stands() == "finished 2"

        with capture_logs() as logs:
            keeping = asyncio.create_task(keep_jobs(installation, look_every_s=0.1))
            async with installation.pool.acquire() as connection, connection.transaction():
                await connection.execute(HOLD)
                await until(is_under_way)
                (begun,) = [each for each in logs if each["event"] == "job_worker_started"]
                os.kill(begun["pid"], signal.SIGKILL)
            await until(is_done)
            audited = await result_as(installation, account, ME, job.job_id, Audited)
            await end([keeping])

        assert (audited.events, audited.fault) == (0, None)
        assert [each["status"] for each in logs if each["event"] == "job_worker_ended"] == [-9]
