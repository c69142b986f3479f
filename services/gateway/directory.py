"""Reads who and what an account has: its zone, its users, its stages (D2.1, D4.3).

It also looks whether Kommo still sends us its webhooks, each time and as soon as a sweep had to
find leads that none had told of. What Kommo switched off is subscribed again (F31).
"""

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from pydantic import SecretStr

from services.gateway.connections import Connection, Connections
from services.gateway.failures import Failures
from services.gateway.names import description, groups_of, read_names
from services.gateway.ports import ConnectedAccounts, InboundPublisher, Now, Untold
from services.gateway.settings import DirectorySettings
from services.kommo.errors import AccountStopped, MalformedAnswer, Rejected
from services.kommo.subscription import Webhooks, ours_of, state_of, subscribe_again
from services.kommo.timing import SystemTiming, Timing
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)


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
        untold: Untold | None = None,
        is_strict: bool = False,
    ) -> None:
        self._accounts = accounts
        self._connections = connections
        self._publisher = publisher
        self._now = now
        self._settings = settings or DirectorySettings()
        self._timing = timing or SystemTiming()
        self._failures = Failures(self._settings.retry_s, "directory", is_strict)
        self._attempts: dict[int, _Attempt] = {}
        # Addresses, which hold secrets, that Kommo switched off and has not taken again yet.
        self._unsaved: dict[int, list[SecretStr]] = {}
        self._untold = untold
        self._untold_at: dict[int, int] = {}
        self._listen_at = 0.0
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        """An account may have been connected."""
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled, one account at a time: four or so calls an hour each."""
        while True:
            self._wake.clear()
            await self._listen()
            for connection in self._connections.all():
                await self._attempt_if_due(connection)
            await self._timing.wait(self._wake, self._settings.poll_ms / 1_000)

    async def _listen(self) -> None:
        """Whose webhooks told less than a sweep found is looked at now."""
        now = self._timing.monotonic()
        if self._untold is None or now < self._listen_at:
            return
        self._listen_at = now + self._settings.listen_s
        try:
            untold = await self._untold()
        except Unavailable:
            return
        for account_id, leads in untold.items():
            if leads > self._untold_at.get(account_id, leads):
                self._attempts.pop(account_id, None)
        self._untold_at = dict(untold)

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
            self._failures.over(account_id)
        except AccountStopped as stopped:
            # 403 here: the token is not an administrator's, so users cannot be read.
            log.error("directory_refused", account_id=account_id, status=stopped.status)  # noqa: TRY400 - no bug
            pause_s = stopped.retry_in_s or pause_s
        except (Unavailable, Rejected) as error:
            log.warning("directory_delayed", account_id=account_id, error=type(error).__name__)
            pause_s = self._failures.pause_s(account_id)
            is_delayed = isinstance(error, Unavailable)
        except Exception as error:  # noqa: BLE001 - the other accounts go on
            pause_s, is_delayed = self._failures.unexpected(account_id, error), True
        return _Attempt(connection, self._timing.monotonic() + pause_s, is_delayed)

    async def _read(self, connection: Connection) -> None:
        client, account_id = connection.client, connection.account_id
        facts = await client.account()
        if facts.id != account_id:
            raise MalformedAnswer("the token belongs to another account")
        if not is_zone(facts.timezone):
            raise MalformedAnswer("the zone of the account is unknown")
        known = await self._accounts.described(account_id)
        names = await read_names(client, known)
        webhooks, is_again = await self._webhooks(connection)
        again_at = self._now().isoformat() if is_again else known.get("subscribed_again_at")
        directory = {
            "webhooks": webhooks,
            "subscribed_again_at": again_at,
            "timezone": facts.timezone,
            "groups": groups_of(facts),
            **names,
        }
        await self._accounts.describe(account_id, directory)
        message = description(facts, names, at=self._now())
        await self._publisher.publish([message])
        log.info("account_described", account_id=account_id, users=len(names["users"]))

    async def _webhooks(self, connection: Connection) -> tuple[Webhooks, bool]:
        """Whether Kommo sends us its webhooks, and whether we had to ask for that again.

        Not to know it keeps nothing else from being read.

        Raises:
            services.shared.errors.Unavailable: Kommo cannot be asked now.
        """
        account_id, digest = connection.account_id, connection.webhook_digest
        if digest is None:
            return "unknown", False
        try:
            ours = ours_of(await connection.client.webhooks(), digest)
            found = state_of(ours)
            if found == "disabled":
                self._unsaved[account_id] = [SecretStr(each.destination) for each in ours]
            if found == "on" or account_id not in self._unsaved:
                self._unsaved.pop(account_id, None)
            else:
                log.error("webhooks_switched_off", account_id=account_id, found=found)
                await subscribe_again(connection.client, self._unsaved[account_id])
                del self._unsaved[account_id]
                log.warning("webhooks_subscribed_again", account_id=account_id)
                return "on", True
        except (AccountStopped, MalformedAnswer, Rejected) as error:
            log.warning("webhooks_unread", account_id=account_id, error=type(error).__name__)
            return ("disabled" if account_id in self._unsaved else "unknown"), False
        if found != "on":
            advice = "connect the account again: fairlead connect"
            log.error("webhooks_switched_off", account_id=account_id, found=found, advice=advice)
        return found, False


def is_zone(name: str) -> bool:
    """Whether the name is of a time zone that is known here."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True
