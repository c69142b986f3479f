"""Who is let in to work in the widget (S6, S7), and from which pages (S13)."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from services.application.integrations import register_integration
from services.sandbox.sample import ADMIN_ID
from services.sandbox.tokens import jwt
from services.storage.database import borrow
from tests.services.access.kit import grant, somebody
from tests.services.oauth.kit import OPERATOR, REDIRECT, SECRET
from tests.services.widget.kit import AUDIENCE, ISSUER, Lobby, lobby

OTHER = "99999999-2222-4333-8444-555555555555"
OTHER_SECRET = OTHER * 2
DAY_S = 86_400

pytestmark = pytest.mark.server


def part(data: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(data)).rstrip(b"=").decode()


def forged(head: Mapping[str, Any], claims: Mapping[str, Any], signature: str) -> str:
    return f"{part(head)}.{part(claims)}.{signature}"


def bad_tokens(here: Lobby) -> dict[str, str]:
    """Name to a token that is not to be taken: S6's list."""
    now, claims = int(here.clock.now().timestamp()), here.claims()
    true = here.token()
    head, body, signature = true.split(".")
    hs512 = jwt(claims, SECRET.get_secret_value()).split(".")
    found = {
        "empty": "",
        "no token": "x.y.z",
        "none": forged({"alg": "none"}, claims, "x"),
        "none, unsigned": forged({"alg": "none"}, claims, ""),
        "RS256": forged({"alg": "RS256"}, claims, signature),
        "HS512": forged({"alg": "HS512"}, claims, hs512[2]),
        "altered": f"{head}.{part({**claims, 'user_id': ADMIN_ID})}.{signature}",
        "empty signature": f"{head}.{body}.",
        "second signature": f"{true}.{signature}",
        "another key": here.token(key="guessed"),
        "other aud": here.token(aud="https://other.example.test"),
        "aud list": here.token(aud=[AUDIENCE]),
        "aud with slash": here.token(aud=f"{AUDIENCE}/"),
        "iss of another host": here.token(iss="https://evil.kommo.com"),
        "iss with slash": here.token(iss=f"{ISSUER}/"),
        "over": here.token(iat=now - 1_900, nbf=now - 1_900, exp=now - 31),
        "of the future": here.token(iat=now + 60, nbf=now + 60, exp=now + 600),
        "of ten years": here.token(exp=now + 3_650 * DAY_S),
        "text as account": here.token(account_id=str(claims["account_id"])),
        "text as user": here.token(user_id="501"),
        "nobody's account": here.token(account_id=1),
        "unknown integration": here.token(client_uuid=OTHER[::-1]),
        "another integration, own account": here.token(client_uuid=OTHER, key=OTHER_SECRET),
        "own integration, another's key": here.token(key=OTHER_SECRET),
        "endless": f"{true}{'A' * 5_000}",
    }
    for name in ("jku", "jwk", "x5u", "crit", "kid"):
        headed = f"{part({'alg': 'HS256', name: ['https://evil.test']})}.{body}"
        found[name] = f"{headed}.{signature}"
    for name in claims.keys() - {"subdomain"}:
        found[f"without {name}"] = here.token(**{name: None})
    return found


SWITCHED = {"enabled": False, "managers_may_change": False}


async def test_S6_only_a_true_token_of_the_account_and_its_page_begins_a_session(pool: Any) -> None:
    async with lobby(pool) as here, here.stranger() as client:
        await register_integration(
            here.here.installation,
            OPERATOR,
            client_id=OTHER,
            secret=SecretStr(OTHER_SECRET),
            redirect_uri=REDIRECT,
        )
        refused = {
            name: (await here.enter(client, token)).status_code
            for name, token in bad_tokens(here).items()
        }
        elsewhere = [
            (await here.enter(client, here.token(), origin)).status_code
            for origin in ("", "null", "http://evil.test", f"{here.origin}.evil.test")
        ]
        good = await here.enter(client, here.token())
        begun = good.json()
        client.headers["authorization"] = f"Bearer {begun['token']}"

    assert {name: status for name, status in refused.items() if status != 401} == {}
    assert elsewhere == [401] * 4
    assert good.status_code == 200, good.text
    assert (begun["user_id"], begun["role"], begun["is_connected"]) == (501, "manager", True)


