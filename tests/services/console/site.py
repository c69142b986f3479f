"""The console over the demo's week, as it was at the end of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from pydantic import SecretStr

from services.access.grants import Grant
from services.access.roles import Role
from services.access.sessions import COOKIE, csrf_token
from services.access.wiring import Access
from services.application.installation import Installation
from services.runtime.database import prepare_at
from services.runtime.installation import open_installation
from services.storage.database import borrow
from services.storage.roles import WEB
from services.web.settings import WebSettings
from tests.services.access.kit import grant, somebody
from tests.services.api.hall import for_web
from tests.services.api.kit import access_of, served

LAST = "SELECT max(at) FROM decisions.feed"
# Bruno of the week.
BRUNO = 502
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The console at an address.

    Attributes:
        at: When it is there.
    """

    address: str
    at: datetime
    account_id: int
    installation: Installation
    access: Access

    @property
    def base(self) -> str:
        return f"/a/{self.account_id}"

    async def cookie(self, role: Role, manager_id: int | None = None) -> str:
        """Of somebody new with a role in the account."""
        return await self.cookie_of(grant(role, self.account_id, manager_id))

    async def cookie_of(self, *grants: Grant, language: str = "en") -> str:
        """Of somebody new who holds these, and reads a language."""
        person = await somebody(self.access, *grants)
        await self.access.people.describe(person.id, name=person.name, language=language)
        _, cookie = await self.access.sessions.begin(
            person.id, how="password", whence="127.0.0.1", agent="a test"
        )
        return cookie

    @asynccontextmanager
    async def signed_in(
        self, role: Role, manager_id: int | None = None, *, address: str = ""
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody with that role; its deeds carry the token of its session."""
        cookie = await self.cookie(role, manager_id)
        headers = {"cookie": f"{COOKIE}={cookie}", "fairlead-csrf": csrf_token(cookie)}
        async with self.stranger(**headers) as client:
            client.base_url = address or self.address
            yield client

    def stranger(self, **headers: str) -> httpx.AsyncClient:
        """A browser without a session."""
        return httpx.AsyncClient(
            base_url=self.address, headers=headers, trust_env=False, timeout=30
        )


@asynccontextmanager
async def week_site(data: Path) -> AsyncIterator[Site]:
    """The week kept in a folder as it was at its end, served as the user of the role `web`."""
    async with open_installation(data) as installation:
        (account,) = await installation.accounts.all()
        async with borrow(installation.pool) as connection:
            at: datetime = await connection.fetchval(LAST)
        assert installation.database is not None, "the week is kept with its database"
        await prepare_at(SecretStr(installation.database.dsn))
        access = access_of(installation)
        # The week is over, so nothing is asked of the machine that a busy one could not answer.
        settings = WebSettings(statement_ms=30_000)
        async with (
            for_web(installation, installation.database.dsn_as(WEB)) as walled,
            served(walled, access_of(walled), settings, now=lambda: at) as address,
        ):
            yield Site(
                address=address,
                at=at,
                account_id=account.account_id,
                installation=installation,
                access=access,
            )
