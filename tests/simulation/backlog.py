"""Accounts with more to set than Kommo takes in a minute: the pusher as it is, on virtual time.

All is decided at one instant; the accounts share one address. Kommo is the sandbox, in as many
servers as there are accounts, and the work list and the log are in memory.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import httpx
import orjson
from pydantic import SecretStr

from contracts.inbound import Inbound, LeadObserved, ResponsibleRefused, ResponsibleSet
from contracts.stage import Stage
from projections.assignments import Assignment
from services.gateway.connections import Connections
from services.gateway.ports import ConnectedAccount
from services.gateway.pusher import Pusher
from services.gateway.settings import PushSettings
from services.kommo.limiter import Limiter
from services.kommo.settings import LimiterSettings
from services.sandbox.clock import SandboxClock
from services.sandbox.crm import crm_of
from services.sandbox.delivery import Post
from services.sandbox.knobs import Knobs
from services.sandbox.model import CrmLead
from services.sandbox.sample import ADMIN_ID, MANAGER_IDS, sample_account
from tests.simulation.faults import Faults
from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import KommoServer, KommoTransport, Line
from tests.simulation.quiet import quiet
from tests.simulation.roles import VirtualTiming
from tests.simulation.trace import Trace

BASE = datetime.fromisoformat("2026-03-02T09:00+00:00")
FIRST_ACCOUNT = 32_000_001
# From a result in the log to the row that it settles: the allocator and the projector.
SETTLES_S = 0.5
STEP_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a backlog.

    Attributes:
        set_at: By account when each of its leads was set in Kommo, in seconds, ascending.
        requests: When each request began, with its method and its leads.
        board_max: The most leads that a board has held at once.
        rows_read: Rows of the work list that were read.
    """

    set_at: Mapping[int, Sequence[float]]
    requests: Sequence[tuple[float, str, int]]
    board_max: int
    rows_read: int

    def patches(self) -> list[int]:
        """How many leads each PATCH was about."""
        return [leads for _, method, leads in self.requests if method == "PATCH"]

    def first(self) -> list[float]:
        """When each account had its first lead."""
        return [times[0] for times in self.set_at.values()]

    def p95(self) -> list[float]:
        """When each account had 95 of 100 of its leads."""
        return [times[int(0.95 * (len(times) - 1))] for times in self.set_at.values()]

    def busiest_second(self) -> int:
        """The most requests that began within a second."""
        starts = [at for at, _, _ in self.requests]
        most, begin = 0, 0
        for end, at in enumerate(starts):
            while starts[begin] <= at - 1.0:
                begin += 1
            most = max(most, end - begin + 1)
        return most


def run_backlog(
    sizes: Sequence[int],
    *,
    until_s: float,
    is_old: bool = False,
    is_told: bool = False,
    rate_per_s: float = 6.0,
    ends_with: int | None = None,
    **settings: Any,
) -> Outcome:
    """Push what all accounts have decided at once, account by account so many leads.

    Args:
        sizes: Leads of each account.
        until_s: A bound on the virtual time.
        is_old: Whether all was decided before the gateway started.
        is_told: Whether only hooks say where the leads are.
        rate_per_s: Of the address.
        ends_with: The place of an account: it is over when that one has all it wants.
        **settings: Of the pusher.
    """
    with quiet():
        backlog = _Backlog(
            sizes, is_old=is_old, is_told=is_told, rate_per_s=rate_per_s, settings=settings
        )
        return backlog.run(until_s, ends_with)