async def test_S6_a_token_works_twenty_times_for_one_user_on_one_page_until_it_ends(
    pool: Any,
) -> None:
    async with lobby(pool) as here, here.stranger() as client:
        token = here.token(jti="shown-again")
        first = [(await here.enter(client, token)).status_code for _ in range(21)]
        of_another = here.token(jti="shown-again", user_id=502)
        second = await here.enter(client, of_another)
        other_page = "https://acme.kommo.com"
        moved = here.token(jti="moves-over")
        pages = [
            (await here.enter(client, moved, origin)).status_code
            for origin in (here.origin, other_page)
        ]
        async with borrow(pool) as connection:
            kept = await connection.fetchval("SELECT max(uses) FROM widget_proofs")

    assert first == [200] * 20 + [401]
    assert second.status_code == 401
    assert pages == [200, 401]
    assert kept == 20


async def test_S7_what_somebody_may_follows_from_grants_and_from_kommo_never_from_the_token(
    pool: Any,
) -> None:
    async with lobby(pool) as here, here.stranger() as client:
        crm, account_id = here.here.sandbox.crm, here.claims()["account_id"]
        await somebody(here.access, grant("supervisor", account_id, 502))
        crm.account.users[503].is_active = False

        roles = {}
        for user_id in (ADMIN_ID, 501, 502, 503, 999_999):
            answer = await here.enter(client, here.token(user_id=user_id, is_admin=True))
            roles[user_id] = answer.json()["role"]
        crm.account.users[504].is_admin = False
        before = await here.enter(client, here.token(user_id=504))
        crm.account.users[504].is_admin = True
        within_ten_minutes = await here.enter(client, here.token(user_id=504))
        forged = await here.enter(client, here.token(user_id=501, is_admin=True))
        client.headers["authorization"] = f"Bearer {forged.json()['token']}"
        client.headers["origin"] = here.origin
        rule = {"pipeline": 1, "stage": 1, "form": {"everyone": True}}
        changed = [
            (await client.post("/widget/v1/rules", json=rule)).status_code,
            (await client.put("/widget/v1/activity", json=SWITCHED)).status_code,
        ]

    assert changed == [403, 403]
    assert roles == {
        ADMIN_ID: "administrator",
        501: "manager",
        502: "supervisor",
        503: "none",
        999_999: "none",
    }
    assert before.json()["role"] == within_ten_minutes.json()["role"] == "manager"


async def test_S13_pages_of_accounts_that_have_the_integration_may_call_and_no_others(
    pool: Any,
) -> None:
    async with lobby(pool) as here, here.stranger() as client:
        asked = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-auth-token",
        }
        answers = {
            origin: await client.options("/widget/v1/session", headers={"origin": origin, **asked})
            for origin in (
                here.origin,
                "null",
                f"{here.origin}.evil.test",
                here.origin.replace("http:", "https:"),
                "http://evilkommo.com",
                "https://acme.kommo.com.evil.test",
            )
        }
        good = answers.pop(here.origin)
        taken = await here.enter(client, here.token())
        elsewhere = await here.enter(client, here.token(), "https://acme.kommo.com.evil.test")

    allowed = {each.strip() for each in good.headers["access-control-allow-headers"].split(",")}
    assert allowed == {"x-auth-token", "authorization", "content-type", "idempotency-key"}
    assert good.headers["access-control-allow-origin"] == here.origin
    assert good.headers["access-control-max-age"] == "600"
    assert taken.headers["access-control-allow-origin"] == here.origin
    for answer in (good, taken, elsewhere, *answers.values()):
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers
    for answer in (elsewhere, *answers.values()):
        assert "access-control-allow-origin" not in answer.headers
        assert answer.status_code in {401, 403}
