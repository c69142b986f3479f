"""Signatures as Standard Webhooks has them: made here, verified by any library of theirs.

webhook-id: 32000001-512
webhook-timestamp: 1760000000
webhook-signature: v1,<of the present secret> v1,<of the one before, while it is valid>
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from pydantic import SecretStr

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> SecretStr:
    """256 random bits, as receivers are given them."""
    return SecretStr(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def headers_of(
    message_id: str, body: bytes, keys: Iterable[SecretStr], *, at: datetime
) -> dict[str, str]:
    """The headers that prove who sent a body, and when.

    Args:
        message_id: The same at every attempt: receivers drop what they had by it.
        body: What is sent, to the byte.
        keys: The secrets, the present one first.
        at: When it is sent: receivers refuse what is older than minutes.

    Source:
        https://www.standardwebhooks.com, version 1, symmetric keys.
    """
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(key: SecretStr, signed: bytes) -> str:
    raw = base64.b64decode(key.get_secret_value().removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(raw, signed, hashlib.sha256)).decode()
