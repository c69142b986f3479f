"""An account whose people work in the widget: a local Kommo, and the role `web` on a port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import httpx

from domain.state import Account
from services.access.wiring import Access
from services.allocator.accounts import Stores, load
from services.log.postgres import PostgresLogWriter
from services.projector import schema
from services.sandbox.sample import ACCOUNT_ID
from services.sandbox.tokens import jwt
from services.shared.wall_clock import utc_now
from services.storage.snapshots import SnapshotStore
from tests.domain.scenario import rules as rules_of
from tests.domain.scenario import users as described_as
from tests.services.allocator.kit import Desk
from tests.services.api.kit import access_of, served
from tests.services.api.office import ELSEWHERE, Office
from tests.services.oauth.kit import CLIENT_ID, REDIRECT, SECRET, LetIn, let_in
from tests.support.faulty_log import FaultyLog

AUDIENCE = REDIRECT.removesuffix("/oauth/kommo")
ISSUER = "https://acme.kommo.com"
_numbers = count(1)


@dataclass
class Clock:
    """As the role `web` reads it; tests put it forward."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return utc_now() + self.ahead


@dataclass(frozen=True, kw_only=True)
class Lobby:
    """What is served, and who lets people in."""

    address: str
    here: LetIn
    access: Access
    clock: Clock = field(default_factory=Clock)
    code_lasts: timedelta = timedelta(seconds=61)

    @property
    def origin(self) -> str:
        """Of the account's pages."""
        return self.here.sandbox.base_url

    def claims(self, **others: Any) -> dict[str, Any]:
        """Of a token that is true, but for what a test says; None leaves a claim out."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": f"0c9d8c1e-{next(_numbers):04}",
            "iat": now,
            "nbf": now,
            "exp": now + 1_800,
            "account_id": ACCOUNT_ID,
            "user_id": 501,
            "subdomain": "acme",
            "client_uuid": CLIENT_ID,
            **others,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: str = SECRET.get_secret_value(), **others: Any) -> str:
        """A token of Kommo's."""
        return jwt(self.claims(**others), key)

    async def enter(
        self, client: httpx.AsyncClient, token: str, origin: str | None = None
    ) -> httpx.Response:
        """Try to begin a session."""
        headers = {"x-auth-token": token, "origin": self.origin if origin is None else origin}
        return await client.post("/widget/v1/session", headers=headers)

    @asynccontextmanager
    async def working(self, user_id: int, language: str = "en") -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody who works in the widget."""
        async with self.stranger() as client:
            answer = await self.enter(client, self.token(user_id=user_id))
            assert answer.status_code == 200, answer.text
            client.headers["authorization"] = f"Bearer {answer.json()['token']}"
            client.headers["origin"] = self.origin
            client.headers["accept-language"] = language
            yield client

    async def account(self) -> Account:
        """As it is now."""
        installation = self.here.installation
        stores = Stores(installation.events, SnapshotStore(installation.pool))
        return await load(stores, ACCOUNT_ID)

    def stranger(self) -> httpx.AsyncClient:
        """A browser of nobody."""
        return httpx.AsyncClient(base_url=self.address, trust_env=False, timeout=30)


@asynccontextmanager
async def lobby(pool: Any) -> AsyncIterator[Lobby]:
    """A served account that has let the integration in; nothing is decided there."""
    clock = Clock()
    async with let_in(pool) as found:
        installation = replace(found.installation, kafka=ELSEWHERE)
        here = replace(found, installation=installation)
        access = access_of(installation)
        async with served(installation, access, now=clock.now) as address:
            yield Lobby(address=address, here=here, access=access, clock=clock)


@asynccontextmanager
async def at_work(
    pool: Any, *rules: dict[str, Any], **file: Any
) -> AsyncIterator[tuple[Lobby, Office]]:
    """The same, with users whose names are known, rules, and what decides and shows it."""
    async with lobby(pool) as here:
        installation = here.here.installation
        await schema.prepare(pool)
        desk, log = Desk(pool), FaultyLog(PostgresLogWriter(pool))
        office = Office(desk, log, here.access, installation, ACCOUNT_ID, here.address)
        users = here.here.sandbox.crm.account.users.values()
        names = [{"id": each.id, "name": each.name, "is_active": True} for each in users]
        await installation.accounts.update_directory(ACCOUNT_ID, {"users": names})
        described = described_as(*(each.id for each in users))
        await desk.tell(described, rules_of(*rules, **file), to=ACCOUNT_ID)
        await office.caught_up()
        async with office.working():
            yield here, office