class _Nowhere(Post):
    """No webhooks: nobody listens."""

    async def post(self, url: str, headers: bytes, body: bytes, *, limit_s: float) -> int:
        del url, headers, body, limit_s
        return 200

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class _Books:
    """Work list and inbound log in one: a result settles its decision a moment later."""

    loop: SimulatedLoop
    rows: dict[int, dict[int, Assignment]] = field(default_factory=lambda: defaultdict(dict))
    pending_ids: dict[int, dict[int, None]] = field(default_factory=lambda: defaultdict(dict))
    left: int = 0
    rows_read: int = 0

    def decide(self, account_id: int, leads: Sequence[CrmLead], *, is_told: bool) -> None:
        first = 900_001
        for number, lead in enumerate(leads):
            self.rows[account_id][first + number] = Assignment(
                account_id=account_id,
                lead_id=first + number,
                request_id=f"{first + number}.1",
                attempt=1,
                manager_id=MANAGER_IDS[number % len(MANAGER_IDS)],
                responsible_before=ADMIN_ID,
                decided_version=number + 1,
                decided_at=BASE + timedelta(seconds=self.loop.time()),
                stage=Stage(lead.pipeline_id, lead.status_id),
                is_told=is_told,
            )
            self.pending_ids[account_id][first + number] = None
        self.left += len(leads)

    async def heads(self) -> Mapping[int, int]:
        return {
            account_id: self.rows[account_id][next(reversed(ids))].decided_version
            for account_id, ids in self.pending_ids.items()
            if ids
        }

    async def pending(self, account_id: int, *, limit: int, after: int) -> Sequence[Assignment]:
        # Versions and leads ascend alike.
        found: list[Assignment] = []
        rows = self.rows[account_id]
        for lead_id in range(900_001 + after, 900_001 + len(rows)):
            if lead_id in self.pending_ids[account_id]:
                found.append(rows[lead_id])
                if len(found) == limit:
                    break
        self.rows_read += len(found)
        return found

    async def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> Sequence[Assignment]:
        self.rows_read += len(lead_ids)
        return [self.rows[account_id][lead_id] for lead_id in lead_ids]

    async def publish(self, messages: Sequence[Inbound]) -> None:
        self.loop.call_later(
            SETTLES_S, self._settle, list(messages), context=self.loop.harness.context
        )

    def _settle(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            body = message.body
            assert isinstance(body, ResponsibleSet | ResponsibleRefused | LeadObserved)
            row = self.rows[message.account_id][body.lead_id]
            if row.state == "pending":
                settled = replace(row, state="confirmed", settled_at=message.at)
                self.rows[message.account_id][body.lead_id] = settled
                del self.pending_ids[message.account_id][body.lead_id]
                self.left -= 1


@dataclass
class _Accounts:
    """The registry."""

    known: list[ConnectedAccount] = field(default_factory=list)

    async def connected(self) -> Sequence[ConnectedAccount]:
        return self.known

    async def described(self, account_id: int) -> Mapping[str, Any]:
        raise NotImplementedError

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        raise NotImplementedError


class _Counting(httpx.AsyncBaseTransport):
    """Notes when each request begins."""

    def __init__(self, inner: httpx.AsyncBaseTransport, loop: SimulatedLoop) -> None:
        self.inner = inner
        self.loop = loop
        self.seen: list[tuple[float, str, int]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        leads = len(orjson.loads(body)) if body else str(request.url).count("filter[id]")
        self.seen.append((self.loop.time(), request.method, leads))
        return await self.inner.handle_async_request(request)


class _Backlog:
    """All parts, put together."""

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        is_old: bool,
        is_told: bool,
        rate_per_s: float,
        settings: dict[str, Any],
    ) -> None:
        self.sizes = dict(enumerate(sizes, FIRST_ACCOUNT))
        self.is_old = is_old
        self.is_told = is_told
        self.leads: dict[int, Sequence[CrmLead]] = {}
        self.loop = SimulatedLoop(Random("backlog/order"))
        self.timing = VirtualTiming(self.loop)
        self.books = _Books(self.loop)
        self.accounts = _Accounts()
        self.set_at: dict[int, list[float]] = {account_id: [] for account_id in self.sizes}
        self.servers: dict[str, KommoServer] = {}
        for account_id, leads in self.sizes.items():
            self._connect(account_id, leads)
        line = Line(Random("backlog/line"), Faults())
        kommo = KommoTransport(self.servers, line, Trace(self.loop.time, None))
        self.counting = _Counting(kommo, self.loop)
        limiter = Limiter(LimiterSettings(rate_per_s=rate_per_s), self.timing)
        self.connections = Connections(self.accounts, limiter, transport=self.counting)
        self.pusher = Pusher(
            work=self.books,
            connections=self.connections,
            publisher=self.books,
            now=lambda: BASE + timedelta(seconds=self.loop.time()),
            random=lambda: 0.5,
            settings=PushSettings(**settings),
            timing=self.timing,
        )
        self.board_max = 0

    def run(self, until_s: float, ends_with: int | None) -> Outcome:
        ends_with_id = None if ends_with is None else FIRST_ACCOUNT + ends_with
        self.loop.run(self._play(until_s, ends_with_id))
        assert not self.loop.errors, self.loop.errors[0]
        return Outcome(
            set_at=self.set_at,
            requests=self.counting.seen,
            board_max=self.board_max,
            rows_read=self.books.rows_read,
        )

    def _connect(self, account_id: int, leads: int) -> None:
        token = f"token-{account_id}"
        account = sample_account(leads, token=token)
        account.id, account.subdomain = account_id, f"acme{account_id}"
        self.leads[account_id] = [lead for _, lead in sorted(account.leads.items())]
        base = BASE.timestamp()
        clock = SandboxClock(lambda: base + self.loop.time(), self.loop.time)
        knobs = Knobs(requests_per_second=1_000_000, journal_max=1, latency_max_ms=300)
        crm = crm_of(account, knobs, clock=clock, post=_Nowhere())
        host = f"{account.subdomain}.kommo.com"
        server = KommoServer(crm, self.loop.process(host), self._on_patch)
        self.servers[host] = server
        self.accounts.known.append(
            ConnectedAccount(
                account_id=account_id, base_url=f"https://{host}", token=SecretStr(token)
            )
        )

    def _on_patch(self, account_id: int, _kind: str, body: bytes) -> None:
        self.set_at[account_id] += [self.loop.time()] * len(orjson.loads(body))

    async def _play(self, until_s: float, ends_with_id: int | None) -> None:
        await self.connections.reload()
        if self.is_old:
            self._decide()
        self.loop.process("gateway").spawn(self.pusher.run())
        if not self.is_old:
            await asyncio.sleep(STEP_S)
            self._decide()
            self.pusher.nudge()
        while self.books.pending_ids[ends_with_id] if ends_with_id else self.books.left:
            await asyncio.sleep(STEP_S)
            self.board_max = max(self.board_max, *self.pusher.held.values())
            assert self.loop.time() < until_s, f"{self.books.left} leads are left"

    def _decide(self) -> None:
        for account_id, leads in self.leads.items():
            self.books.decide(account_id, leads, is_told=self.is_told)
