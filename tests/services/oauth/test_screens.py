# ruff: noqa: S106 - no password is meant
"""Setting up in the browser from nothing, and what mends a connection (W4.11, W4.12)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.access.sessions import COOKIE, csrf_token
from services.application.setting_up import FIRST_RULE
from services.log.postgres import PostgresLogWriter
from services.projector.schema import prepare
from services.sandbox.sample import ACCOUNT_ID
from services.storage.asked_sweeps import AskedSweeps
from tests.services.access.kit import grant, somebody
from tests.services.api.kit import access_of, served
from tests.services.oauth.kit import CLIENT_ID, LetIn, registered

pytestmark = pytest.mark.server
INBOUND = "SELECT string_agg(convert_from(value, 'UTF8'), '') FROM inbound_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A browser of whoever set the installation up."""

    here: LetIn
    web: httpx.AsyncClient
    csrf: str
    pool: Any

    async def post(self, path: str, **form: Any) -> httpx.Response:
        return await self.web.post(path, data={"csrf": self.csrf, "key": "k1", **form})


@pytest.fixture
async def desk(pool: Any) -> AsyncIterator[Desk]:
    await prepare(pool)
    async with registered(pool) as here:
        access = access_of(here.installation)
        first = (grant("operator", None), grant("administrator", None))
        person = await somebody(access, *first)
        _, cookie = await access.sessions.begin(
            person.id, how="password", whence="127.0.0.1", agent="a test"
        )
        async with (
            served(here.installation, access) as address,
            httpx.AsyncClient(
                base_url=address,
                headers={"cookie": f"{COOKIE}={cookie}"},
                trust_env=False,
                timeout=60,
            ) as web,
        ):
            yield Desk(here=here, web=web, csrf=csrf_token(cookie), pool=pool)


async def test_W4_11_from_nothing_to_a_connection_that_can_be_mended(desk: Desk) -> None:
    here = desk.here
    empty = await desk.web.get("/")
    form = await desk.web.get("/connect")
    wrong = await desk.post("/connect", address=here.sandbox.base_url, token="wrong")
    nowhere = await desk.post("/connect", address="evil.test", token="t")
    made = await here.kommo.post("/sandbox/tokens", json={"client_id": CLIENT_ID, "days": 20})
    token = made.json()["token"]
    done = await desk.post("/connect", address=here.sandbox.base_url, token=token)

    assert '"/connect"' in empty.text
    assert CLIENT_ID in form.text
    assert (wrong.status_code, nowhere.status_code, done.status_code) == (422, 422, 200)
    assert wrong.text.count("state good") == 1  # the address is one, and then it ends
    assert wrong.text.count("state bad") == nowhere.text.count("state bad") == 1
    assert nowhere.text.count("state good") == 0
    assert "/kommo/" in done.text
    assert f"/a/{ACCOUNT_ID}/setup" in done.text

    base = f"/a/{ACCOUNT_ID}"
    page = await desk.web.get(f"{base}/connection")
    swept = await desk.post(f"{base}/connection/sweep")
    again = await desk.post(f"{base}/connection/webhooks")
    rotated = await desk.post(f"{base}/connection/address")
    renewed = await desk.post(f"{base}/connection/token", token=token)
    listed = await desk.web.get("/?all=1")
    leaving = await desk.post("/connect/consent", client_id=CLIENT_ID)
    ended = await desk.post(f"{base}/connection/disconnect", erases="true")

    assert "19 days" in page.text  # and some hours
    assert (swept.status_code, again.status_code, renewed.status_code) == (303, 303, 303)
    assert list(await AskedSweeps(desk.pool).open()) == [ACCOUNT_ID]
    assert "/kommo/" in rotated.text
    assert "19 days left" in listed.text
    assert f"{here.sandbox.base_url}/oauth?client_id={CLIENT_ID}" in leaving.text
    assert "fairlead-consent" in leaving.headers["set-cookie"]
    assert "1 webhook is unsubscribed in Kommo." in ended.text
    assert "are erased" in ended.text
    assert "connection/disconnect" not in ended.text


async def test_W4_1_the_first_rule_is_everybody_evenly(desk: Desk) -> None:
    await desk.here.consent()
    base = f"/a/{ACCOUNT_ID}"
    page = await desk.web.get(f"{base}/setup")
    account = await desk.here.installation.accounts.get(ACCOUNT_ID)
    pipeline = account.directory["pipelines"][0]
    stage = next(each for each in pipeline["stages"] if not each.get("is_incoming"))
    chosen = {
        "stage": f"{pipeline['id']}:{stage['id']}",
        "day": ["mon", "tue"],
        "begins": "09:00",
        "ends": "18:00",
    }
    nobody = await desk.post(f"{base}/setup", **chosen)
    no_hours = await desk.post(f"{base}/setup", **{**chosen, "manager": ["501"], "ends": "9"})
    applied = await desk.post(f"{base}/setup", **chosen, manager=["501", "502"])

    assert 'data-again="2"' in page.text
    assert page.text.count('name="manager"') == page.text.count("checked") - 5
    assert (nobody.status_code, no_hours.status_code, applied.status_code) == (422, 422, 303)
    assert isinstance(desk.here.installation.log, PostgresLogWriter)
    told = await desk.pool.fetchval(INBOUND)
    assert FIRST_RULE in told
