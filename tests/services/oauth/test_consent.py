"""Letting an integration in and out over HTTP, as the role `web` may (S15, S16, F57, F61, F62)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.application.consenting import depart, uninstall_signature
from services.application.installation import Installation
from services.application.integrations import REDIRECT_PATH, UNINSTALL_PATH
from services.application.refused import Refused
from services.console.screens.consent import BROWSER
from services.oauth.endpoint import TokenEndpoint
from services.oauth.renewal import Renewal
from services.sandbox.sample import ACCOUNT_ID
from services.storage.asked_sweeps import AskedSweeps
from services.storage.consents import Consents
from services.storage.roles import WEB
from tests.services.api.kit import access_of, served
from tests.services.oauth.kit import (
    CLIENT_ID,
    OPERATOR,
    QUICK,
    SECRET,
    LetIn,
    let_in,
    registered,
    served_by,
)
from tests.support.vault import VAULT
from tests.support.waiting import until

pytestmark = pytest.mark.server


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The console of an installation that nobody has connected yet, or somebody has."""

    here: LetIn
    installation: Installation
    web: httpx.AsyncClient

    async def leave(self, **more: Any) -> tuple[dict[str, str], str]:
        """Go to Kommo and say yes; what it sends back, and what the browser kept."""
        departure = await depart(self.installation, OPERATOR, CLIENT_ID, **more)
        query = parse_qs(urlsplit(departure.url).query)
        state = query["state"][0]
        answer = await self.here.kommo.post(
            "/oauth", data={"client_id": CLIENT_ID, "state": state, "decision": "allow"}
        )
        back = parse_qs(urlsplit(answer.headers["location"]).query)
        return {key: value for key, (value,) in back.items()}, departure.browser.get_secret_value()

    async def come(self, params: Mapping[str, str], browser: str = "") -> httpx.Response:
        cookies = {"cookie": f"{BROWSER}={browser}"} if browser else {}
        return await self.web.get(REDIRECT_PATH, params=params, headers=cookies)

    async def accounts(self) -> list[int]:
        return [each.account_id for each in await self.here.installation.accounts.all()]


@pytest.fixture
async def door(owner: Any, shared_database: str) -> AsyncIterator[Door]:
    await owner.execute("DELETE FROM accounts; DELETE FROM asked_sweeps")
    async with (
        registered(owner) as here,
        served_by(here, shared_database, WEB) as installation,
        served(installation, access_of(installation)) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as web,
    ):
        yield Door(here=here, installation=installation, web=web)


async def test_S15_only_the_browser_that_left_comes_back_and_only_once(door: Door) -> None:
    back, browser = await door.leave()
    other, _ = await door.leave()
    refused = [
        await door.come(back),  # without its cookie: and the state is spent by that
        await door.come(back, browser),
        await door.come(other, browser),
        await door.come({**back, "state": "x" * 43}, browser),
        await door.come({**back, "state": ""}, browser),
    ]
    assert [each.status_code for each in refused] == [409] * 5
    assert await door.accounts() == []

    async with door.here.installation.pool.acquire() as connection:
        late, its = await door.leave()
        await connection.execute("UPDATE consent_states SET expires_at = now()")
    assert (await door.come(late, its)).status_code == 409

    back, browser = await door.leave()
    done = await door.come(back, browser)
    again = await door.come(back, browser)

    assert (done.status_code, again.status_code) == (200, 409)
    assert "/kommo/" in done.text
    assert f"/a/{ACCOUNT_ID}/setup" in done.text
    assert await door.accounts() == [ACCOUNT_ID]
    account = await door.here.installation.accounts.get(ACCOUNT_ID)
    assert account.client_id == CLIENT_ID
    assert account.base_url == door.here.sandbox.base_url

    # Known, and for this account only: its webhooks' address goes on, and it is swept.
    back, browser = await door.leave(account_id=ACCOUNT_ID)
    reconnected = await door.come(back, browser)
    back, browser = await door.leave(account_id=4)
    another = await door.come(back, browser)

    assert (reconnected.status_code, another.status_code) == (200, 409)
    assert "/kommo/" not in reconnected.text
    assert list(await AskedSweeps(door.here.installation.pool).open()) == [ACCOUNT_ID]


