"""An identity provider as its standard has it, for tests: it signs what it is told to."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped] # it ships no types
    create_s256_code_challenge,
)
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

ISSUER = "https://id.example.com"
CLIENT = "fairlead"


class Provider:
    """It answers `httpx` in place of a network; each part of it can be made false."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "1", "use": "sig"})
        self.told: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize?tenant=7",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.signing: Any = None
        self.answers: dict[str, httpx.Response] = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def transport(self) -> httpx.MockTransport:
        """The way to it."""
        return httpx.MockTransport(self._answer)

    def allow(self, address: str, code: str = "code") -> str:
        """Somebody agrees at the address that their browser was sent to; the state."""
        said = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert said["response_type"] == "code"
        assert said["code_challenge_method"] == "S256"
        self._codes[code] = said
        return said["state"]

    def token(self, said: dict[str, str]) -> str:
        """What it gives for a code."""
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": ISSUER,
            "sub": "u-501",
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": said["nonce"],
            "email": "ana@id.example.com",
            "name": "Ana Lima",
            "groups": ["sales-heads"],
        } | self.claims
        header = {"alg": "ES256", "kid": "1"} | self.header
        wanted = {name: value for name, value in claims.items() if value is not None}
        if header["alg"] == "none":
            parts = (json.dumps(part).encode() for part in (header, wanted))
            return (
                ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
                + "."
            )
        key = self.signing or self.key
        return jwt.encode(header, wanted, key, algorithms=["ES256", "HS256"])

    def shared_secret(self) -> OctKey:
        """Its public key, as the secret of a signature: an old trick."""
        return OctKey.import_key(json.dumps(self.key.as_dict(private=False)))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self.told)
        if path == "/keys":
            keys = KeySet([self.key]).as_dict(private=False)
            return httpx.Response(200, json=keys)
        return self._exchange(parse_qs(request.content.decode()))

    def _exchange(self, form: dict[str, list[str]]) -> httpx.Response:
        said = self._codes.pop(form["code"][0], None)
        if said is None:
            return httpx.Response(400, json={"error": "invalid_grant"})
        assert create_s256_code_challenge(form["code_verifier"][0]) == said["code_challenge"]
        assert form["redirect_uri"][0] == said["redirect_uri"]
        assert form["client_secret"] == ["a shared secret"]
        return httpx.Response(200, json={"id_token": self.token(said), "token_type": "Bearer"})
