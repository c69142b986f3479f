"""Signing in: consent, codes, rotating tokens, installation and its end (section 3)."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest

from services.sandbox.app import Neighbour, Sandbox, running_sandbox
from services.sandbox.oauth import Integration
from services.sandbox.sample import sample_account
from services.sandbox.tokens import uninstall_signature
from tests.services.sandbox.conftest import Receiver

CLIENT_ID = "11111111-2222-4333-8444-555555555555"
SECRET = "sim-secret"  # noqa: S105 - of the documented example
REDIRECT = "https://app.example.test/oauth/"


def registered(sandbox: Sandbox, redirect_uri: str = REDIRECT, **more: Any) -> None:
    sandbox.crm.oauth.integrations[CLIENT_ID] = Integration(
        client_id=CLIENT_ID, client_secret=SECRET, redirect_uri=redirect_uri, **more
    )


@pytest.fixture
async def person(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    registered(sandbox)
    async with httpx.AsyncClient(base_url=sandbox.base_url) as client:
        yield client


async def ask(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    whole = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "grant_type": "refresh_token" if "refresh_token" in fields else "authorization_code",
    }
    return await client.post("/oauth2/access_token", json={**whole, **fields})


async def new_code(client: httpx.AsyncClient) -> str:
    made = await client.post(f"/sandbox/integrations/{CLIENT_ID}/code")
    return str(made.json()["code"])


async def tokens(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(client, code=await new_code(client))).json()
    return found


async def status_with(client: httpx.AsyncClient, access_token: str, **headers: str) -> int:
    bearer = {"Authorization": f"Bearer {access_token}", **headers}
    return (await client.get("/api/v4/account", headers=bearer)).status_code


async def test_a_person_allows_and_the_integration_gets_in(
    sandbox: Sandbox, person: httpx.AsyncClient
) -> None:
    page = await person.get("/oauth", params={"client_id": CLIENT_ID, "state": '"><b>'})
    form = {"client_id": CLIENT_ID, "state": "st", "user_id": "500", "decision": "allow"}
    answer = await person.post("/oauth", data=form)
    back = urlsplit(answer.headers["location"])
    query = {key: value for key, (value,) in parse_qs(back.query).items()}
    granted = await ask(person, code=query["code"])

    assert "Vera Lindqvist" in page.text
    assert "<b>" not in page.text
    assert f"{back.scheme}://{back.netloc}{back.path}" == REDIRECT
    assert (query["state"], query["client_id"], query["platform"]) == ("st", CLIENT_ID, "2")
    assert query["referer"] == sandbox.base_url.removeprefix("http://")
    assert granted.json()["expires_in"] == 86_400
    assert await status_with(person, granted.json()["access_token"]) == 200
    claims = granted.json()["access_token"].split(".")[1]
    told = orjson.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (told["account_id"], told["api_domain"]) == (32_000_001, query["referer"])


async def test_a_person_denies(person: httpx.AsyncClient) -> None:
    form = {"client_id": CLIENT_ID, "state": "st", "decision": "deny"}
    answer = await person.post("/oauth", data=form)
    unknown = await person.get("/oauth?client_id=x")
    manager = await person.post("/oauth", data={**form, "decision": "allow", "user_id": "501"})

    assert parse_qs(urlsplit(answer.headers["location"]).query) == {
        "error": ["access_denied"],
        "client_id": [CLIENT_ID],
        "state": ["st"],
    }
    assert (unknown.status_code, manager.status_code) == (400, 403)


@pytest.mark.parametrize(
    ("wrong", "status", "hint"),
    [
        ({"code": "nonsense"}, 400, "Cannot decrypt the authorization code"),
        ({"client_id": ""}, 400, "Check the `client_id` parameter"),
        ({"client_secret": None}, 400, "Check the `client_secret` parameter"),
        ({"redirect_uri": "https://other.test"}, 400, "Redirect URI is not associated with client"),
        ({"client_secret": "guess"}, 401, None),
        ({"refresh_token": "nonsense"}, 400, "Invalid refresh token"),
        ({"grant_type": "password"}, 400, "Check the `grant_type` parameter"),
    ],
)
async def test_refusals_have_the_documented_hints(
    person: httpx.AsyncClient, wrong: dict[str, Any], status: int, hint: str | None
) -> None:
    answer = await ask(person, **{"code": await new_code(person), **wrong})

    assert (answer.status_code, answer.json().get("hint")) == (status, hint)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_code_is_good_once_and_for_twenty_minutes(
    sandbox: Sandbox, person: httpx.AsyncClient
) -> None:
    code = await new_code(person)
    await ask(person, code=code)
    again = await ask(person, code=code)
    late = sandbox.crm.oauth.code(CLIENT_ID, sandbox.account.id, 500, expires_at=1)
    expired = await ask(person, code=late)

    assert again.json()["hint"] == "Authorization code has been revoked"
    assert expired.json()["hint"] == "Authorization code has expired"


async def test_a_lost_answer_can_be_asked_for_again(
    sandbox: Sandbox, person: httpx.AsyncClient
) -> None:
    first = await tokens(person)
    sandbox.knobs.turn({"lose_refresh_next": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(person, refresh_token=first["refresh_token"])
    second = await ask(person, refresh_token=first["refresh_token"])
    third = await ask(person, refresh_token=second.json()["refresh_token"])
    spent = await ask(person, refresh_token=first["refresh_token"])

    assert (second.status_code, third.status_code) == (200, 200)
    assert (spent.status_code, spent.json()["hint"]) == (401, "Token has been revoked")
    assert "refresh" not in "".join(row.body for row in sandbox.journal.requests)


async def test_two_who_refresh_at_once_kill_each_others_tokens(
    sandbox: Sandbox, person: httpx.AsyncClient
) -> None:
    first = await tokens(person)
    one = await ask(person, refresh_token=first["refresh_token"])
    other = await ask(person, refresh_token=first["refresh_token"])
    loser = await ask(person, refresh_token=one.json()["refresh_token"])
    sandbox.knobs.turn({"refresh_grace": False})
    strict = await tokens(person)
    await ask(person, refresh_token=strict["refresh_token"])
    repeated = await ask(person, refresh_token=strict["refresh_token"])

    assert (one.status_code, other.status_code) == (200, 200)
    assert (loser.status_code, repeated.status_code) == (401, 401)


async def test_access_ends_after_a_day_and_refreshing_after_three_months(
    sandbox: Sandbox, person: httpx.AsyncClient
) -> None:
    pair = await tokens(person)
    now = sandbox.crm.clock.second()
    holder = sandbox.crm.oauth.holder

    assert holder(pair["access_token"], sandbox.account.id, now + 86_000) is not None
    assert holder(pair["access_token"], sandbox.account.id, now + 86_401) is None
    assert sandbox.crm.oauth.account_id_of(pair["refresh_token"], now + 7_775_000) is not None
    assert sandbox.crm.oauth.account_id_of(pair["refresh_token"], now + 7_776_001) is None


async def test_a_form_is_taken_like_json(person: httpx.AsyncClient) -> None:
    fields = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "grant_type": "authorization_code",
        "code": await new_code(person),
    }

    assert (await person.post("/oauth2/access_token", data=fields)).status_code == 200


async def test_a_widget_is_installed_and_uninstalled_from_server_to_server(
    sandbox: Sandbox, person: httpx.AsyncClient, receiver: Receiver
) -> None:
    registered(sandbox, receiver.base_url + "/in", uninstall_uri=receiver.base_url + "/out")
    installed = await person.post(f"/sandbox/integrations/{CLIENT_ID}/install")
    query = parse_qs(urlsplit(receiver.hooks[0].path).query)
    pair = await ask(person, code=query["code"][0], redirect_uri=receiver.base_url + "/in")
    before = await status_with(person, pair.json()["access_token"])
    gone = await person.post(f"/sandbox/integrations/{CLIENT_ID}/uninstall")
    told = parse_qs(urlsplit(receiver.hooks[1].path).query)

    assert (installed.json(), gone.json()) == ({"status": 200}, {"status": 200})
    assert query["from_widget"] == ["1"]
    assert "state" not in query
    assert receiver.hooks[1].headers["user-agent"] == "amoService-oAuth-Code-Sender/1.0"
    assert told["signature"] == ["d0598f01a5707ae2e9ae8eb990c172f8c83b25c32810456a3f786bf81dcd371e"]
    assert told["signature"] == [uninstall_signature(CLIENT_ID, 32_000_001, SECRET)]
    assert (before, await status_with(person, pair.json()["access_token"])) == (200, 401)


async def test_a_widgets_token_is_signed_with_the_secret(person: httpx.AsyncClient) -> None:
    path = f"/sandbox/integrations/{CLIENT_ID}/one-time-token"
    token = (await person.post(path, json={"user_id": 501})).json()["token"]
    signed, _, signature = token.rpartition(".")
    digest = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    claims = signed.split(".")[1]
    told = orjson.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))

    assert signature == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert (told["aud"], told["user_id"]) == ("https://app.example.test", 501)
    assert told["exp"] - told["iat"] == 1_800


@pytest.mark.parametrize(
    ("user", "status"), [("501", 200), ("999", 401), ("502", 401), ("x", 401), ("503", 401)]
)
async def test_a_call_in_anothers_name_needs_somebody_who_may(
    sandbox: Sandbox, person: httpx.AsyncClient, user: str, status: int
) -> None:
    sandbox.account.users[502].is_free = True
    sandbox.account.users[503].is_active = False
    path = "/sandbox/tokens"
    order = {"client_id": CLIENT_ID, "days": 30}
    token = (await person.post(path, json=order)).json()["token"]

    headers = {"X-Context-User-ID": user}
    assert await status_with(person, token, **headers) == status
    assert await status_with(person, token) == 200


@pytest.mark.server
async def test_accounts_of_one_kommo_share_integrations_and_the_limit() -> None:
    other = Neighbour(account=sample_account(1, place=1))
    async with running_sandbox(neighbours=[other]) as first:
        (second,) = first.neighbours
        registered(first)
        async with (
            httpx.AsyncClient(base_url=first.base_url) as one,
            httpx.AsyncClient(base_url=second.base_url) as two,
        ):
            pair = await tokens(two)
            elsewhere = await ask(one, code=await new_code(two))
            by_host = {"Host": f"{second.account.subdomain}.kommo.com"}
            statuses = [
                await status_with(two, pair["access_token"]),
                await status_with(one, pair["access_token"]),
                await status_with(one, pair["access_token"], **by_host),
                await status_with(one, pair["access_token"], Host="nobody.kommo.com"),
            ]
            first.knobs.turn({"too_many_next": 1, "requests_per_second": 10_000})
            limited = await status_with(two, pair["access_token"])
            second.knobs.turn({"blocked": True})
            blocked = [await status_with(two, "x"), await status_with(one, first.token)]

    assert elsewhere.json()["hint"] == "Invalid account"
    assert statuses == [200, 401, 200, 404]
    assert (limited, blocked) == (429, [403, 200])
    assert first.account.leads.keys().isdisjoint(second.account.leads)
    assert first.account.users.keys().isdisjoint(second.account.users)


async def test_a_renamed_account_is_found_by_its_refresh_token(person: httpx.AsyncClient) -> None:
    pair = await tokens(person)
    await person.post("/sandbox/subdomain", json={"subdomain": "newname"})
    headers = {"X-Refresh-Token": pair["refresh_token"]}
    found = await person.get("/oauth2/account/current/subdomain", headers=headers)
    unknown = await person.get("/oauth2/account/current/subdomain")
    by_old_name = await status_with(person, pair["access_token"], Host="acme.kommo.com")

    assert (found.json()["id"], found.json()["subdomain"]) == (32_000_001, "newname")
    assert (unknown.status_code, by_old_name) == (401, 404)