async def test_S14_S15_a_stranger_brings_nothing_that_counts(door: Door) -> None:
    code = {"code": "def502", "client_id": CLIENT_ID}
    told = [
        await door.come({**code, "referer": "evil.test"}),
        await door.come({**code, "referer": "127.0.0.1:1"}),
        await door.come({**code, "referer": door.here.referer}),  # a code that is none
        await door.come({**code, "client_id": "another", "referer": door.here.referer}),
        await door.come({}),
    ]
    back, browser = await door.leave()
    elsewhere = await door.come({**back, "referer": "acme.kommo.com.evil.test"}, browser)
    back, browser = await door.leave()
    denied = await door.come({"state": back["state"], "error": "access_denied"}, browser)

    assert {each.text for each in told} == {"ok"}
    assert (elsewhere.status_code, denied.status_code) == (409, 409)
    assert await door.accounts() == []
    with pytest.raises(Refused, match="integration_unknown"):
        await depart(door.installation, OPERATOR, "none-of-ours")


async def test_F57_F62_S16_a_widget_is_installed_disabled_and_installed_again(door: Door) -> None:
    here, installation = door.here, door.here.installation
    params = {"code": await here.code(), "referer": here.referer, "client_id": CLIENT_ID}
    answer = await door.come({**params, "platform": "2", "from_widget": "1"})

    async def is_connected() -> bool:
        return await door.accounts() == [ACCOUNT_ID]

    await until(is_connected)
    signature = uninstall_signature(CLIENT_ID, ACCOUNT_ID, SECRET)
    wrong = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    told = {"client_uuid": CLIENT_ID, "account_id": str(ACCOUNT_ID)}
    refused = [
        await door.web.get(UNINSTALL_PATH, params={**told, "signature": each})
        for each in (wrong, "", "é")
    ]
    unknown = {**told, "client_uuid": "another"}
    refused.append(await door.web.get(UNINSTALL_PATH, params={**unknown, "signature": signature}))

    assert answer.text == "ok"
    assert [each.status_code for each in refused] == [403] * 4
    assert (await installation.accounts.get(ACCOUNT_ID)).suspended_at is None

    over = [
        await door.web.get(UNINSTALL_PATH, params={**told, "signature": signature})
        for _ in range(2)
    ]

    assert [each.status_code for each in over] == [200, 200]
    account = await installation.accounts.get(ACCOUNT_ID)
    assert account.suspended_at is not None
    assert await Consents(installation.pool, VAULT).present(ACCOUNT_ID) is None
    owners = await installation.accounts.webhook_owners()
    assert [each.account_id for each in owners.values()] == [ACCOUNT_ID]  # hooks are kept

    await here.consent()

    assert (await installation.accounts.get(ACCOUNT_ID)).suspended_at is None
    assert list(await AskedSweeps(installation.pool).open()) == [ACCOUNT_ID]


def test_S16_the_documented_signature() -> None:
    found = uninstall_signature(CLIENT_ID, 32_000_001, SECRET)

    assert found == "d0598f01a5707ae2e9ae8eb990c172f8c83b25c32810456a3f786bf81dcd371e"


@dataclass(slots=True)
class Detour(TokenEndpoint):
    """Leads hosts of Kommo to the sandbox, by the name that was asked for."""

    to: str = ""

    async def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        parts = urlsplit(url)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.request(
                method,
                f"{self.to}{parts.path}",
                content=body,
                headers={**headers, "host": parts.netloc, "content-type": "application/json"},
            )
        return answer.status_code, answer.content


async def test_F61_a_renamed_account_is_found_by_the_host_that_its_token_names(pool: Any) -> None:
    async with let_in(pool) as here:
        here.sandbox.account.address = None  # its tokens are Kommo's now, and so is its host
        await Consents(pool, VAULT).move(
            ACCOUNT_ID, base_url="https://acme.kommo.com", subdomain="acme"
        )
        renewal = Renewal(pool, VAULT, Detour(allows_local=False, to=here.sandbox.base_url), QUICK)
        await renewal.newer(ACCOUNT_ID, await here.token())
        stale = await here.expire()
        await here.kommo.post("/sandbox/subdomain", json={"subdomain": "acme-two"})

        found = await renewal.newer(ACCOUNT_ID, stale)

        account = await here.installation.accounts.get(ACCOUNT_ID)
        assert found == await here.token() != stale
        assert (account.base_url, account.subdomain) == ("https://acme-two.kommo.com", "acme-two")
