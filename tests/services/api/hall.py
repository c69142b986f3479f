"""An account with a history, and a foreign one, served for all tests of a module."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx
from pydantic import SecretStr

from contracts.events import LeadAssigned
from services.access.roles import ROLES, Role
from services.application.installation import Installation
from services.log.postgres import PostgresLogWriter
from services.runtime.database import prepare_at
from services.storage.accounts import AccountRegistry
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from services.storage.roles import WEB
from tests.services.access.kit import grant
from tests.services.api.kit import CANARY, access_of, client, key_for, registered, served
from tests.services.application.audit.kit import Audience, audience
from tests.support.postgres import TestServer
from tests.support.users import as_user

FOREIGN_ID = 31
NAME = f"<script>alert('{CANARY}')</script>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """What is served, and keys of everybody.

    Attributes:
        account_id: With the history.
        audience: The same as the owner of the database has it.
        installation: As it is served: the database binds its user.
        keys: Role to a key of somebody who has it in the account (the operator in the
            installation).
        foreign: Of the administrator of another account, which has no history.
    """

    address: str
    account_id: int
    audience: Audience
    installation: Installation
    keys: Mapping[Role, str]
    foreign: str

    def asking(self, role: Role = "administrator") -> httpx.AsyncClient:
        """A client with the key of a role, from the account on."""
        return self._client(self.keys[role])

    def stranger(self) -> httpx.AsyncClient:
        """The same with the key of another account's administrator."""
        return self._client(self.foreign)

    def anybody(self, role: Role = "operator") -> httpx.AsyncClient:
        """A client with the key of a role, from the top on."""
        return client(self.address, self.keys[role])

    def _client(self, key: str) -> httpx.AsyncClient:
        found = client(self.address, key)
        found.base_url = httpx.URL(f"{self.address}/api/v1/accounts/{self.account_id}")
        return found


@asynccontextmanager
async def behind_the_wall(installation: Installation, url: str) -> AsyncIterator[Installation]:
    """The same for the user of the role `web`, whom grants and policies of the database bind."""
    await prepare_at(SecretStr(url))
    async with for_web(installation, as_user(WEB, url)) as found:
        yield found


@asynccontextmanager
async def for_web(installation: Installation, url: str) -> AsyncIterator[Installation]:
    """The same by the address of a database for that user, which is prepared; its log stays."""
    pool, vault = await open_pool(url, size_max=10), installation.accounts.vault
    try:
        yield replace(
            installation,
            pool=pool,
            log=PostgresLogWriter(installation.pool),
            events=EventStore(pool),
            accounts=AccountRegistry(pool, vault),
            dead_letters=DeadLetters(pool, vault),
        )
    finally:
        await pool.close()


@asynccontextmanager
async def hall(server: TestServer, history: str = "plain-day") -> AsyncIterator[Hall]:
    """A served account with that history, whose people have names that are markup."""
    async with server.database() as url:
        pool = await open_pool(url, size_max=10)
        try:
            found = await audience(pool, history)
            account_id = await registered(found)
            await found.installation.accounts.add(
                FOREIGN_ID,
                subdomain="other",
                base_url="https://other.kommo.com",
                token=SecretStr(CANARY),
                webhook_secret=SecretStr(f"{CANARY}-other"),
                timezone="UTC",
            )
            managers = sorted(
                {
                    each.event.manager_id
                    for each in found.events
                    if isinstance(each.event, LeadAssigned)
                }
            )
            await found.installation.accounts.update_directory(
                account_id,
                {"webhooks": "active", "users": [{"id": each, "name": NAME} for each in managers]},
            )
            access = access_of(found.installation)
            keys: dict[Role, str] = {
                role: await key_for(
                    access,
                    grant(
                        role,
                        None if role == "operator" else account_id,
                        managers[0] if role == "manager" else None,
                    ),
                )
                for role in ROLES
            }
            foreign = await key_for(access, grant("administrator", FOREIGN_ID))
            async with (
                behind_the_wall(found.installation, url) as installation,
                served(installation, access_of(installation)) as address,
            ):
                yield Hall(
                    address=address,
                    account_id=account_id,
                    audience=found,
                    installation=installation,
                    keys=keys,
                    foreign=foreign,
                )
        finally:
            await pool.close()
