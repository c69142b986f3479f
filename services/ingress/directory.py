"""Whose secret is in the path (S1).

Kommo signs nothing, so the path carries a random secret of the account. Only its SHA-256 digest
is stored. All digests are held in memory: a webhook costs no query, and a guess costs the
database nothing but its part of one look per second. A new secret is valid at its first webhook,
unless somebody has guessed within that second.
"""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Protocol

import structlog
from pydantic import SecretStr

from services.shared.errors import Unavailable
from services.shared.secrets import digest_of
from services.storage.accounts import WebhookOwner

log = structlog.get_logger()

LOAD_WITHIN_S = 1.0  # Kommo waits 2 s in all, the append included
# A table finds the candidates by a prefix; the whole digest is compared in constant time.
PREFIX_BYTES = 8


class SecretsRegistry(Protocol):
    """Where the digests are registered."""

    async def webhook_owners(self) -> Mapping[bytes, WebhookOwner]:
        """SHA-256 of each secret that is valid now, to whose it is; an account may have two.

        Raises:
            services.shared.errors.Unavailable: The registry does not answer.
        """
        ...


class AccountDirectory:
    """The digests in memory, looked up again when a secret is not among them."""

    def __init__(self, accounts: SecretsRegistry, *, wait_s: float, age_max_s: float) -> None:
        self._accounts = accounts
        self._wait_s = wait_s
        self._age_max_s = age_max_s
        self._by_prefix: dict[bytes, tuple[tuple[bytes, WebhookOwner], ...]] | None = None
        self._look_again_at = 0.0
        self._loading = asyncio.Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether the registry has ever answered."""
        return self._by_prefix is not None

    async def find(self, secret: str) -> WebhookOwner | None:
        """The account of a secret; None when nobody has it.

        Raises:
            services.shared.errors.Unavailable: The registry has never answered, so nobody knows.
        """
        digest = digest_of(SecretStr(secret))
        owner = self._owner_of(digest)
        if owner is not None:
            return owner
        loop = asyncio.get_running_loop()
        if loop.time() >= self._look_again_at or self._loading.locked():
            async with self._loading:
                owner = self._owner_of(digest)
                if owner is None and loop.time() >= self._look_again_at:
                    await self._load()
                    owner = self._owner_of(digest)
                    if owner is None:  # who finds is no guesser, and keeps nobody new waiting
                        self._look_again_at = loop.time() + self._wait_s
        if self._by_prefix is None:
            raise Unavailable("the accounts are not known yet")
        return owner

    async def keep_fresh(self) -> None:
        """Load now and then for ever, so that withdrawn secrets stop working."""
        while True:
            async with self._loading:
                await self._load()
            await asyncio.sleep(self._age_max_s if self.is_loaded else self._wait_s)

    def _owner_of(self, digest: bytes) -> WebhookOwner | None:
        if self._by_prefix is None:
            return None
        for known, owner in self._by_prefix.get(digest[:PREFIX_BYTES], ()):
            if hmac.compare_digest(known, digest):
                return owner
        return None

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(LOAD_WITHIN_S):
                owners = await self._accounts.webhook_owners()
        except (Unavailable, TimeoutError) as error:
            # What is known stays in force: webhooks of known accounts are accepted all the same.
            log.warning("accounts_not_refreshed", reason=type(error).__name__)
        else:
            self._by_prefix = _by_prefix(owners)


def _by_prefix(
    owners: Mapping[bytes, WebhookOwner],
) -> dict[bytes, tuple[tuple[bytes, WebhookOwner], ...]]:
    grouped: dict[bytes, tuple[tuple[bytes, WebhookOwner], ...]] = {}
    for digest, owner in owners.items():
        prefix = digest[:PREFIX_BYTES]
        grouped[prefix] = (*grouped.get(prefix, ()), (digest, owner))
    return grouped
