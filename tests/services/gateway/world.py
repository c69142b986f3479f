"""A gateway's surroundings: a scaled clock, an aggregate that believes, a work list in memory."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import SecretStr

from contracts.inbound import Inbound, LeadMissing, LeadObserved, ResponsibleRefused, ResponsibleSet
from projections.assignments import Assignment
from services.gateway.connections import Connections
from services.gateway.ports import ConnectedAccount
from services.gateway.pusher import Pusher
from services.gateway.rounds import Pending, R, Rounds, Work
from services.gateway.settings import LookupSettings, PushSettings
from services.kommo.limiter import Limiter
from services.kommo.settings import CallSettings, LimiterSettings
from services.sandbox.app import Sandbox, running_sandbox
from services.sandbox.journal import RequestRow
from services.sandbox.knobs import Knobs
from services.sandbox.model import Author, LeadPatch
from services.sandbox.sample import ACCOUNT_ID, ADMIN_ID, sample_account
from services.shared.waiting import set_within

PERSON = Author("human", ADMIN_ID)
SCALE = 50.0


class ScaledTiming:
    """The machine's clock, running faster, so that minutes pass in seconds."""

    def __init__(self, scale: float = SCALE) -> None:
        self.scale = scale

    def monotonic(self) -> float:
        return time.monotonic() * self.scale

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.scale)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        return await set_within(event, seconds / self.scale)


