"""An account with a log, targets on loopback, and a sender by a clock of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from contracts.events import (
    AllocationEvent,
    LeadSeen,
    LookupRequested,
    NoticeRequested,
    Recorded,
)
from contracts.inbound import Inbound, NoticeSettled
from contracts.stage import Stage
from projections import notices
from services.outgoing.post import Poster
from services.outgoing.sender import WebhookSender
from services.outgoing.settings import WebhookSettings
from services.outgoing.signatures import new_secret
from services.outgoing.work import WebhookWork
from services.projector.advance import advance
from services.projector.schema import prepare
from services.storage.accounts import AccountRegistry
from services.storage.events import EventStore
from services.storage.webhook_deliveries import Delivery, WebhookDeliveries
from services.storage.webhook_targets import WebhookTargets
from tests.services.gateway.world import running
from tests.support.vault import VAULT

ACCOUNT = 32_000_001
FIRST = datetime.now(UTC)


def lookup(lead_id: int) -> LookupRequested:
    return LookupRequested(lead_id=lead_id, reason="test", at=FIRST)


def notice(lead_id: int, target: str = "crm") -> NoticeRequested:
    """A rule wants a target told of a decision."""
    return NoticeRequested(
        order_id=f"{lead_id}.1/1",
        request_id=f"{lead_id}.1",
        lead_id=lead_id,
        manager_id=501,
        rule_id="new",
        kind="webhook",
        reason="largest_credit",
        because=None,
        target=target,
        at=FIRST,
    )


def seen(lead_id: int) -> LeadSeen:
    return LeadSeen(
        lead_id=lead_id,
        stage=Stage(7, 70),
        responsible_id=501,
        modified_at=FIRST,
        was_stage=None,
        was_owner_id=None,
        owner_id=501,
        source="webhook",
        at=FIRST,
    )


@dataclass
class Desk:
    """Everything a sender works with.

    Attributes:
        step: How far the clock goes on with each look at what is to be sent.
        work: Where the sender sees what is to be sent.
    """

    pool: Any
    work: WebhookWork
    passed: timedelta = timedelta()
    step: timedelta = timedelta()
    owned: bool = True
    sent: list[str] = field(default_factory=list)
    published: list[Inbound] = field(default_factory=list)
    _version: dict[int, int] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The machine's time, and what has passed besides: receivers look at the real one."""
        return datetime.now(UTC) + self.passed

    @property
    def targets(self) -> WebhookTargets:
        return WebhookTargets(self.pool, VAULT)

    @property
    def deliveries(self) -> WebhookDeliveries:
        return WebhookDeliveries(self.pool)

    async def connect(self, account_id: int = ACCOUNT) -> None:
        await AccountRegistry(self.pool, VAULT).add(
            account_id,
            subdomain=f"acme{account_id}",
            base_url="https://acme.kommo.com",
            token=SecretStr("t"),
            webhook_secret=SecretStr(f"s{account_id}"),
            timezone="UTC",
        )

    async def add(
        self, url: str, name: str = "crm", *events: str, account_id: int = ACCOUNT
    ) -> SecretStr:
        secret = new_secret()
        assert await self.targets.add(
            account_id, name, url=url, events=events, secret=secret, made_by="cli:test", most=20
        )
        return secret

    async def happen(self, *events: AllocationEvent, account_id: int = ACCOUNT) -> None:
        """Store the events that follow."""
        before = self._version.get(account_id, 0)
        log = [
            Recorded(account_id=account_id, version=before + n, cause="m", event=event)
            for n, event in enumerate(events, 1)
        ]
        source = f"inbound/{account_id}"
        self._version[account_id] = before + len(events)
        await EventStore(self.pool).append(
            log, consumer="test", source=source, position=before + len(events)
        )
        async with self.pool.acquire() as connection:
            await advance(
                connection, notices, schema=notices.NAME, account_id=account_id, events=log
            )

    def sender(self, **settings: Any) -> WebhookSender:
        asked = WebhookSettings(**{"poll_ms": 10, "timeout_s": 5.0, **settings})

        async def pause(wake: asyncio.Event, seconds: float) -> None:
            self.passed += self.step
            try:
                async with asyncio.timeout(seconds):
                    await wake.wait()
            except TimeoutError:
                return

        return WebhookSender(
            work=self.work,
            events=EventStore(self.pool),
            targets=self.targets,
            deliveries=self.deliveries,
            publisher=self,
            poster=Poster(allows_local=True, timeout_s=asked.timeout_s),
            owns=lambda _: self.owned,
            now=lambda: self.now,
            random=lambda: 0.0,
            pause=pause,
            settings=asked,
            on_sent=self.sent.append,
        )

    @asynccontextmanager
    async def sending(self, **settings: Any) -> AsyncIterator[None]:
        async with running(self.sender(**settings).run()):
            yield

    async def publish(self, messages: Sequence[Inbound]) -> None:
        self.published += messages

    def settled(self) -> list[tuple[str, str]]:
        """Which decisions were told of, and how that ended."""
        bodies = [each.body for each in self.published]
        return [(b.order_id, b.how) for b in bodies if isinstance(b, NoticeSettled)]

    async def page(self, **what: Any) -> list[Delivery]:
        """Deliveries, in the order of their events."""
        found = await self.deliveries.page(ACCOUNT, limit=200, **what)
        return sorted(found, key=lambda each: each.version)

    async def states(self) -> list[str]:
        return [each.state for each in await self.page()]


async def desk(pool: Any, urls: Sequence[str] = ()) -> Desk:
    """A connected account, with targets called `crm`, `crm1`, ..."""
    here = Desk(pool, WebhookWork(pool))
    await prepare(pool)
    await here.connect()
    for number, url in enumerate(urls):
        await here.add(url, f"crm{number or ''}")
    return here
