"""An identity provider that people may sign in by: OpenID Connect, code with PKCE (W7).

Source:
    OpenID Connect Core 1.0, RFC 7636, RFC 9700. Authlib judges the claims, joserfc the signature.
    Addresses and keys come from the issuer of the settings alone.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped] # it ships no types
    create_s256_code_challenge,
)
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped] # the same
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.access.settings import AccessSettings, is_safe
from services.access.tokens import new_token
from services.shared.errors import Unavailable

KNOWN_FOR_S = 3_600.0
# A token by a key that is not known asks for the keys again, but nobody can make us ask all day.
KEYS_ASKED_EVERY_S = 60.0
WITHIN_S = 10.0
ANSWER_BYTES_MAX = 512 * 1_024
LEEWAY_S = 60
# By public keys alone; never by the secret that we share, and never unsigned.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519"]
SCOPE = "openid profile email"
OK = 200


class ProviderAway(Unavailable):
    """The identity provider does not answer, or not as one."""


class TokenNotTrue(Exception):
    """The code was not taken, or what came for it is not for us, not now, or not signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterClaims:
    """What a provider says of somebody.

    Attributes:
        subject: Who they are there, for ever.
        groups: As the claim of the settings has them.
    """

    subject: str
    name: str
    email: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterQuestion:
    """Where a browser is sent, and what its answer is judged by."""

    address: str
    nonce: str
    verifier: str


@dataclass(slots=True)
class IdentityProvider:
    """The one of the settings; a process that serves people keeps one."""

    settings: AccessSettings
    transport: httpx.AsyncBaseTransport | None = None
    _known: Mapping[str, Any] = field(default_factory=dict)
    _known_at: float = float("-inf")
    _keys: KeySet | None = None
    _keys_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def issuer(self) -> str:
        """Its name, as it is told by its tokens."""
        assert self.settings.oidc_issuer is not None, "there is one only if one is set"  # noqa: S101
        return self.settings.oidc_issuer

    async def ask(self, *, state: str, redirect: str) -> OuterQuestion:
        """Where to send a browser.

        Args:
            state: Comes back with the answer.
            redirect: Where the browser comes back to; the provider knows it.

        Raises:
            ProviderAway: It cannot be asked.
        """
        nonce, verifier = new_token(), new_token()
        query = {
            "response_type": "code",
            "client_id": self.settings.oidc_client_id,
            "redirect_uri": redirect,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        place = await self._place("authorization_endpoint")
        address = f"{place}{'&' if '?' in place else '?'}{urlencode(query)}"
        return OuterQuestion(address=address, nonce=nonce, verifier=verifier)

    async def claims(
        self, code: str, *, verifier: str, nonce: str, redirect: str, at: datetime
    ) -> OuterClaims:
        """Who has answered.

        Raises:
            ProviderAway: It cannot be asked.
            TokenNotTrue: Nobody, as far as we can be sure.
        """
        token = await self._exchanged(code, verifier=verifier, redirect=redirect)
        decoded = await self._decoded(token)
        params = {"nonce": nonce, "client_id": self.settings.oidc_client_id}
        async with self._lock:
            issuer = (await self._discovered())["issuer"]  # with a slash at its end, if it has one
        options = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": self.settings.oidc_client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        judged = CodeIDToken(decoded.claims, decoded.header, options, params)
        try:
            judged.validate(now=int(at.timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenNotTrue("the token is not for us, or not of now") from error
        return self._told(decoded.claims)

    def _told(self, claims: Mapping[str, Any]) -> OuterClaims:
        subject, groups = claims.get("sub"), claims.get(self.settings.oidc_roles_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # noqa: PLR2004 - the standard's bound
            raise TokenNotTrue("the token tells nobody")
        listed = [groups] if isinstance(groups, str) else groups
        email, name = claims.get("email"), claims.get("name")
        return OuterClaims(
            subject=subject,
            name=name if isinstance(name, str) else "",
            email=email if isinstance(email, str) else "",
            groups=tuple(each for each in listed if isinstance(each, str))
            if isinstance(listed, list)
            else (),
        )

    async def _exchanged(self, code: str, *, verifier: str, redirect: str) -> str:
        """The token for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self.settings.oidc_client_id,
            "code_verifier": verifier,
        }
        secret = self.settings.oidc_client_secret
        if secret is not None:
            form["client_secret"] = secret.get_secret_value()
        place = await self._place("token_endpoint")
        status, answer = await self._asked("POST", place, form)
        if status != OK:
            raise TokenNotTrue("the provider did not take the code")
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise TokenNotTrue("the provider gave no token")
        return token

    async def _decoded(self, token: str) -> jwt.Token:
        for is_asked_again in (False, True):
            keys = await self._signing_keys(is_asked_again=is_asked_again)
            try:
                return jwt.decode(token, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError, LookupError) as error:
                if is_asked_again:
                    raise TokenNotTrue("the token is not signed by the provider") from error
        raise AssertionError("the second time ends it")

    async def _signing_keys(self, *, is_asked_again: bool) -> KeySet:
        async with self._lock:
            age = monotonic() - self._keys_at
            limit = KEYS_ASKED_EVERY_S if is_asked_again else KNOWN_FOR_S
            if self._keys is None or age >= limit:
                status, answer = await self._asked(
                    "GET", await self._place("jwks_uri", locked=True)
                )
                if status != OK:
                    raise ProviderAway("the identity provider tells no keys")
                try:
                    self._keys = KeySet.import_key_set({"keys": answer["keys"]})
                except (JoseError, ValueError, TypeError, LookupError) as error:
                    raise ProviderAway("the identity provider tells keys that are none") from error
                self._keys_at = monotonic()
            return self._keys

    async def _place(self, name: str, *, locked: bool = False) -> str:
        """An address that the provider tells of itself."""
        if locked:
            known = await self._discovered()
        else:
            async with self._lock:
                known = await self._discovered()
        place = known.get(name)
        if not isinstance(place, str) or not is_safe(place):
            raise ProviderAway(f"the identity provider tells no usable {name}")
        return place

    async def _discovered(self) -> Mapping[str, Any]:
        if monotonic() - self._known_at >= KNOWN_FOR_S:
            place = f"{self.issuer}/.well-known/openid-configuration"
            status, answer = await self._asked("GET", place)
            if status != OK or str(answer.get("issuer", "")).rstrip("/") != self.issuer:
                raise ProviderAway("the identity provider does not tell itself as the settings do")
            self._known, self._known_at = answer, monotonic()
        return self._known

    async def _asked(
        self, method: str, address: str, form: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            async with asyncio.timeout(WITHIN_S), self._client() as client:
                request = client.stream(method, address, data=form)
                async with request as response:
                    body = b""
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > ANSWER_BYTES_MAX:
                            raise ProviderAway("the identity provider answers too much")
                    answer = orjson.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise ProviderAway("the identity provider does not answer") from error
        if not isinstance(answer, dict):
            raise ProviderAway("the identity provider does not answer as one")
        return response.status_code, answer

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            transport=self.transport,
            follow_redirects=False,
            timeout=WITHIN_S,
            trust_env=False,
            headers={"Accept": "application/json"},
        ) as client:
            yield client
