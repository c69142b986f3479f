"""Signing in by an identity provider (W7)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest
from joserfc.jwk import ECKey
from pydantic import SecretStr, ValidationError

from services.access.oidc import IdentityProvider, ProviderAway
from services.access.oidc_roles import grants_of_groups, parse_roles
from services.access.people import Person
from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.application.people import holding, outer
from services.application.people.signing_in import NextStep, SignedIn
from services.application.refused import Refused
from tests.services.access.kit import grant, somebody
from tests.services.application.people.kit import AGENT, NOBODY, ROOT, browser
from tests.services.application.people.provider import CLIENT, ISSUER, Provider
from tests.services.conftest import QUICK
from tests.support.vault import VAULT

ADDRESS = "https://leads.example.com"
SETTINGS = AccessSettings(
    oidc_issuer=ISSUER,
    oidc_client_id=CLIENT,
    oidc_client_secret=SecretStr("a shared secret"),
    oidc_roles="sales-heads=supervisor@32000001, cn=it=operator, cn=it=administrator",
)


@dataclass(slots=True)
class Site:
    """A site whose people may sign in by a provider."""

    access: Access
    provider: Provider = field(default_factory=Provider)

    async def sent(self, **who: Any) -> tuple[outer.OuterStep, str]:
        """Somebody's browser was sent there, and they agreed."""
        step = await outer.begin_outer(self.access, address=ADDRESS, **who)
        return step, self.provider.allow(step.address)

    async def comes_back(
        self, step: outer.OuterStep, state: str, *, code: str = "code", at: datetime | None = None
    ) -> SignedIn | NextStep:
        return await outer.sign_in_by_provider(
            self.access,
            browser=step.browser.get_secret_value(),
            state=state,
            code=code,
            address=ADDRESS,
            caller=NOBODY,
            agent=AGENT,
            at=at or datetime.now(UTC),
        )

    async def signs_in(self, **claims: Any) -> Person:
        """Somebody of whom the provider says this."""
        self.provider.claims = claims
        answer = await self.comes_back(*await self.sent())
        assert isinstance(answer, SignedIn)
        return answer.person


@pytest.fixture
async def site(access: Access, owner: Any) -> AsyncIterator[Site]:
    await owner.execute("TRUNCATE people CASCADE")
    made = Site(Access(access.pool, VAULT, SETTINGS, QUICK))
    made.access.__dict__["provider"] = IdentityProvider(SETTINGS, made.provider.transport())
    yield made
    made.access.hashing.close()


async def test_whoever_the_provider_knows_is_let_in_with_the_roles_of_their_groups(
    site: Site,
) -> None:
    first = await site.signs_in()
    again = await site.signs_in(email="new@id.example.com", name="Ana Rossi")

    assert (first.name, first.login) == ("Ana Lima", "ana@id.example.com")
    assert first.grants == (grant("supervisor", 32_000_001),)
    assert again.id == first.id
    told = [each.what for each in await site.access.log.of_person(first.id, limit=9)]
    assert told == ["signed_in", "signed_in", "provider_added"]


async def test_roles_come_and_go_with_groups_and_those_given_by_hand_stay(site: Site) -> None:
    person = await site.signs_in()
    await holding.grant(site.access, ROOT, person.id, grant("viewer", 5))

    moved = await site.signs_in(groups=["cn=it"])
    assert moved.grants == (
        grant("administrator", None),
        grant("operator", None),
        grant("viewer", 5),
    )
    left = await site.signs_in(groups=["strangers"])
    assert left.grants == (grant("viewer", 5),)
    await holding.revoke(site.access, ROOT, person.id, grant("viewer", 5))
    with pytest.raises(Refused, match="outer_without_role"):
        await site.signs_in(groups=[])


@pytest.mark.parametrize("groups", [None, [], "strangers", {"a": 1}, [7, None], 7])
async def test_S8_whoever_is_in_no_group_is_not_let_in(site: Site, groups: Any) -> None:
    with pytest.raises(Refused, match="outer_without_role"):
        await site.signs_in(groups=groups)

    assert await site.access.people.all() == []


async def test_S29_nobody_becomes_somebody_by_their_e_mail(site: Site) -> None:
    await somebody(site.access, grant("operator", None), login="Ana@id.example.com")

    with pytest.raises(Refused, match="outer_taken"):
        await site.signs_in()


async def test_somebody_who_is_signed_in_adds_the_provider(site: Site) -> None:
    person, who, _ = await browser(site.access, grant("viewer", 5))
    _, other, _ = await browser(site.access)

    async def add(by: Any, *, began: Any) -> None:
        step, state = await site.sent(who=began)
        await outer.add_provider(
            site.access,
            by,
            browser=step.browser.get_secret_value(),
            state=state,
            code="code",
            address=ADDRESS,
            at=datetime.now(UTC),
        )

    with pytest.raises(Refused, match="step_over"):
        await add(other, began=who)
    await add(who, began=who)
    assert (await site.signs_in(groups=[])).id == person.id
    with pytest.raises(Refused, match="outer_taken"):
        await add(other, began=other)
    step, state = await site.sent(who=other)
    with pytest.raises(Refused, match="step_over"):
        await site.comes_back(step, state)


async def test_whoever_has_an_app_is_asked_for_its_code_and_the_disabled_are_not_let_in(
    site: Site,
) -> None:
    person = await site.signs_in()
    secret = await site.access.codes.begin(person.id, person.login)
    assert secret is not None
    now = datetime.now(UTC)
    app = pyotp.TOTP(secret.secret.get_secret_value())
    await site.access.codes.confirm(person.id, app.at(now), at=now)

    answer = await site.comes_back(*await site.sent())
    assert isinstance(answer, NextStep)
    assert answer.needs == "code"
    await site.access.people.disable(person.id)
    with pytest.raises(Refused, match="sign_in_wrong"):
        await site.signs_in()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},  # without saying which of them it is for
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"nbf": 2**40},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
    ids=str,
)
async def test_S29_a_token_that_is_not_for_us_and_now_is_refused(
    site: Site, claims: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="outer_not_true"):
        await site.signs_in(**claims)


