"""An account that people command over HTTP: a real server, allocator, projector and database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from services.access.roles import Role
from services.access.wiring import Access
from services.application.installation import Installation
from services.log.kafka import KafkaSettings
from services.log.postgres import PostgresLogWriter
from services.projector.run import Projector
from services.storage.accounts import AccountRegistry
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from services.storage.roles import WEB
from services.web.settings import WebSettings
from tests.services.access.kit import grant
from tests.services.allocator.kit import Desk, drain
from tests.services.api.kit import CANARY, access_of, client, key_for, served
from tests.support.faulty_log import FaultyLog
from tests.support.users import as_user
from tests.support.vault import VAULT
from tests.support.waiting import lasting

NOTHING: Any = None
# Nobody is asked there: it says that other machines may decide, so that answers are waited for.
ELSEWHERE = KafkaSettings(servers="127.0.0.1:1")
WAITING = {"prefer": "wait=10"}
# Tests of a module share a database: each has an account of its own.
_account_ids = count(32_000_001)


@dataclass
class Office:
    """What there is to work with."""

    desk: Desk
    log: FaultyLog
    access: Access
    installation: Installation
    account_id: int
    address: str = ""

    async def caller(self, role: Role, manager_id: int | None = None) -> httpx.AsyncClient:
        """A client of the account's part of the API, of somebody in that role; to be closed."""
        key = await key_for(self.access, grant(role, self.account_id, manager_id))
        found = client(self.address, key)
        found.base_url = httpx.URL(f"{self.address}/api/v1/accounts/{self.account_id}/")
        return found

    async def happened(self, kind: type) -> int:
        """How many events of a kind there are."""
        return sum(
            isinstance(recorded.event, kind) for recorded in await self.desk.log(self.account_id)
        )

    async def caught_up(self) -> None:
        """Decide and show all there is."""
        await drain(self.desk.allocator())
        while await self._projector().catch_up():
            pass

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Allocator and projector run."""
        roles = [
            asyncio.create_task(self.desk.allocator().run()),
            asyncio.create_task(self._projector().run()),
        ]
        try:
            yield
        finally:
            for role in roles:
                role.cancel()
            await asyncio.gather(*roles, return_exceptions=True)

    def _projector(self) -> Projector:
        store = EventStore(self.desk.pool)
        return Projector(self.desk.pool, store, wait=lambda _: lasting(0.01))


@asynccontextmanager
async def open_office(url: str, settings: WebSettings | None = None) -> AsyncIterator[Office]:
    """An account with a rule for Ann and Bob, served as the database's user for it; at rest."""
    async with _pool(as_user(WEB, url)) as pool, _pool(url) as owner:
        office = await _opened(pool, owner)
        async with served(office.installation, office.access, settings) as office.address:
            yield office


@asynccontextmanager
async def _pool(url: str) -> AsyncIterator[Any]:
    pool = await open_pool(url)
    try:
        yield pool
    finally:
        await pool.close()


async def _opened(pool: Any, owner: Any) -> Office:
    desk, log, account_id = Desk(owner), FaultyLog(PostgresLogWriter(owner)), next(_account_ids)
    await desk.open(account_id)
    await AccountRegistry(owner, VAULT).add(
        account_id,
        subdomain="acme",
        base_url="https://acme.kommo.com",
        token=SecretStr(CANARY),
        webhook_secret=SecretStr(f"{CANARY}-{account_id}"),
        timezone="UTC",
    )
    installation = Installation(
        data=Path("nowhere"),
        database=None,
        pool=pool,
        wakeup=NOTHING,
        events=EventStore(pool),
        accounts=AccountRegistry(pool, VAULT),
        dead_letters=DeadLetters(pool, VAULT),
        log=log,
        kafka=ELSEWHERE,
    )
    access = access_of(installation)
    office = Office(desk, log, access, installation, account_id)
    await office.caught_up()
    return office
