"""The wired gateway on a real PostgreSQL before a real HTTP server."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from structlog.testing import capture_logs

from contracts.inbound import DescribeAccount, LeadMissing, LeadObserved, ResponsibleSet
from projections import assignments
from services.gateway import app
from services.gateway.postgres import (
    PostgresSweeps,
    PostgresWorkList,
    RegisteredAccounts,
)
from services.gateway.settings import GatewaySettings
from services.gateway.sweep import Progress
from services.kommo.settings import LimiterSettings
from services.log.postgres import PostgresLogWriter
from services.projector.schema import prepare
from services.sandbox.sample import ACCOUNT_ID
from services.shared.codec import decode_inbound
from services.shared.secrets import Vault, digest_of
from services.storage.accounts import AccountRegistry
from tests.services.gateway.world import Books, running, utc_now, world
from tests.support.waiting import until

ANA = 501
ASK = """
INSERT INTO lookups.leads (account_id, lead_id, reason, asked_version, asked_at)
VALUES ($1, $2, 'same_second', 1, now())
"""


async def decide(pool: Any, lead_ids: list[int]) -> None:
    books = Books()
    books.decide(lead_ids, ANA)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL search_path = assignments")
        await assignments.decide(connection, ACCOUNT_ID, list(books.rows.values()))


async def bodies(pool: Any) -> list[Any]:
    query = "SELECT value FROM inbound_log ORDER BY position"
    async with pool.acquire() as connection:
        return [decode_inbound(row["value"]).body for row in await connection.fetch(query)]


async def test_I4_committed_decisions_reach_kommo_and_results_the_inbound_log(pool: Any) -> None:
    await prepare(pool)
    async with world(120) as here:
        seen: list[Any] = []
        await decide(pool, here.lead_ids)
        async with pool.acquire() as connection:
            await connection.execute(ASK, ACCOUNT_ID, 42)
        work = app.run(
            GatewaySettings(limiter=LimiterSettings(rate_per_s=100)),
            pool=pool,
            accounts=here.accounts,
            writer=PostgresLogWriter(pool),
            timing=here.timing,
        )
        async with running(work):
            await until(lambda: all(here.owner(each) == ANA for each in here.lead_ids))
            async with asyncio.timeout(60):
                while sum(isinstance(each, ResponsibleSet) for each in seen) < 120:
                    seen = await bodies(pool)
                while not {LeadMissing, LeadObserved, DescribeAccount} <= set(map(type, seen)):
                    seen = await bodies(pool)

        assert LeadMissing(lead_id=42) in seen
        assert {each.how for each in seen if isinstance(each, ResponsibleSet)} == {"answered"}
        assert {each.reason for each in seen if isinstance(each, LeadObserved)} == {"baseline"}


async def test_F37_a_gateway_that_starts_before_the_projector_waits(pool: Any) -> None:
    async with world(3) as here:
        work = app.run(
            GatewaySettings(limiter=LimiterSettings(rate_per_s=100)),
            pool=pool,
            accounts=here.accounts,
            writer=PostgresLogWriter(pool),
            timing=here.timing,
        )
        async with running(work):
            await until(lambda: here.accounts.directory != {})
            await prepare(pool)
            await decide(pool, here.lead_ids)
            await until(lambda: all(here.owner(each) == ANA for each in here.lead_ids))


async def test_F30_the_progress_of_sweeps_outlives_the_process(pool: Any) -> None:
    store = PostgresSweeps(pool)
    assert await store.load(7) == Progress(account_id=7)
    progress = Progress(
        account_id=7,
        watermark=utc_now() - timedelta(hours=1),
        full_at=utc_now(),
        kind="window",
        started_at=utc_now(),
        next_page="/api/v4/leads?page=2",
    )
    await store.save(replace(progress, next_page=None))
    await store.save(progress)

    assert await store.load(7) == progress


async def test_the_work_list_pages_through_everything_that_is_pending(pool: Any) -> None:
    await prepare(pool)
    await decide(pool, list(range(1, 8)))
    work = PostgresWorkList(pool)
    first = await work.pending(ACCOUNT_ID, limit=5, after=0)
    second = await work.pending(ACCOUNT_ID, limit=5, after=first[-1].decided_version)

    assert await work.heads() == {ACCOUNT_ID: second[-1].decided_version}
    assert sorted(row.lead_id for row in (*first, *second)) == list(range(1, 8))
    assert [row.lead_id for row in await work.of_leads(ACCOUNT_ID, [3, 99])] == [3]


async def test_S17_a_token_that_cannot_be_opened_is_told_once(pool: Any) -> None:
    for account_id, key in ((1, b"k"), (2, b"o")):
        await AccountRegistry(pool, Vault((key * 32,))).add(
            account_id,
            subdomain=f"a{account_id}",
            base_url=f"https://a{account_id}.kommo.com",
            token=SecretStr("t"),
            webhook_secret=SecretStr(f"secret {account_id}"),
            timezone="UTC",
        )
    accounts = RegisteredAccounts(AccountRegistry(pool, Vault((b"k" * 32,))))

    with capture_logs() as logged:
        found = [[each.account_id for each in await accounts.connected()] for _ in range(3)]

    assert found == [[1], [1], [1]]
    assert [(line["event"], line["account_id"]) for line in logged] == [("token_unreadable", 2)]


async def test_F31_an_account_comes_with_the_digest_of_its_own_secret(pool: Any) -> None:
    registry = AccountRegistry(pool, Vault((b"k" * 32,)))
    for account_id in (1, 2):
        await registry.add(
            account_id,
            subdomain=f"a{account_id}",
            base_url=f"https://a{account_id}.kommo.com",
            token=SecretStr("t"),
            webhook_secret=SecretStr(f"secret {account_id}"),
            timezone="UTC",
        )

    found = await RegisteredAccounts(registry).connected()
    assert [(each.account_id, each.webhook_digest) for each in found] == [
        (1, digest_of(SecretStr("secret 1"))),
        (2, digest_of(SecretStr("secret 2"))),
    ]
