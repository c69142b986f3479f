"""An installation on a database of a test's own, with an account whose history is a golden one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.events import Recorded
from domain import snapshot
from domain.evolve import evolve
from domain.state import Account
from services.access.roles import ROLES
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.accounts import AccountRegistry, RegisteredAccount
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from services.storage.snapshots import Snapshot, SnapshotStore
from services.storage.wakeup import Wakeup
from tests.golden.replay import files, read
from tests.services.storage.conformance import append
from tests.support.vault import VAULT

GOLDEN = {path.stem: read(path) for path in files([])}
NOBODY: Any = None
VIEWER = Principal(id="person:7", scopes=ROLES["viewer"])
SUPERVISOR = Principal(id="person:8", scopes=ROLES["supervisor"])
NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is asked, and about whom."""

    installation: Installation
    account: RegisteredAccount
    events: tuple[Recorded, ...]

    @property
    def pool(self) -> Any:
        return self.installation.pool

    def state(self, version: int) -> Account:
        """The account after an event."""
        account = Account(self.account.account_id)
        for recorded in self.events[:version]:
            evolve(account, recorded.event)
        return account

    async def snap(self, version: int, *, revision: int = snapshot.REVISION) -> None:
        """A snapshot after an event."""
        state = snapshot.dump(self.state(version))
        await SnapshotStore(self.pool).save(
            Snapshot(
                account_id=self.account.account_id,
                version=version,
                revision=revision,
                digest=snapshot.digest_of(state),
                state=state,
            )
        )


async def audience(pool: Any, name: str = "rough-weather", *, data: Path = Path()) -> Audience:
    """An account with that history, in appends of the events of each message."""
    golden = GOLDEN[name]
    account_id = golden.head["account_id"]
    store = EventStore(pool)
    for position, (_, answers) in enumerate(golden.steps, start=1):
        await append(store, *answers, position=position)
    installation = Installation(
        data=data,
        database=None,
        pool=pool,
        wakeup=Wakeup(""),  # rings in this process alone
        events=store,
        accounts=AccountRegistry(pool, VAULT),
        dead_letters=DeadLetters(pool, VAULT),
        log=NOBODY,
    )
    account = RegisteredAccount(
        account_id=account_id,
        subdomain="acme",
        base_url="https://acme.kommo.com",
        timezone="America/Sao_Paulo",
        directory={},
        connected_at=NINE,
        updated_at=NINE,
    )
    return Audience(installation, account, tuple(r for _, found in golden.steps for r in found))
