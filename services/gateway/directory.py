"""Reads who and what an account has: its zone, its users, its stages (D2.1, D4.3).

It also looks whether Kommo still sends us its webhooks: after too many bad answers it stops, and
tells nobody but its own settings page (F31).
"""

import asyncio
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import structlog
from pydantic import SecretStr

from contracts.kommo.rest import Webhook
from services.gateway.connections import Connection, Connections
from services.gateway.names import description, read_names
from services.gateway.ports import ConnectedAccounts, InboundPublisher, Now
from services.gateway.settings import DirectorySettings
from services.kommo.errors import AccountStopped, MalformedAnswer, Rejected
from services.kommo.timing import SystemTiming, Timing, wait_for
from services.shared.errors import Unavailable
from services.shared.secrets import digest_of

log = structlog.get_logger(__name__)

Webhooks = Literal["on", "disabled", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The last reading of an account, by one connection; `is_delayed` if Kommo did not answer."""

    connection: Connection
    next_at: float
    is_delayed: bool


class Directory:
    """Keeps the names in the registry and the zone and active users in the account's log."""

    def __init__(
        self,
        *,
        accounts: ConnectedAccounts,
        connections: Connections,
        publisher: InboundPublisher,
        now: Now,
        settings: DirectorySettings | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._accounts = accounts
        self._connections = connections
        self._publisher = publisher
        self._now = now
        self._settings = settings or DirectorySettings()
        self._timing = timing or SystemTiming()
        self._attempts: dict[int, _Attempt] = {}
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        """An account may have been connected."""
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled, one account at a time: four or so calls an hour each."""
        while True:
            self._wake.clear()
            for connection in self._connections.all():
                await self._attempt_if_due(connection)
            await wait_for(self._wake, self._settings.poll_ms / 1_000, self._timing)

    async def introduce(self, connection: Connection) -> None:
        """Have an account described before its leads are: what is older is not new to it.

        Raises:
            services.shared.errors.Unavailable: Not yet; the reading is repeated after a pause. An
                account that refuses its description for good is none of these.
        """
        attempt = await self._attempt_if_due(connection)
        if attempt.is_delayed:
            raise Unavailable("the account was not described yet")

    async def _attempt_if_due(self, connection: Connection) -> _Attempt:
        account_id = connection.account_id
        async with self._one_at_a_time:
            known = self._attempts.get(account_id)
            now = self._timing.monotonic()
            if known is None or known.connection is not connection or now >= known.next_at:
                known = await self._attempt(connection)
                self._attempts[account_id] = known
            return known

    async def _attempt(self, connection: Connection) -> _Attempt:
        account_id, pause_s, is_delayed = connection.account_id, self._settings.interval_s, False
        try:
            await self._read(connection)
        except AccountStopped as stopped:
            # 403 here: the token is not an administrator's, so users cannot be read.
            log.error("directory_refused", account_id=account_id, status=stopped.status)  # noqa: TRY400 - no bug
            pause_s = stopped.retry_in_s or pause_s
        except (Unavailable, Rejected) as error:
            log.warning("directory_delayed", account_id=account_id, error=type(error).__name__)
            pause_s, is_delayed = self._settings.retry_s, isinstance(error, Unavailable)
        return _Attempt(connection, self._timing.monotonic() + pause_s, is_delayed)

    async def _read(self, connection: Connection) -> None:
        client, account_id = connection.client, connection.account_id
        facts = await client.account()
        if facts.id != account_id:
            raise MalformedAnswer("the token belongs to another account")
        if not is_zone(facts.timezone):
            raise MalformedAnswer("the zone of the account is unknown")
        names = await read_names(client, await self._accounts.described(account_id))
        webhooks = await self._webhooks(connection)
        directory = {"webhooks": webhooks, "timezone": facts.timezone, **names}
        await self._accounts.describe(account_id, directory)
        message = description(facts, names, at=self._now())
        await self._publisher.publish([message])
        log.info("account_described", account_id=account_id, users=len(names["users"]))

    async def _webhooks(self, connection: Connection) -> Webhooks:
        """Whether Kommo sends us its webhooks; not to know it keeps nothing else from being read.

        Raises:
            services.shared.errors.Unavailable: Kommo cannot be asked now.
        """
        account_id, digest = connection.account_id, connection.webhook_digest
        if digest is None:
            return "unknown"
        try:
            found = state_of(await connection.client.webhooks(), digest)
        except (AccountStopped, MalformedAnswer, Rejected) as error:
            log.warning("webhooks_unread", account_id=account_id, error=type(error).__name__)
            return "unknown"
        if found != "on":
            advice = "connect the account again: fairlead connect"
            log.error("webhooks_switched_off", account_id=account_id, found=found, advice=advice)
        return found


def state_of(webhooks: Sequence[Webhook], digest: bytes) -> Webhooks:
    """What has become of the subscription whose address ends with the secret of this digest."""
    ours = [
        webhook
        for webhook in webhooks
        if hmac.compare_digest(digest_of(secret_of(webhook.destination)), digest)
    ]
    if not ours:
        return "missing"
    return "disabled" if all(webhook.disabled for webhook in ours) else "on"


def secret_of(destination: str) -> SecretStr:
    """The secret in an address of ours; of another's, something that is no secret of ours."""
    try:
        path = urlsplit(destination).path
    except ValueError:
        return SecretStr("")
    return SecretStr(path.rstrip("/").rpartition("/")[2])


def is_zone(name: str) -> bool:
    """Whether the name is of a time zone that is known here."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True