async def test_S29_a_token_that_the_provider_did_not_sign_is_refused(site: Site) -> None:
    site.provider.signing = ECKey.generate_key("P-256", {"kid": "1"})
    with pytest.raises(Refused, match="outer_not_true"):
        await site.signs_in()
    site.provider.signing, site.provider.header = site.provider.shared_secret(), {"alg": "HS256"}
    with pytest.raises(Refused, match="outer_not_true"):
        await site.signs_in()
    site.provider.signing, site.provider.header = None, {"alg": "none"}
    with pytest.raises(Refused, match="outer_not_true"):
        await site.signs_in()


async def test_keys_that_the_provider_changed_are_asked_for_and_not_all_day(site: Site) -> None:
    await site.signs_in()
    site.provider.key = ECKey.generate_key("P-256", {"kid": "2", "use": "sig"})
    site.provider.header = {"kid": "2"}
    provider = site.access.provider
    assert provider is not None
    before = site.provider.asked.count("/keys")

    for _ in range(3):
        with pytest.raises(Refused, match="outer_not_true"):
            await site.signs_in()
    assert site.provider.asked.count("/keys") == before
    provider._keys_at -= 61
    await site.signs_in()
    assert site.provider.asked.count("/keys") == before + 1


async def test_S10_an_answer_that_another_browser_began_is_refused(site: Site) -> None:
    mine, my_state = await site.sent()
    theirs, their_state = await site.sent()

    with pytest.raises(Refused, match="outer_not_true"):
        await site.comes_back(mine, their_state)
    with pytest.raises(Refused, match="step_over"):
        await site.comes_back(mine, my_state)  # one answer to one question
    with pytest.raises(Refused, match="outer_not_true"):
        await site.comes_back(theirs, their_state, code="guessed")


async def test_a_code_is_used_once_and_soon(site: Site, owner: Any) -> None:
    step, state = await site.sent()
    await site.comes_back(step, state)
    with pytest.raises(Refused, match="step_over"):
        await site.comes_back(step, state)

    step, state = await site.sent()
    await owner.execute("UPDATE sign_in_steps SET expires_at = expires_at - interval '6 minutes'")
    with pytest.raises(Refused, match="step_over"):
        await site.comes_back(step, state)
    late = datetime.now(UTC) + timedelta(minutes=10)
    with pytest.raises(Refused, match="outer_not_true"):
        await site.comes_back(*await site.sent(), at=late)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", httpx.Response(500, json={})),
        ("/.well-known/openid-configuration", httpx.Response(200, content=b"no JSON")),
        ("/.well-known/openid-configuration", httpx.Response(200, json=[])),
        ("/.well-known/openid-configuration", httpx.Response(200, content=b" " * 600_000)),
        ("/.well-known/openid-configuration", httpx.Response(302, headers={"location": "/"})),
        ("/keys", httpx.Response(200, json={"keys": "none"})),
        ("/keys", httpx.Response(404, json={})),
        ("/token", httpx.Response(200, content=b"<html>")),
    ],
    ids=str,
)
async def test_a_provider_that_does_not_answer_as_one_is_away(
    site: Site, path: str, answer: httpx.Response
) -> None:
    site.provider.answers[path] = answer

    with pytest.raises(ProviderAway):
        await site.signs_in()


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://id.example.com/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://id.example.com/token"},
        {"token_endpoint": 7},
        {"jwks_uri": "file:///etc/passwd"},
    ],
    ids=str,
)
async def test_S35_addresses_of_a_provider_are_https(site: Site, told: dict[str, Any]) -> None:
    site.provider.told |= told

    with pytest.raises(ProviderAway):
        await site.signs_in()


async def test_without_a_provider_nobody_is_sent_anywhere(access: Access) -> None:
    assert not outer.is_by_provider(access)
    with pytest.raises(Refused, match="outer_not_here"):
        await outer.begin_outer(access, address=ADDRESS)


def test_what_groups_give_is_read_from_a_setting() -> None:
    roles = parse_roles(" a=viewer@1, cn=it,ou=x=operator ,, a=supervisor@2 ".replace("it,", "it;"))

    assert grants_of_groups(roles, ["a", "b"]) == (grant("viewer", 1), grant("supervisor", 2))
    assert grants_of_groups(roles, ["cn=it;ou=x"]) == (grant("operator", None),)
    assert grants_of_groups(roles, []) == ()


@pytest.mark.parametrize(
    "text",
    ["a", "a=", "=viewer", "a=emperor", "a=viewer@", "a=viewer@x", "a=viewer@0", "a=operator@1",
     "a=manager@1", "a=viewer@99999999999999999999"],
)  # fmt: skip
def test_nonsense_in_that_setting_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValidationError, match="GROUP=ROLE"):
        AccessSettings(oidc_roles=text)


@pytest.mark.parametrize(
    "issuer", ["http://id.example.com", "id.example.com", "https://", "https://a@b", "https://b?x"]
)
def test_S35_an_issuer_is_over_https(issuer: str) -> None:
    with pytest.raises(ValidationError):
        AccessSettings(oidc_issuer=issuer, oidc_client_id="x")
    with pytest.raises(ValidationError, match="OIDC_CLIENT_ID"):
        AccessSettings(oidc_issuer=ISSUER)
