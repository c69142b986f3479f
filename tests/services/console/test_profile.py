"""One's own page: password, app, recovery codes, sessions, keys, and the provider (W7)."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pyotp
import pytest

from services.access.oidc import IdentityProvider
from services.access.people import Person
from services.access.sessions import COOKIE, csrf_token
from services.access.wiring import Access
from services.application.people.outer import REDIRECT_PATH
from tests.services.access.kit import grant, somebody
from tests.services.api.kit import served
from tests.services.application.people.kit import PASSWORD
from tests.services.application.people.provider import ISSUER, Provider
from tests.services.application.people.test_outer import SETTINGS
from tests.services.console.site import Site
from tests.services.console.test_access import secret_of
from tests.services.console.test_pages import text_of

pytestmark = pytest.mark.server


@asynccontextmanager
async def viewer(site: Site) -> AsyncIterator[tuple[httpx.AsyncClient, Person]]:
    """A browser of somebody, and who it is."""
    person = await somebody(site.access, grant("viewer", site.account_id))
    for agent in ("netbook", "a test"):
        _, cookie = await site.access.sessions.begin(
            person.id, how="password", whence="127.0.0.1", agent=agent
        )
    headers = {"cookie": f"{COOKIE}={cookie}", "fairlead-csrf": csrf_token(cookie)}
    async with site.stranger(**headers) as client:
        yield client, person


async def test_W7_2_password_app_and_recovery_codes_are_ones_own(site: Site) -> None:
    async with viewer(site) as (client, person):
        seen = await client.get("/profile")
        short = await client.post("/profile/password", data={"password": "short"})
        await client.post("/profile/password", data={"password": PASSWORD})
        app = await client.post("/profile/codes", data={"x": ""})
        wrong = await client.post("/profile/codes/confirm", data={"code": "000000"})
        code = pyotp.TOTP(secret_of(app)).at(site.at)
        codes = await client.post("/profile/codes/confirm", data={"code": code})
        again = await client.post("/profile/recovery-codes", data={"x": ""})
        on = await client.get("/profile")
        await client.post("/profile/codes/end", data={"x": ""})
        off = await client.get("/profile")
        named = await client.post("/profile", data={"name": "Ana L.", "language": "en"})
        odd = await client.post("/profile", data={"name": "Ana", "language": "xx"})

    assert "netbook" in text_of(seen)
    assert (short.status_code, wrong.status_code, odd.status_code) == (422, 422, 409)
    assert await site.access.passwords.is_right(person.id, PASSWORD)
    assert [len(re.findall("<li>[a-z0-9-]+</li>", each.text)) for each in (codes, again)] == [
        10,
        10,
    ]
    assert "10 recovery codes are left" in text_of(on)
    assert "netbook" not in text_of(on)  # its session ended with the password
    assert "Set up an app" in text_of(off)
    assert named.headers["location"] == "/profile?told=described"


async def test_W7_4_sessions_are_ended_one_by_one_or_all_others(site: Site) -> None:
    async with viewer(site) as (client, person):
        seen = await client.get("/profile")
        other = re.search(r"/profile/sessions/(\d+)/end", seen.text)
        assert other is not None
        await client.post(other[0], data={"x": ""})
        alone = await client.get("/profile")
        foreign = await client.post("/profile/sessions/1/end", data={"x": ""})

    assert "Sign out everywhere else" in text_of(seen)
    assert "Sign out everywhere else" not in text_of(alone)
    assert foreign.status_code == 409
    assert len(await site.access.sessions.of(person.id)) == 1


async def test_W3_7_single_keys_are_switched_off_in_a_browser(site: Site) -> None:
    async with viewer(site) as (client, _):
        off = await client.post("/profile/keys", data={"x": ""})
        on = await client.post("/profile/keys", data={"keys": "on"})

    assert off.headers["set-cookie"].startswith(
        "__Host-fairlead-keys=off; Max-Age=31536000; Path=/"
    )
    assert "HttpOnly" not in off.headers["set-cookie"]
    assert "Max-Age=0" in on.headers["set-cookie"]


async def test_W7_3_the_provider_signs_in_and_is_added_to_a_login(site: Site) -> None:
    provider = Provider()
    provider.claims = {"sub": "u-1", "email": "new@id.example.com", "groups": ["sales-heads"]}
    access = Access(site.installation.pool, site.installation.accounts.vault, SETTINGS)
    await somebody(site.access, grant("operator", None))  # whoever has claimed it
    access.__dict__["provider"] = IdentityProvider(SETTINGS, provider.transport())
    person = await somebody(site.access, grant("viewer", site.account_id))
    _, cookie = await site.access.sessions.begin(
        person.id, how="password", whence="127.0.0.1", agent="a test"
    )
    session = f"{COOKIE}={cookie}"

    async def back(browser: httpx.AsyncClient, start: str, cookies: str = "") -> httpx.Response:
        """Go there, agree, and come back."""
        sent = await browser.get(start, headers={"cookie": cookies})
        assert sent.headers["location"].startswith(ISSUER)
        own = sent.headers["set-cookie"].partition(";")[0]
        state = provider.allow(sent.headers["location"])
        return await browser.get(
            REDIRECT_PATH,
            params={"state": state, "code": "code"},
            headers={"cookie": "; ".join(filter(None, (own, cookies)))},
        )

    async with (
        served(site.installation, access) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as browser,
    ):
        form = await browser.get("/sign-in")
        strangers = await browser.get("/sign-in/provider", headers={"sec-fetch-site": "cross-site"})
        signed_in = await back(browser, "/sign-in/provider")
        provider.claims = {"sub": "u-2", "email": "x@id.example.com", "groups": []}
        added = await back(browser, "/profile/provider", session)
        by_hand = await back(browser, "/sign-in/provider")
    access.hashing.close()

    assert 'href="/sign-in/provider"' in form.text
    assert strangers.status_code == 403
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")
    assert any(each.startswith(COOKIE) for each in signed_in.headers.get_list("set-cookie"))
    assert added.headers["location"] == "/profile?told=provider"
    assert await site.access.outer.has_one(person.id)
    # Of no group, and let in by the role that was given by hand.
    assert (by_hand.status_code, by_hand.headers["location"]) == (303, "/")


async def test_W7_3_without_a_provider_nobody_is_offered_one(site: Site) -> None:
    async with site.stranger() as stranger:
        form = await stranger.get("/sign-in")
        away = await stranger.get("/sign-in/provider")
        back = await stranger.get("/sign-in/by-provider", params={"state": "x", "code": "y"})

    assert "/sign-in/provider" not in form.text
    assert away.status_code == 409
    assert back.status_code == 401
