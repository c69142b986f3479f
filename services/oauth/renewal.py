"""Keeps tokens fresh: one process asks for an account, the others wait for what it brings (F55).

An answer that is lost is asked for once more with the same refresh token: Kommo lets it work until
the one that it was exchanged for has been used, and nothing is used here before it is stored (F56).
While Kommo or the database is away that is logged once, and the end of it.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
import structlog
from pydantic import SecretStr

from contracts.kommo.oauth import TokenPair, claims_of
from services.kommo.address import NoAddress
from services.kommo.errors import Unreachable
from services.kommo.timing import SystemTiming, Timing
from services.oauth.endpoint import Client, ConsentRefused, HostGone, TokenEndpoint
from services.oauth.hosts import base_url_of
from services.oauth.settings import RenewalSettings
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
from services.shared.lasting import tell_failed
from services.shared.logs import hide
from services.shared.secrets import Unsealable, Vault
from services.storage.consents import Consents, Pair
from services.storage.integrations import Integrations

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 0.1
ATTEMPTS = 2


@dataclass(slots=True)
class Renewal:
    """Renews the tokens of accounts that let an integration in."""

    pool: asyncpg.Pool
    vault: Vault
    endpoint: TokenEndpoint
    settings: RenewalSettings = field(default_factory=RenewalSettings)
    timing: Timing = field(default_factory=SystemTiming)
    # Why an account's token is not renewed, as far as the log knows; gone once a newer one is seen.
    _known: dict[int, str] = field(default_factory=dict)

    @property
    def _consents(self) -> Consents:
        return Consents(self.pool, self.vault)

    async def newer(self, account_id: int, stale: SecretStr) -> SecretStr | None:
        """A token of the account that is newer than one that was refused, or is about to end.

        Whoever finds that another asks already waits for that.

        Returns:
            None if there is none to be had now: the token is not renewed, Kommo renews it no more,
            or does not answer.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
        """
        until = self.timing.monotonic() + self.settings.wait_s
        while True:
            pair = await self._pair(account_id)
            if pair is None or pair.access != stale or pair.is_refused:
                self._known.pop(account_id, None)
            if pair is None:
                return None
            if pair.access != stale:
                return pair.access
            if pair.is_refused or pair.is_put_off:
                return None
            number = await self._consents.claim(account_id, lease_s=self.settings.lease_s)
            if number is not None:
                return await self._ask(account_id, number, stale)
            if self.timing.monotonic() >= until:
                return None
            await self.timing.sleep(LOOK_AGAIN_S)

    async def revoked(self, account_id: int, token: SecretStr) -> None:
        """A token that was renewed just now is refused: we are let in no more (F54, F57).

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
        """
        pair = await self._pair(account_id)
        is_present = pair is not None and pair.access == token
        if pair is not None and is_present and await self.suspend(account_id, pair.client_id):
            log.error("account_suspended", account_id=account_id, because="token_revoked")

    async def suspend(self, account_id: int, client_id: str) -> bool:
        """Destroy what an integration has of an account; whether it had anything."""
        return await self._consents.suspend(account_id, client_id)

    async def run(self) -> None:
        """Renew what is about to end, until cancelled: few calls then find a token too old."""
        is_away = False
        while True:
            try:
                for account_id in await self._consents.due(self.settings.ahead_s):
                    await self._ahead(account_id)
            except Unavailable:
                if not is_away:
                    log.warning("consents_unavailable")
                is_away = True
            else:
                if is_away:
                    log.info("consents_available")
                is_away = False
            await self.timing.sleep(self.settings.look_s)

    async def _ahead(self, account_id: int) -> None:
        try:
            pair = await self._pair(account_id)
            if pair is not None:
                await self.newer(account_id, pair.access)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the other accounts go on
            tell_failed("tokens", account_id, error)

    async def _pair(self, account_id: int) -> Pair | None:
        try:
            return await self._consents.present(account_id)
        except Unsealable:
            log.error("token_unreadable", account_id=account_id)  # noqa: TRY400 - no bug
            return None

    async def _ask(self, account_id: int, number: int, stale: SecretStr) -> SecretStr | None:
        # Whoever asked before may have stored it between our look and our claim.
        pair = await self._pair(account_id)
        client = None if pair is None else await self._client(pair.client_id)
        if pair is None or client is None or pair.access != stale:
            await self._consents.release(account_id, number)
            return None if pair is None or pair.access == stale else pair.access
        failpoint("token.before_request")
        try:
            found = await self._exchange(account_id, client, pair)
        except ConsentRefused as refused:
            if await self._consents.refuse(account_id, number, refused.hint):
                log.error("consent_needed", account_id=account_id, status=refused.status)  # noqa: TRY400 - no bug
            return None
        except Unreachable as error:
            reason = str(error)
            if self._known.get(account_id) != reason:
                log.warning("token_not_renewed", account_id=account_id, error=reason)
            self._known[account_id] = reason
            await self._consents.put_off(
                account_id,
                number,
                first_s=self.settings.retry_first_s,
                max_s=self.settings.retry_max_s,
            )
            return None
        failpoint("token.after_response")
        hide(found.access_token)
        hide(found.refresh_token)
        is_stored = await self._consents.store(
            account_id,
            number,
            access=found.access_token,
            refresh=found.refresh_token,
            for_s=float(found.expires_in),
        )
        if not is_stored:  # somebody took us for dead, and asked as well: theirs is what is used
            latest = await self._pair(account_id)
            return None if latest is None or latest.access == stale else latest.access
        self._known.pop(account_id, None)
        log.info("token_renewed", account_id=account_id)
        return found.access_token

    async def _exchange(self, account_id: int, client: Client, pair: Pair) -> TokenPair:
        """A new pair: once more after a lost answer, and at another host if the account moved."""
        try:
            return await self._twice(account_id, client, pair.base_url, pair.refresh)
        except (ConsentRefused, HostGone) as error:
            is_other_reason = isinstance(error, ConsentRefused) and error.status != 401  # noqa: PLR2004
            if is_other_reason:
                raise
            moved_to = await self._moved(account_id, pair)
            if moved_to is None:
                raise
        return await self._twice(account_id, client, moved_to, pair.refresh)

    async def _twice(
        self, account_id: int, client: Client, base_url: str, refresh: SecretStr
    ) -> TokenPair:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self.endpoint.by_refresh(base_url, client, refresh)
            except HostGone:
                raise
            except Unreachable as error:
                if account_id not in self._known:
                    log.warning("token_answer_lost", account_id=account_id, error=str(error))
        return await self.endpoint.by_refresh(base_url, client, refresh)

    async def _moved(self, account_id: int, pair: Pair) -> str | None:
        """Where the account is now, if that is elsewhere; then it is stored (F61)."""
        asked_at = claims_of(pair.access).api_domain
        if asked_at is None:
            return None
        allows_local = self.endpoint.allows_local
        try:
            knows = base_url_of(asked_at, allows_local=allows_local)
            found = await self.endpoint.renamed(knows, pair.refresh)
            base_url = base_url_of(found.domain, allows_local=allows_local)
        except (NoAddress, ConsentRefused, Unreachable) as error:
            if account_id not in self._known:
                log.warning("name_unknown", account_id=account_id, error=type(error).__name__)
            return None
        if found.id != account_id or base_url == pair.base_url:
            return None
        subdomain = (urlsplit(base_url).hostname or "").partition(".")[0]
        await self._consents.move(account_id, base_url=base_url, subdomain=subdomain)
        log.info("account_moved", account_id=account_id, base_url=base_url)
        return base_url

    async def _client(self, client_id: str) -> Client | None:
        try:
            found = await Integrations(self.pool, self.vault).with_secret(client_id)
        except Unsealable:
            log.error("secret_unreadable", client_id=client_id)  # noqa: TRY400 - no bug
            return None
        if found is None:
            return None
        integration, secret = found
        return Client(client_id=client_id, secret=secret, redirect_uri=integration.redirect_uri)
