"""The client's secret goes to hosts of Kommo alone, at public addresses (S14)."""

from typing import Any

import pytest
from pydantic import SecretStr

from contracts.kommo.oauth import claims_of
from services.kommo.address import NoAddress
from services.kommo.errors import Unreachable
from services.oauth.endpoint import Client, TokenEndpoint
from services.oauth.hosts import base_url_of
from services.sandbox.tokens import jwt

CLIENT = Client(
    client_id="11111111-2222-4333-8444-555555555555",
    secret=SecretStr("sim-secret"),
    redirect_uri="https://leads.example.test/oauth/kommo",
)
NOT_KOMMOS = (
    "",
    "evil.test",
    "acme.kommo.com.evil.test",
    "acme.kommo.com@evil.test",
    "evil.test/acme.kommo.com",
    "evil.test#.kommo.com",
    "evilkommo.com",
    "127.0.0.1",
    "127.0.0.1:80",
    "[::1]",
    "[::1]:80",
    "2130706433",
    "0177.0.0.1",
    "localhost",
    "localhost:8080",
    "acme%2ekommo.com",
    "ACME.kommo.com",
    "acme.kommo.com.",
    "acme.kommo.com:443",
    "acme.b.kommo.com",
    "acme.kommo.com\r\nX: y",
    "acme\n.kommo.com",
    "аcme.kommo.com",  # noqa: RUF001 - a Cyrillic letter
    "https://acme.kommo.com",
    f"{'a' * 290}.kommo.com",
)


@pytest.mark.parametrize("host", NOT_KOMMOS)
def test_S14_no_other_host_is_one_of_kommos(host: str) -> None:
    with pytest.raises(NoAddress):
        base_url_of(host, allows_local=False)


@pytest.mark.parametrize("host", [each for each in NOT_KOMMOS if ":80" not in each])
def test_S14_beside_a_simulation_neither(host: str) -> None:
    with pytest.raises(NoAddress):
        base_url_of(host, allows_local=True)


def test_S14_hosts_of_kommo_and_its_sisters_are() -> None:
    for host in ("acme.kommo.com", "acme-2.amocrm.com", "acme.amocrm.ru"):
        assert base_url_of(host, allows_local=False) == f"https://{host}"
    assert base_url_of("127.0.0.1:8081", allows_local=True) == "http://127.0.0.1:8081"


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "169.254.169.254", "::1", "fd00::1"])
async def test_S14_an_allowed_name_at_an_address_that_is_not_public_is_not_called(
    address: str,
) -> None:
    async def resolve(_: str) -> list[str]:
        return ["93.184.216.34", address]

    endpoint = TokenEndpoint(allows_local=False, resolve=resolve)
    with pytest.raises(Unreachable, match="not a public address") as refused:
        await endpoint.by_code("https://acme.kommo.com", CLIENT, SecretStr("code"))

    assert not refused.value.may_have_happened


@pytest.mark.parametrize(
    "token",
    ["", "a.b", "a.b.c", "a.!!!.c", f"a.{'e' * 10_000}.c", "a.bnVsbA.c", "a.eyJleHAiOi0xfQ.c"],
)
def test_S26_a_token_that_cannot_be_read_says_nothing(token: str) -> None:
    claims = claims_of(SecretStr(token))

    assert (claims.expires_at, claims.account_id, claims.api_domain) == (None, None, None)


def test_a_token_says_when_it_ends_and_whose_it_is() -> None:
    told: dict[str, Any] = {"exp": 1_900_000_000, "account_id": 7, "api_domain": "api.kommo.com"}
    claims = claims_of(SecretStr(jwt(told, "key")))

    assert claims.expires_at is not None
    assert int(claims.expires_at.timestamp()) == 1_900_000_000
    assert (claims.account_id, claims.api_domain) == (7, "api.kommo.com")
