"""OAuth 2.0 as Kommo does it: codes for one use, refresh tokens that rotate, and their hints.

A refresh token that has been exchanged keeps working until what it was exchanged for is exchanged
in its turn: so a lost answer can be asked for again. Whoever does so gets a new pair, and the pair
that came before is dead: two who refresh at once kill each other's tokens.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from services.sandbox.knobs import Knobs
from services.sandbox.model import CrmAccount
from services.sandbox.tokens import jwt, opaque

_SCOPES: Final = ("crm", "notifications")
KEPT_MAX: Final = 100_000


class OAuthProblem(Exception):
    """A request for tokens that is refused.

    Attributes:
        status: Of the answer.
        hint: What Kommo says is wrong, if it says so.
    """

    def __init__(self, status: int, hint: str | None) -> None:
        super().__init__(f"{status}: {hint}")
        self.status = status
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """An integration that accounts can install.

    Attributes:
        uninstall_uri: Told, signed, when an account disables it; None for nobody.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    name: str = "Integration"
    uninstall_uri: str | None = None


@dataclass(slots=True, kw_only=True)
class _Code:
    client_id: str
    account_id: int
    user_id: int
    expires_at: int
    is_used: bool = False


@dataclass(slots=True, kw_only=True)
class _Refresh:
    client_id: str
    account_id: int
    user_id: int
    expires_at: int
    state: Literal["fresh", "exchanged", "revoked"] = "fresh"
    came_from: str | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHolder:
    """What an access token stands for.

    Attributes:
        refresh: The refresh token that came with it; None for a long-lived one.
    """

    client_id: str
    account_id: int
    user_id: int
    expires_at: int
    refresh: str | None = None


