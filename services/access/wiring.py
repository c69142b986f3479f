"""Everything about who may, put together once in a process."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import argon2
import asyncpg

from services.access.delays import Delays
from services.access.hashing import Hashing
from services.access.invitations import Invitations
from services.access.keys import AccessKeys
from services.access.one_time_codes import OneTimeCodes
from services.access.outer import OuterIdentities
from services.access.passkeys import Passkeys
from services.access.passwords import Passwords
from services.access.people import People
from services.access.recovery_codes import RecoveryCodes
from services.access.secret import Digests
from services.access.sessions import Sessions
from services.access.settings import AccessSettings
from services.access.sign_in_log import SignInLog
from services.access.steps import Steps
from services.access.wide_deeds import WideDeeds
from services.access.widget_sessions import WidgetSessions
from services.shared.secrets import Vault

if TYPE_CHECKING:
    from services.access.oidc import IdentityProvider


@dataclass(frozen=True)
class Access:
    """The stores; whoever serves people makes one and keeps it.

    Attributes:
        pool: The database.
        vault: Seals names, logins and secrets.
        settings: How people sign in.
        hasher: How passwords are hashed; None for the way that is advised now.
    """

    pool: asyncpg.Pool
    vault: Vault
    settings: AccessSettings
    hasher: argon2.PasswordHasher | None = None

    @cached_property
    def digests(self) -> Digests:
        """By which logins are found."""
        return Digests(self.pool, self.vault)

    @cached_property
    def people(self) -> People:
        """Whoever may sign in."""
        return People(self.pool, self.vault, self.digests)

    @cached_property
    def sessions(self) -> Sessions:
        """Browsers that are signed in."""
        return Sessions(self.pool, self.settings)

    @cached_property
    def keys(self) -> AccessKeys:
        """Keys of programs."""
        return AccessKeys(self.pool)

    @cached_property
    def invitations(self) -> Invitations:
        """One-time links."""
        return Invitations(self.pool, self.vault)

    @cached_property
    def hashing(self) -> Hashing:
        """Hashes passwords; one for the process, so that its bounds are."""
        return Hashing(
            threads=self.settings.hashing_threads,
            queue_max=self.settings.hashing_queue_max,
            hasher=self.hasher,
        )

    @cached_property
    def passwords(self) -> Passwords:
        """Everybody's."""
        return Passwords(self.pool, self.hashing)

    @cached_property
    def codes(self) -> OneTimeCodes:
        """Codes that an app shows."""
        return OneTimeCodes(self.pool, self.vault)

    @cached_property
    def recovery(self) -> RecoveryCodes:
        """Codes on paper."""
        return RecoveryCodes(self.pool)

    @cached_property
    def passkeys(self) -> Passkeys:
        """Keys that people's devices keep."""
        return Passkeys(self.pool, self.vault)

    @cached_property
    def outer(self) -> OuterIdentities:
        """Who people are at an identity provider."""
        return OuterIdentities(self.pool, self.digests)

    @cached_property
    def provider(self) -> "IdentityProvider | None":
        """The identity provider of the settings."""
        if self.settings.oidc_issuer is None:
            return None
        from services.access.oidc import IdentityProvider  # noqa: PLC0415 - few have one

        return IdentityProvider(self.settings)

    @cached_property
    def delays(self) -> Delays:
        """Waits after failures."""
        return Delays(self.pool, self.digests, self.settings)

    @cached_property
    def steps(self) -> Steps:
        """What is between two steps of signing in."""
        return Steps(self.pool, self.vault)

    @cached_property
    def wide_deeds(self) -> WideDeeds:
        """Deeds that move many leads."""
        return WideDeeds(self.pool, self.settings)

    @cached_property
    def widget(self) -> WidgetSessions:
        """Who works in the widget."""
        return WidgetSessions(self.pool)

    @cached_property
    def log(self) -> SignInLog:
        """What was done about all of it."""
        return SignInLog(self.pool)
