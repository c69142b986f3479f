"""One client per connected account, all behind the limiter of our address."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

import httpx
import structlog
from pydantic import SecretStr

from services.gateway.failures import Failures
from services.gateway.leases import AllOurs
from services.gateway.ports import ConnectedAccount, ConnectedAccounts, Leases, Tokens
from services.kommo.client import KommoClient
from services.kommo.errors import AccountStopped
from services.kommo.limiter import Limiter
from services.kommo.settings import CallSettings
from services.kommo.starts import Lease
from services.kommo.tokens import AccountTokens
from services.kommo.transport import OnCalled, nobody
from services.shared.errors import Malformed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """An account and its client; whatever of it changes makes a new connection."""

    account_id: int
    client: KommoClient
    fingerprint: bytes
    webhook_digest: bytes | None = None
    lease: Lease | None = None
    restored_at: datetime | None = None
    timezone: str = "UTC"


class Connections:
    """The connected accounts of ours, as last read from the registry."""

    def __init__(  # noqa: PLR0913 - what calls need
        self,
        accounts: ConnectedAccounts,
        limiter: Limiter,
        settings: CallSettings | None = None,
        on_called: OnCalled = nobody,
        transport: httpx.AsyncBaseTransport | None = None,
        leases: Leases | None = None,
        on_answered: Callable[[int, AccountStopped | None], None] = nobody,
        tokens: Tokens | None = None,
        *,
        is_strict: bool = False,
    ) -> None:
        """Open nothing yet.

        Args:
            accounts: The registry.
            limiter: Of our address.
            settings: How long each call may take.
            on_called: Hears of each request that was sent.
            transport: Carries the requests instead of pools of connections.
            leases: Which accounts are ours.
            on_answered: Told the account of each answer, and what stops the account, if it does.
            tokens: Renews those that can be.
            is_strict: An error that nobody expected ends the reading of the registry.
        """
        self._accounts = accounts
        self._limiter = limiter
        self._settings = settings
        self._on_called = on_called
        self._transport = transport
        self._leases: Leases = leases or AllOurs()
        self._on_answered = on_answered
        self._tokens = tokens
        # They are connected again at the next reading; nothing waits for the pauses.
        self._failures = Failures(0.0, "connections", is_strict)
        self._open: dict[int, Connection] = {}
        self._refused: dict[int, bytes] = {}

    def get(self, account_id: int) -> Connection | None:
        """The connection of an account, None when it is not connected, or not ours now."""
        found = self._open.get(account_id)
        return found if found is not None and self._is_in_force(found) else None

    def all(self) -> tuple[Connection, ...]:
        """All connections by account id."""
        return tuple(
            found
            for account_id in sorted(self._open)
            if self._is_in_force(found := self._open[account_id])
        )

    async def reload(self) -> None:
        """Read the registry; open, replace and close what changed.

        Raises:
            services.shared.errors.Unavailable: The registry does not answer; nothing changed.
        """
        wanted = {
            each.account_id: each
            for each in await self._accounts.connected()
            if self._leases.owns(each.account_id)
        }
        gone = [known for known in self._open if known not in wanted]
        for account_id in gone:
            await self._open.pop(account_id).client.aclose()
            log.info("account_disconnected", account_id=account_id)
        for account_id, account in wanted.items():
            try:
                await self._connect(account_id, account)
            except Exception as error:  # noqa: BLE001 - the other accounts go on
                self._failures.unexpected(account_id, error)

    async def aclose(self) -> None:
        """Close all clients."""
        while self._open:
            _, connection = self._open.popitem()
            await connection.client.aclose()

    def _is_in_force(self, connection: Connection) -> bool:
        account_id = connection.account_id
        is_ours = self._leases.owns(account_id)
        return is_ours and self._leases.lease_of(account_id) == connection.lease

    async def _connect(self, account_id: int, account: ConnectedAccount) -> None:
        fingerprint, lease = _fingerprint(account), self._leases.lease_of(account_id)
        known = self._open.get(account_id)
        if known is not None and (known.fingerprint, known.lease) == (fingerprint, lease):
            known.client.take_token(account.token)  # it may be renewed since
            return
        try:
            client = KommoClient(
                base_url=account.base_url,
                token=account.token,
                limiter=self._limiter,
                settings=self._settings,
                on_called=self._on_called,
                transport=self._transport,
                lease=lease,
                account_id=account_id,
                on_answered=partial(self._on_answered, account_id),
                tokens=tokens_of(self._tokens, account),
            )
        except Malformed:
            if self._refused.get(account_id) != fingerprint:
                self._refused[account_id] = fingerprint
                log.error("account_address_refused", account_id=account_id)  # noqa: TRY400 - no bug
            return
        self._open[account_id] = Connection(
            account_id,
            client,
            fingerprint,
            account.webhook_digest,
            lease,
            account.restored_at,
            account.timezone,
        )
        log.info("account_connected", account_id=account_id)
        if known is not None:
            # A call in flight may fail by this; that counts as an unknown outcome, like any cut.
            await known.client.aclose()


@dataclass(frozen=True, slots=True)
class _TokensOfOne:
    """Of one account, as its client asks for them."""

    tokens: Tokens
    account_id: int

    async def newer(self, stale: SecretStr) -> SecretStr | None:
        return await self.tokens.newer(self.account_id, stale)

    async def revoked(self, token: SecretStr) -> None:
        await self.tokens.revoked(self.account_id, token)


def tokens_of(tokens: Tokens | None, account: ConnectedAccount) -> AccountTokens | None:
    """Where the account's client gets a newer token; None of one that nobody renews."""
    if tokens is None or account.client_id is None:
        return None
    return _TokensOfOne(tokens, account.account_id)


def _fingerprint(account: ConnectedAccount) -> bytes:
    # One that is renewed changes every day, and nothing else does by that.
    token = account.client_id or account.token.get_secret_value()
    parts = (account.base_url, token, account.restored_at, account.timezone, account.admitted_at)
    known = "".join(f"{part}\n" for part in parts).encode()
    known += account.webhook_digest or b""
    return sha256(known).digest()
