"""Kommo's one-time tokens, by which the widget says who works in it (S6).

Nothing of a token is believed before its signature: only the integration that it names is looked up
by it, in our own table, and the key with it.

Source:
    RFC 7519, RFC 8725.
"""

import warnings
from datetime import datetime
from typing import Annotated, Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OctKey
from joserfc.util import urlsafe_b64decode
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

ALGORITHM = "HS256"
TOKEN_LENGTH_MAX = 4_096
LEEWAY_S = 30
LIFETIME_S_MAX = 3_600
# Below it a secret can be guessed by who has one token (RFC 7518, 3.2).
SECRET_BYTES_MIN = 32
PARTS = 3

Id = Annotated[int, Field(ge=1, lt=2**53)]
Instant = Annotated[int, Field(ge=0, lt=2**40)]


class OneTimeTokenRefused(Exception):
    """It is not taken; the message says why, for the log and for nobody else."""


class OneTimeClaims(BaseModel):
    """What a token that is true says.

    Attributes:
        iss: The address of the account.
        aud: The origin that it is for.
        client_uuid: The integration whose secret has signed it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    iss: str = Field(min_length=1, max_length=300)
    aud: str = Field(min_length=1, max_length=300)
    jti: str = Field(min_length=8, max_length=200)
    iat: Instant
    nbf: Instant
    exp: Instant
    account_id: Id
    user_id: Id
    client_uuid: str = Field(min_length=1, max_length=64)


def client_of(token: str) -> str:
    """The integration that a token names: in whose name nothing is proved yet.

    Raises:
        OneTimeTokenRefused: It is no token of Kommo's.
    """
    _check_head(token)
    return _claims(_part(token, 1)).client_uuid


def claims_of(token: str, secret: SecretStr, *, now: datetime) -> OneTimeClaims:
    """What a token says, once it is known that the integration has signed it, and for now.

    Args:
        token: As it came.
        secret: Of the integration that it names.
        now: When it came.

    Raises:
        OneTimeTokenRefused: It is none, or not signed so, or not for now.
    """
    _check_head(token)
    found = _claims(_verified(token, secret))
    at = now.timestamp()
    if found.exp <= at - LEEWAY_S:
        raise OneTimeTokenRefused("it is over")
    if max(found.nbf, found.iat) > at + LEEWAY_S:
        raise OneTimeTokenRefused("it begins later")
    if not 0 < found.exp - found.iat <= LIFETIME_S_MAX:
        raise OneTimeTokenRefused("it lasts too long")
    return found


def _check_head(token: str) -> None:
    if len(token) > TOKEN_LENGTH_MAX or not token.isascii():
        raise OneTimeTokenRefused("it is no token")
    parts = token.split(".")
    if len(parts) != PARTS or not all(parts):
        raise OneTimeTokenRefused("it has other parts")
    head = _part(token, 0)
    # Whatever else a head may say tells where a key is, or how to read the rest.
    if head.get("alg") != ALGORITHM or not set(head) <= {"alg", "typ"}:
        raise OneTimeTokenRefused("its head is another one")


def _part(token: str, number: int) -> dict[str, Any]:
    try:
        found = orjson.loads(urlsafe_b64decode(token.split(".")[number].encode()))
    except ValueError as error:
        raise OneTimeTokenRefused("it cannot be read") from error
    if not isinstance(found, dict):
        raise OneTimeTokenRefused("it cannot be read")
    return found


def _claims(data: dict[str, Any]) -> OneTimeClaims:
    try:
        return OneTimeClaims.model_validate(data)
    except ValidationError as error:
        raise OneTimeTokenRefused("its claims are others") from error


def _verified(token: str, secret: SecretStr) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            # Who registers a short secret is told so there.
            warnings.simplefilter("ignore", SecurityWarning)
            key = OctKey.import_key(secret.get_secret_value())
        return jwt.decode(token, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError) as error:
        raise OneTimeTokenRefused("it is not signed by the integration") from error