@dataclass(slots=True)
class OAuth:
    """The integrations, and all codes and tokens; shared by the accounts of one Kommo."""

    integrations: dict[str, Integration] = field(default_factory=dict)
    _codes: dict[str, _Code] = field(default_factory=dict, repr=False)
    _refreshes: dict[str, _Refresh] = field(default_factory=dict, repr=False)
    _accesses: dict[str, TokenHolder] = field(default_factory=dict, repr=False)
    _key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def code(self, client_id: str, account_id: int, user_id: int, *, expires_at: int) -> str:
        """Make a code for an integration that somebody has consented to."""
        made = opaque()
        self._codes[made] = _Code(
            client_id=client_id, account_id=account_id, user_id=user_id, expires_at=expires_at
        )
        _bound(self._codes)
        return made

    def long_lived(
        self, account: CrmAccount, client_id: str, user_id: int, *, now: int, expires_at: int
    ) -> str:
        """Make a token that nothing refreshes."""
        access = TokenHolder(
            client_id=client_id, account_id=account.id, user_id=user_id, expires_at=expires_at
        )
        return self._access(account, access, now)

    def exchange(
        self, account: CrmAccount, knobs: Knobs, asked: Mapping[str, Any], now: int
    ) -> dict[str, Any]:
        """Answer a request for tokens.

        Raises:
            OAuthProblem: It is refused.
        """
        integration = self._client(asked)
        if asked.get("redirect_uri") != integration.redirect_uri:
            raise OAuthProblem(400, "Redirect URI is not associated with client")
        match asked.get("grant_type"):
            case "authorization_code":
                held = self._spent_code(account, integration, asked.get("code"), now)
                return self._pair(account, knobs, held, now, came_from=None)
            case "refresh_token":
                token = asked.get("refresh_token")
                refresh = self._spent_refresh(account, knobs, integration, token, now)
                answer = self._pair(account, knobs, refresh, now, came_from=str(token))
                refresh.successor = answer["refresh_token"]
                return answer
            case _:
                raise OAuthProblem(400, "Check the `grant_type` parameter")

    def _client(self, asked: Mapping[str, Any]) -> Integration:
        client_id, secret = asked.get("client_id"), asked.get("client_secret")
        if not isinstance(client_id, str) or not client_id:
            raise OAuthProblem(400, "Check the `client_id` parameter")
        if not isinstance(secret, str) or not secret:
            raise OAuthProblem(400, "Check the `client_secret` parameter")
        integration = self.integrations.get(client_id)
        if integration is None or not secrets.compare_digest(
            integration.client_secret.encode(), secret.encode()
        ):
            raise OAuthProblem(401, None)
        return integration

    def _spent_code(
        self, account: CrmAccount, integration: Integration, code: object, now: int
    ) -> _Code:
        known = self._codes.get(code) if isinstance(code, str) else None
        if known is None or known.client_id != integration.client_id:
            raise OAuthProblem(400, "Cannot decrypt the authorization code")
        if known.account_id != account.id:
            raise OAuthProblem(400, "Invalid account")
        if known.is_used:
            raise OAuthProblem(400, "Authorization code has been revoked")
        if now >= known.expires_at:
            raise OAuthProblem(400, "Authorization code has expired")
        known.is_used = True
        return known

    def _spent_refresh(
        self,
        account: CrmAccount,
        knobs: Knobs,
        integration: Integration,
        token: object,
        now: int,
    ) -> _Refresh:
        known = self._refreshes.get(token) if isinstance(token, str) else None
        if known is None or known.client_id != integration.client_id or now >= known.expires_at:
            raise OAuthProblem(400, "Invalid refresh token")
        if known.account_id != account.id:
            raise OAuthProblem(400, "Invalid account")
        may_repeat = known.state == "fresh" or (known.state == "exchanged" and knobs.refresh_grace)
        if not may_repeat:
            raise OAuthProblem(401, "Token has been revoked")
        if known.came_from is not None:
            self._revoke(known.came_from)
        if known.successor is not None:
            self._revoke(known.successor)
        known.state = "exchanged"
        return known

    def _pair(
        self,
        account: CrmAccount,
        knobs: Knobs,
        held: _Code | _Refresh,
        now: int,
        *,
        came_from: str | None,
    ) -> dict[str, Any]:
        refresh = opaque()
        self._refreshes[refresh] = _Refresh(
            client_id=held.client_id,
            account_id=held.account_id,
            user_id=held.user_id,
            expires_at=now + knobs.refresh_token_s,
            came_from=came_from,
        )
        _bound(self._refreshes)
        access = TokenHolder(
            client_id=held.client_id,
            account_id=held.account_id,
            user_id=held.user_id,
            expires_at=now + knobs.access_token_s,
            refresh=refresh,
        )
        return {
            "token_type": "Bearer",
            "expires_in": knobs.access_token_s,
            "server_time": now,
            "access_token": self._access(account, access, now),
            "refresh_token": refresh,
        }

    def _access(self, account: CrmAccount, access: TokenHolder, now: int) -> str:
        token = jwt(
            {
                "aud": access.client_id,
                "jti": uuid.uuid4().hex,
                "iat": now,
                "nbf": now,
                "exp": access.expires_at,
                "sub": str(access.user_id),
                "grant_type": "",
                "account_id": account.id,
                "base_domain": "kommo.com",
                "api_domain": account.api_domain,
                "version": 2,
                "scopes": _SCOPES,
            },
            self._key,
        )
        self._accesses[token] = access
        _bound(self._accesses)
        return token

    def _revoke(self, refresh: str) -> None:
        """Revoke a refresh token with the access that came with it."""
        known = self._refreshes.get(refresh)
        if known is not None:
            known.state = "revoked"

    def holder(self, token: str, account_id: int, now: int) -> TokenHolder | None:
        """Who an access token stands for, unless it is another account's, expired or revoked."""
        access = self._accesses.get(token)
        if access is None or access.account_id != account_id or now >= access.expires_at:
            return None
        return None if access.client_id not in self.integrations else access

    def expire(self, token: str) -> None:
        """Let an access token be too old from now on."""
        self._accesses.pop(token, None)

    def expire_all(self, account_id: int) -> int:
        """Let all access tokens of an account be too old that can be renewed; how many."""
        found = [
            token
            for token, access in self._accesses.items()
            if access.account_id == account_id and access.refresh is not None
        ]
        for token in found:
            self.expire(token)
        return len(found)

    def account_id_of(self, refresh: str | None, now: int) -> int | None:
        """Whose refresh token it is; None for one that does not work any more."""
        known = self._refreshes.get(refresh or "")
        if known is None or known.state == "revoked" or now >= known.expires_at:
            return None
        return known.account_id

    def disable(self, client_id: str, account_id: int) -> None:
        """Kill all tokens and codes that an integration has of an account."""
        self._accesses = {
            token: access
            for token, access in self._accesses.items()
            if (access.client_id, access.account_id) != (client_id, account_id)
        }
        for refresh in self._refreshes.values():
            if (refresh.client_id, refresh.account_id) == (client_id, account_id):
                refresh.state = "revoked"
        for code in self._codes.values():
            if (code.client_id, code.account_id) == (client_id, account_id):
                code.is_used = True


def _bound(held: dict[str, Any]) -> None:
    """Forget the oldest, which have long expired."""
    while len(held) > KEPT_MAX:
        held.pop(next(iter(held)))
