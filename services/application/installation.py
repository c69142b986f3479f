"""An installation as a use case sees it: its stores, its log, and what is known of what runs.

`services.runtime` opens one; nothing here knows how.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from services.access.settings import AccessSettings
from services.application.refused import Refused
from services.log.kafka import KafkaSettings
from services.log.port import LogWriter
from services.shared.settings import KOMMO_ADDRESSES
from services.storage.accounts import AccountRegistry, RegisteredAccount
from services.storage.dead_letters import DeadLetters
from services.storage.embedded.database import EmbeddedDatabase, holder
from services.storage.events import EventStore
from services.storage.raw_bodies import RawBodies, RawBodySettings
from services.storage.wakeup import Wakeup

if TYPE_CHECKING:
    from services.access.wiring import Access

KOMMO = KOMMO_ADDRESSES[0]
RUNTIME_FILE = "runtime.json"
# Where the API and the console are served, while they are.
WEB_FILE = "web.json"


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command works with.

    Attributes:
        data: The folder; of the distributed one, this machine's part.
        database: The embedded one; None in the distributed installation.
        direct: Connections past a pooler, which are sessions; None where there is none (F42).
        kafka: Of the distributed installation; None in the embedded one.
        public_url: Where Kommo reaches it, if the settings say so.
        kommo_address: Where people let an integration into their account.
        is_production: Whether only what is safe to rely on is accepted (S24).
        access_settings: How people sign in.
        raw_body_settings: For how long bodies of webhooks are kept.
    """

    data: Path
    database: EmbeddedDatabase | None
    pool: asyncpg.Pool
    wakeup: Wakeup
    events: EventStore
    accounts: AccountRegistry
    dead_letters: DeadLetters
    log: LogWriter
    direct: asyncpg.Pool | None = None
    kafka: KafkaSettings | None = None
    public_url: str | None = None
    is_production: bool = False
    kommo_address: str = KOMMO
    access_settings: AccessSettings = field(default_factory=AccessSettings)
    raw_body_settings: RawBodySettings = field(default_factory=RawBodySettings)

    @property
    def raw_bodies(self) -> RawBodies:
        """The bodies of webhooks that were understood."""
        return RawBodies(self.pool, self.accounts.vault, self.raw_body_settings)

    def who_may(self) -> "Access":
        """The stores of people, keys and sessions; a process that serves people keeps one."""
        # What hashes and signs is for who asks about people, not for every command.
        from services.access.wiring import Access  # noqa: PLC0415

        return Access(self.pool, self.accounts.vault, self.access_settings)

    @property
    def allows_simulation(self) -> bool:
        """Whether accounts of a local Kommo may be let in by OAuth: never in production (S14)."""
        return not self.is_production and self.kommo_address not in KOMMO_ADDRESSES

    async def account(self, account_id: int | None) -> RegisteredAccount:
        """The account a command is about; it must be named only when there are several.

        Raises:
            Refused: None is connected, none has that id, or several are and none is named.
        """
        found = await self.accounts.all()
        if account_id is not None:
            found = [account for account in found if account.account_id == account_id]
            if not found:
                raise Refused("account_not_connected", account=account_id)
        if not found:
            raise Refused("no_account")
        if len(found) > 1:
            raise Refused("several_accounts", accounts=tuple(each.account_id for each in found))
        return found[0]

    def is_at_rest(self) -> bool:
        """Whether nothing acts on what is published now; of other machines nobody knows that."""
        return self.kafka is None and self.running() is None

    def running(self) -> dict[str, Any] | None:
        """Process id and address of the fairlead that runs in the folder, None if none does."""
        pid = holder(self.data)
        if pid is None:
            return None
        try:
            runtime: dict[str, Any] = json.loads((self.data / RUNTIME_FILE).read_text())
        except (OSError, ValueError):
            return None
        # Of another process: the one that holds the folder now is still starting.
        return runtime if runtime.get("pid") == pid else None
