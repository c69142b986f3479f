"""Letting somebody work in the widget, by the one-time token of Kommo (S6)."""

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from services.access.one_time_tokens import (
    SECRET_BYTES_MIN,
    OneTimeClaims,
    OneTimeTokenRefused,
    claims_of,
    client_of,
)
from services.access.widget_sessions import WidgetRole, WidgetSessions
from services.application.installation import Installation
from services.application.widget.pages import origins_of
from services.application.widget.rights import RightsInKommo, role_of
from services.shared.secrets import Unsealable
from services.storage import consents
from services.storage.accounts import RegisteredAccount, UnknownAccount
from services.storage.database import borrow_to_read
from services.storage.integrations import Integrations, RegisteredIntegration

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """Somebody who may work now.

    Attributes:
        token: What their browser shows from now on.
        is_connected: Whether Kommo lets us into the account at this moment.
    """

    token: SecretStr
    expires_at: datetime
    user_id: int
    role: WidgetRole
    is_connected: bool


@dataclass(slots=True)
class WidgetDoor:
    """Lets people of accounts in.

    Attributes:
        rights: What Kommo said of them lately.
    """

    installation: Installation
    sessions: WidgetSessions
    rights: RightsInKommo = field(default_factory=RightsInKommo)

    async def open(self, token: str, *, origin: str, now: datetime) -> OpenedSession:
        """Let somebody work for ten minutes.

        Args:
            token: Of Kommo, as the page sent it.
            origin: Of the page.
            now: When it came.

        Raises:
            OneTimeTokenRefused: It is not true, not for us, not from there, or used too often.
        """
        integration, secret = await self._integration_of(client_of(token))
        claims = claims_of(token, secret, now=now)
        account = await self._account_of(claims, integration, origin)
        uses = await self.sessions.spend(claims, origin)
        if uses is None:
            raise OneTimeTokenRefused("it was used too often, or by somebody else")
        if uses > 1:
            log.info("one_time_token_again", account_id=account.account_id, uses=uses)
        role = await role_of(
            self.installation,
            account,
            claims.user_id,
            sessions=self.sessions,
            rights=self.rights,
        )
        made, expires_at = await self.sessions.begin(
            account.account_id, claims.user_id, role, origin
        )
        return OpenedSession(
            token=SecretStr(made),
            expires_at=expires_at,
            user_id=claims.user_id,
            role=role,
            is_connected=await self._is_connected(account),
        )

    async def _integration_of(self, client_id: str) -> tuple[RegisteredIntegration, SecretStr]:
        store = Integrations(self.installation.pool, self.installation.accounts.vault)
        try:
            known = await store.with_secret(client_id)
        except Unsealable as error:
            raise OneTimeTokenRefused("the secret cannot be opened here") from error
        if known is None:
            raise OneTimeTokenRefused("the integration is unknown")
        if len(known[1].get_secret_value().encode()) < SECRET_BYTES_MIN:
            log.warning("client_secret_short", client_id=client_id, bytes_min=SECRET_BYTES_MIN)
        return known

    async def _account_of(
        self, claims: OneTimeClaims, integration: RegisteredIntegration, origin: str
    ) -> RegisteredAccount:
        """The account, which has this very integration installed.

        Who owns a private integration knows its secret, and can write any account into a token.
        """
        ours = urlsplit(integration.redirect_uri)
        if claims.aud != f"{ours.scheme}://{ours.netloc}":
            raise OneTimeTokenRefused("it is for somebody else")
        try:
            account = await self.installation.accounts.get(claims.account_id)
        except UnknownAccount as error:
            raise OneTimeTokenRefused("the account is unknown") from error
        if account.client_id != claims.client_uuid or account.suspended_at is not None:
            raise OneTimeTokenRefused("the account has it not installed")
        if claims.iss not in origins_of(self.installation, account):
            raise OneTimeTokenRefused("it is of another account's host")
        if origin not in origins_of(self.installation, account):
            raise OneTimeTokenRefused("it comes from another page")
        return account

    async def _is_connected(self, account: RegisteredAccount) -> bool:
        async with borrow_to_read(self.installation.pool) as connection:
            return await consents.refused_of(connection, account.account_id) is None
