"""What Kommo tells whoever wants to be let into an account: tokens, and what stands in them."""

import base64
import binascii
import json
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from contracts.kommo.items import ID_MAX, INSTANT_MAX

TOKEN_LENGTH_MAX = 16_384


class TokenPair(BaseModel):
    """The answer to a code, or to a refresh token.

    Attributes:
        expires_in: Of the access token, in seconds from the answer.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    access_token: SecretStr = Field(min_length=1, max_length=TOKEN_LENGTH_MAX)
    refresh_token: SecretStr = Field(min_length=1, max_length=TOKEN_LENGTH_MAX)
    expires_in: int = Field(gt=0, le=10**9)


class RenamedAccount(BaseModel):
    """Where an account is now, whatever it was called before (F61)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: int = Field(ge=1, le=ID_MAX)
    domain: str = Field(min_length=1, max_length=300)


class TokenClaims(BaseModel):
    """What an access token says of itself; nobody but Kommo can tell whether it is true.

    Attributes:
        exp: When it ends, in unix seconds.
        api_domain: The host that knows where the account is by now.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    exp: int | None = Field(default=None, ge=0, le=INSTANT_MAX)
    account_id: int | None = Field(default=None, ge=1, le=ID_MAX)
    api_domain: str | None = Field(default=None, max_length=300)

    @property
    def expires_at(self) -> datetime | None:
        """When it ends; None if it does not say."""
        return None if self.exp is None else datetime.fromtimestamp(self.exp, UTC)


def claims_of(token: SecretStr) -> TokenClaims:
    """What a token says of itself; nothing if it is none that can be read."""
    parts = token.get_secret_value().split(".")
    if len(parts) != 3:  # noqa: PLR2004 - head, claims and signature
        return TokenClaims()
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        return TokenClaims.model_validate(json.loads(base64.urlsafe_b64decode(padded)))
    except (binascii.Error, ValueError, RecursionError, ValidationError):
        return TokenClaims()