def utc_now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """Run something in the background; an error in it fails the test."""
    task = asyncio.ensure_future(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@dataclass
class Books:
    """Work list and inbound log in one: a decision is pending until a result settles it."""

    rows: dict[int, Assignment] = field(default_factory=dict)
    messages: list[Inbound] = field(default_factory=list)
    calls: int = 0
    readings: int = 0
    settles: bool = True
    versions: int = 0

    def decide(
        self,
        lead_ids: Iterable[int],
        manager_id: int,
        *,
        before: int | None = ADMIN_ID,
        decided_at: datetime | None = None,
        attempt: int = 1,
        **rest: Any,
    ) -> None:
        for lead_id in lead_ids:
            self.versions += 1
            self.rows[lead_id] = Assignment(
                account_id=ACCOUNT_ID,
                lead_id=lead_id,
                request_id=f"{lead_id}.1",
                attempt=attempt,
                manager_id=manager_id,
                responsible_before=before,
                decided_version=self.versions,
                decided_at=decided_at or utc_now(),
                **rest,
            )

    def learn(self, lead_id: int, responsible_id: int) -> None:
        """The account learns who was responsible before it decided."""
        self.rows[lead_id] = replace(self.rows[lead_id], responsible_before=responsible_id)

    async def heads(self) -> Mapping[int, int]:
        self.readings += 1
        versions = [row.decided_version for row in self.rows.values() if row.state == "pending"]
        return {ACCOUNT_ID: max(versions)} if versions else {}

    async def pending(self, account_id: int, *, limit: int, after: int) -> Sequence[Assignment]:
        rows = [row for row in self.rows.values() if row.state == "pending"]
        rows = [r for r in rows if r.account_id == account_id and r.decided_version > after]
        return sorted(rows, key=lambda row: row.decided_version)[:limit]

    async def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> Sequence[Assignment]:
        found = [self.rows[lead_id] for lead_id in sorted(lead_ids) if lead_id in self.rows]
        return [row for row in found if row.account_id == account_id]

    async def publish(self, messages: Sequence[Inbound]) -> None:
        self.calls += 1
        self.messages += messages
        for message in messages if self.settles else ():
            self._settle(message)

    def _settle(self, message: Inbound) -> None:
        body = message.body
        if not isinstance(body, ResponsibleSet | ResponsibleRefused | LeadObserved | LeadMissing):
            return
        row = self.rows.get(body.lead_id)
        if row is None or row.state != "pending":
            return
        state = {ResponsibleSet: "confirmed", ResponsibleRefused: "failed"}.get(
            type(body), "withdrawn"
        )
        self.rows[body.lead_id] = replace(row, state=state, settled_at=message.at)

    def bodies(self, kind: type) -> list[Any]:
        return [message.body for message in self.messages if isinstance(message.body, kind)]

    def is_settled(self) -> bool:
        return all(row.state != "pending" for row in self.rows.values())


@dataclass
class OneAccount:
    """A registry with the sandbox's account in it."""

    base_url: str
    token: str
    directory: dict[str, Any] = field(default_factory=dict)
    is_known: bool = True
    restored_at: datetime | None = None
    timezone: str = "UTC"

    async def connected(self) -> Sequence[ConnectedAccount]:
        if not self.is_known:
            return []
        return [
            ConnectedAccount(
                account_id=ACCOUNT_ID,
                base_url=self.base_url,
                token=SecretStr(self.token),
                restored_at=self.restored_at,
                timezone=self.timezone,
            )
        ]

    async def described(self, account_id: int) -> Mapping[str, Any]:
        assert account_id == ACCOUNT_ID
        return self.directory

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        assert account_id == ACCOUNT_ID
        self.directory = dict(directory)


@dataclass
class World:
    """A sandbox, and everything to build a part of the gateway before it."""

    sandbox: Sandbox
    limiter: Limiter
    accounts: OneAccount
    connections: Connections
    books: Books
    timing: ScaledTiming

    def pusher(self, *, random: float = 0.5, **settings: Any) -> Pusher:
        return Pusher(
            work=self.books,
            connections=self.connections,
            publisher=self.books,
            now=utc_now,
            random=lambda: random,
            settings=PushSettings(**{"fresh_s": 3_000.0, "settle_s": 3_000.0, **settings}),
            timing=self.timing,
        )

    def rounds(self, pending: Pending[R], work: Work[R], **settings: Any) -> Rounds[R]:
        return Rounds(
            "test",
            pending,
            work,
            connections=self.connections,
            settings=LookupSettings(**settings),
            timing=self.timing,
        )

    @property
    def lead_ids(self) -> list[int]:
        return sorted(self.sandbox.account.leads)

    async def restore_backup(self) -> None:
        """Our database forgets; the gateway hears of it (F79)."""
        self.accounts.restored_at = utc_now()
        await self.connections.reload()

    def owner(self, lead_id: int) -> int:
        return self.sandbox.account.leads[lead_id].responsible_user_id

    def person_takes(self, lead_ids: Iterable[int], user_id: int) -> None:
        patches = [LeadPatch(each, {"responsible_user_id": user_id}) for each in lead_ids]
        self.sandbox.crm.change(patches, PERSON)

    def requests(self, method: str | None = None) -> list[RequestRow]:
        rows = list(self.sandbox.journal.requests)
        return [row for row in rows if method is None or row.method == method]

    def patched_ids(self) -> list[int]:
        bodies = [orjson.loads(row.body) for row in self.requests("PATCH")]
        return [element["id"] for body in bodies for element in body]


@contextlib.asynccontextmanager
async def world(
    leads: int = 0,
    *,
    knobs: Knobs | None = None,
    scale: float = SCALE,
    limiter: Limiter | None = None,
    **pace: Any,
) -> AsyncIterator[World]:
    """A sandbox that counts requests by the scaled clock's limit, and the gateway's parts."""
    knobs = knobs or Knobs(requests_per_second=1_000_000)
    timing = ScaledTiming(scale)
    limiter = limiter or Limiter(LimiterSettings(**{"rate_per_s": 6.0, **pace}), timing)
    async with running_sandbox(sample_account(leads), knobs) as sandbox:
        accounts = OneAccount(sandbox.base_url, sandbox.token)
        connections = Connections(accounts, limiter, CallSettings())
        await connections.reload()
        try:
            yield World(sandbox, limiter, accounts, connections, Books(), timing)
        finally:
            await connections.aclose()
