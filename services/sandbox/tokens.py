"""Tokens as Kommo makes them: JWTs for access, opaque texts for codes and refreshing.

Kommo signs access tokens with a key that nobody else has, so no client can check them; here it is
a key of the running sandbox. One-time tokens are signed with the secret of their integration.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final

import orjson

OPAQUE_PREFIX: Final = "def502"


def opaque() -> str:
    """Make a code or a refresh token: as long and as meaningless as Kommo's."""
    return OPAQUE_PREFIX + secrets.token_hex(160)


def jwt(claims: Mapping[str, Any], key: str) -> str:
    """Write and sign claims."""
    header = _part({"typ": "JWT", "alg": "HS256"})
    signed = f"{header}.{_part(claims)}"
    digest = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_text(digest)}"


def _part(content: Mapping[str, Any]) -> str:
    return _text(orjson.dumps(content))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def uninstall_signature(client_id: str, account_id: int, secret: str) -> str:
    """Sign that an integration was disabled."""
    told = f"{client_id}|{account_id}".encode()
    return hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
