"""An account of a local Kommo that has let an integration in, and what renews its tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from services.application.connect import Connected
from services.application.consenting import Return, by_code
from services.application.installation import Installation
from services.application.integrations import register_integration
from services.application.kommo import endpoint_of
from services.application.principal import Principal
from services.kommo.client import KommoClient
from services.kommo.limiter import Limiter
from services.kommo.settings import LimiterSettings
from services.log.postgres import PostgresLogWriter
from services.oauth.renewal import Renewal
from services.oauth.settings import RenewalSettings
from services.sandbox.app import Sandbox, running_sandbox
from services.sandbox.oauth import Integration
from services.sandbox.sample import ACCOUNT_ID
from services.storage.accounts import AccountRegistry
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from tests.support.vault import VAULT

NOTHING: Any = None
CLIENT_ID = "11111111-2222-4333-8444-555555555555"
SECRET = SecretStr("sim-secret")  # of the documented example
REDIRECT = "http://localhost:8090/oauth/kommo"
PUBLIC = "http://leads.example.test"
OPERATOR = Principal(id="cli:test", scopes=frozenset({"operate", "access"}))
QUICK = RenewalSettings(lease_s=0.4, wait_s=10.0, retry_first_s=0.1, look_s=0.1)


def installed(pool: Any, kommo_address: str) -> Installation:
    """An installation whose Kommo is a local one."""
    return Installation(
        data=Path("/nonexistent"),
        database=None,
        pool=pool,
        wakeup=NOTHING,
        events=EventStore(pool),
        accounts=AccountRegistry(pool, VAULT),
        dead_letters=DeadLetters(pool, VAULT),
        log=PostgresLogWriter(pool),
        public_url=PUBLIC,
        kommo_address=kommo_address,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetIn:
    """Where an integration is let in, or is about to be."""

    sandbox: Sandbox
    installation: Installation
    kommo: httpx.AsyncClient

    @property
    def referer(self) -> str:
        return self.sandbox.base_url.removeprefix("http://")

    def renewal(self, pool: Any = None, **settings: Any) -> Renewal:
        return Renewal(
            pool or self.installation.pool,
            VAULT,
            endpoint_of(self.installation),
            QUICK.model_copy(update=settings),
        )

    async def code(self) -> str:
        made = await self.kommo.post(f"/sandbox/integrations/{CLIENT_ID}/code", json={})
        return str(made.json()["code"])

    async def consent(self) -> Connected:
        code = SecretStr(await self.code())
        brought = Return(client_id=CLIENT_ID, code=code, referer=self.referer)
        return await by_code(self.installation, brought, public_url=PUBLIC)

    async def token(self) -> SecretStr:
        return await self.installation.accounts.token(ACCOUNT_ID)

    async def expire(self) -> SecretStr:
        """Let the present token be too old; what it was."""
        token = await self.token()
        self.sandbox.crm.oauth.expire(token.get_secret_value())
        return token

    async def client(self) -> KommoClient:
        limiter = Limiter(LimiterSettings(rate_per_s=1_000, burst=100))
        tokens = OfOne(self.renewal())
        return KommoClient(
            base_url=self.sandbox.base_url,
            token=await self.token(),
            limiter=limiter,
            tokens=tokens,
        )

    def asked(self) -> int:
        """How often tokens were asked for."""
        rows = self.sandbox.journal.requests
        return sum(1 for row in rows if row.path.startswith("/oauth2/access_token"))


@dataclass(frozen=True, slots=True)
class OfOne:
    """The renewal as the client of the account has it."""

    renewal: Renewal

    async def newer(self, stale: SecretStr) -> SecretStr | None:
        return await self.renewal.newer(ACCOUNT_ID, stale)

    async def revoked(self, token: SecretStr) -> None:
        await self.renewal.revoked(ACCOUNT_ID, token)


@asynccontextmanager
async def registered(pool: Any) -> AsyncIterator[LetIn]:
    """A Kommo with an integration that we know, and no account yet."""
    async with running_sandbox() as sandbox:
        sandbox.knobs.turn({"requests_per_second": 10_000})
        sandbox.crm.oauth.integrations[CLIENT_ID] = Integration(
            client_id=CLIENT_ID, client_secret=SECRET.get_secret_value(), redirect_uri=REDIRECT
        )
        installation = installed(pool, sandbox.base_url)
        await register_integration(
            installation, OPERATOR, client_id=CLIENT_ID, secret=SECRET, redirect_uri=REDIRECT
        )
        async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as kommo:
            yield LetIn(sandbox=sandbox, installation=installation, kommo=kommo)


@asynccontextmanager
async def let_in(pool: Any) -> AsyncIterator[LetIn]:
    """The same, and the account has let it in."""
    async with registered(pool) as here:
        await here.consent()
        yield here


@asynccontextmanager
async def served_by(here: LetIn, url: str, user: str) -> AsyncIterator[Installation]:
    """The installation as a user of the database has it; their log is a broker's."""
    from tests.support.users import as_user  # noqa: PLC0415 - only where users are made

    pool = await open_pool(as_user(user, url), size_max=6)
    try:
        yield replace(
            here.installation,
            pool=pool,
            events=EventStore(pool),
            accounts=AccountRegistry(pool, VAULT),
            dead_letters=DeadLetters(pool, VAULT),
        )
    finally:
        await pool.close()
