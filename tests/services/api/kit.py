"""The API on a real server, over an account whose history is a golden one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
from pydantic import SecretStr

from services.access.grants import Grant
from services.access.roles import ROLES
from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.application.installation import Installation
from services.projector import schema
from services.projector.run import Projector
from services.runtime.web import create_web
from services.shared.http_server import listen, serve_until
from services.shared.wall_clock import utc_now
from services.web.premises import Premises
from services.web.settings import WebSettings
from services.web.streams import Streams
from tests.services.access.kit import somebody
from tests.services.application.audit.kit import Audience
from tests.support.waiting import lasting

STARTS_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 60.0
# What must never be told.
CANARY = "canary-7f3a"
# A test asks faster than anybody; what holds for who asks too often is tried by itself.
UNHURRIED = WebSettings(
    requests_per_s=10_000,
    requests_burst=100_000,
    commands_per_s=10_000,
    commands_burst=100_000,
    strangers_per_s=10_000,
    strangers_burst=100_000,
)


def access_of(installation: Installation) -> Access:
    """Who may, in an installation."""
    return Access(installation.pool, installation.accounts.vault, AccessSettings())


async def key_for(access: Access, *grants: Grant) -> str:
    """A key of somebody who holds these grants, for all that they may."""
    person = await somebody(access, *grants)
    scopes = {scope for each in grants for scope in ROLES[each.role]}
    account_ids = {each.account_id for each in grants}
    _, secret = await access.keys.make(
        label="a test",
        account_id=account_ids.pop() if len(account_ids) == 1 else None,
        scopes=scopes,
        person_id=person.id,
        made_by=f"person:{person.id}",
    )
    return secret.get_secret_value()


@asynccontextmanager
async def served(
    installation: Installation,
    access: Access,
    settings: WebSettings | None = None,
    *,
    streams: Streams | None = None,
    stop: asyncio.Event | None = None,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[str]:
    """The role `web` on a port of its own; yields the address."""
    settings = settings or UNHURRIED
    stop = stop or asyncio.Event()
    premises = Premises(
        installation=installation,
        settings=settings,
        access=access,
        stop=stop,
        streams=streams or Streams(),
        now=now,
    )
    bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    listener = listen("127.0.0.1", 0)
    server = asyncio.create_task(
        serve_until(
            create_web(premises),
            settings.http,
            listener=listener,
            stop=stop,
            on_bound=bound.set_result,
        )
    )
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            await asyncio.wait({bound, server}, return_when=asyncio.FIRST_COMPLETED)
        if not bound.done():
            await server  # says why
        yield f"http://127.0.0.1:{bound.result()}"
    finally:
        stop.set()
        await server


def client(address: str, key: str = "") -> httpx.AsyncClient:
    """A client of the API, with a key."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(
        base_url=f"{address}/api/v1",
        headers=headers,
        trust_env=False,
        timeout=ANSWERS_WITHIN_S,
        limits=httpx.Limits(max_connections=None),
    )


async def there_and_back(asking: httpx.AsyncClient, path: str) -> tuple[Any, Any, Any, Any]:
    """The items of a list, of its first page of one item, of what is behind it, and back again."""

    async def page(**query: object) -> Any:
        answer = await asking.get(path, params={key: str(value) for key, value in query.items()})
        return answer.raise_for_status().json()

    whole, first = await page(), await page(limit=1)
    behind = await page(cursor=first["next"])
    back = await page(limit=1, cursor=behind["previous"])
    assert (whole["next"], whole["previous"], back["previous"]) == (None, None, None)
    return whole["items"], first["items"], behind["items"], back["items"]


async def registered(found: Audience) -> int:
    """Have the account of an audience connected, and every table made of its history."""
    account = found.account
    await found.installation.accounts.add(
        account.account_id,
        subdomain=account.subdomain,
        base_url=account.base_url,
        token=SecretStr(CANARY),
        webhook_secret=SecretStr(CANARY),
        timezone=account.timezone,
    )
    await schema.prepare(found.pool)
    following = Projector(found.pool, found.installation.events, wait=lambda _: lasting(0))
    while await following.catch_up():
        pass
    return account.account_id
