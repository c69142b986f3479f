"""Ingress on a real port, around a log, letters and accounts held in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from contracts.inbound import Inbound
from services.ingress.app import serve
from services.ingress.meter import UNMEASURED, IngressMeter
from services.ingress.raw_keeper import RawStore
from services.ingress.settings import IngressSettings
from services.log.port import Entry
from services.shared.codec import decode_inbound
from services.shared.errors import Unavailable
from services.shared.secrets import digest_of
from services.shared.wall_clock import utc_now
from services.storage.accounts import WebhookOwner
from services.storage.dead_letters import DeadLetter
from services.storage.raw_bodies import RawBodySettings

ACCOUNT = 32_000_001
OTHER_ACCOUNT = 32_000_002
SECRET = "s3cr3t-of-acme-4f1e9d0c2b7a68559e31"  # noqa: S105  # opens nothing
OTHER_SECRET = "s3cr3t-of-other-77aa0c2b7a6855d1e930"  # noqa: S105  # opens nothing
FORM = "application/x-www-form-urlencoded"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass
class MemoryLog:
    """A log that can be away, or take its time."""

    published: list[tuple[Entry, ...]] = field(default_factory=list)
    is_down: bool = False
    error: Exception | None = None
    attempts: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def publish(self, entries: Sequence[Entry]) -> None:
        self.attempts += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        if self.is_down:
            raise Unavailable("the log is down")
        self.published.append(tuple(entries))

    def messages(self) -> list[Inbound]:
        return [decode_inbound(entry.value) for batch in self.published for entry in batch]


@dataclass
class MemoryLetters:
    kept: list[DeadLetter] = field(default_factory=list)
    is_down: bool = False

    def sealed(self, letter: DeadLetter) -> DeadLetter:
        return letter

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        if self.is_down:
            raise Unavailable("the letters are down")
        self.kept.extend(letters)


@dataclass
class MemoryAccounts:
    digests: dict[bytes, WebhookOwner] = field(default_factory=dict)
    looks: int = 0
    is_down: bool = False

    def add(self, secret: str, account_id: int, subdomain: str = "acme") -> None:
        self.digests[digest_of(SecretStr(secret))] = WebhookOwner(account_id, subdomain)

    async def webhook_owners(self) -> dict[bytes, WebhookOwner]:
        self.looks += 1
        if self.is_down:
            raise Unavailable("the accounts are down")
        return dict(self.digests)


@dataclass
class Running:
    """A running ingress and what it talks to."""

    port: int
    client: httpx.AsyncClient
    log: Any
    letters: MemoryLetters
    accounts: Any
    stop: asyncio.Event

    async def post(
        self, body: bytes, *, secret: str = SECRET, slash: str = "/", **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(
            f"/kommo/{secret}{slash}", content=body, headers={"content-type": FORM, **named}
        )

    async def raw(self, *parts: bytes) -> bytes:
        """Send bytes as they are, and read until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), 60)
        finally:
            writer.close()


def settings(**changes: Any) -> IngressSettings:
    """With more patience than Kommo allows, unless it is told: the machine may be busy."""
    given = IngressSettings(**changes)
    patient = {"answer_within_ms": 60_000} if "answer_within_ms" not in changes else {}
    return given.model_copy(update=patient)


@asynccontextmanager
async def ingress(  # noqa: PLR0913 - the ports of a role
    *,
    log: Any = None,
    letters: Any = None,
    accounts: Any = None,
    now: Callable[[], datetime] = utc_now,
    probe: Any = None,
    spool_file: Path | None = None,
    meter: IngressMeter = UNMEASURED,
    raw_bodies: RawStore | None = None,
    raw_settings: RawBodySettings | None = None,
    **changes: Any,
) -> AsyncIterator[Running]:
    log = log or MemoryLog()
    letters = letters or MemoryLetters()
    if accounts is None:
        accounts = MemoryAccounts()
        accounts.add(SECRET, ACCOUNT)
        accounts.add(OTHER_SECRET, OTHER_ACCOUNT)
    stop = asyncio.Event()
    bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve(
                log_writer=log,
                dead_letters=letters,
                accounts=accounts,
                settings=settings(**changes),
                host="127.0.0.1",
                port=0,
                stop=stop,
                on_bound=bound.set_result,
                now=now,
                probe=probe,
                spool_file=spool_file,
                meter=meter,
                raw_bodies=raw_bodies,
                raw_settings=raw_settings,
            )
        )
        port = await bound
        limits = httpx.Limits(max_connections=400)
        base_url = f"http://127.0.0.1:{port}"
        try:
            # Without TLS there is no certificate to verify, and loading them takes 40 ms.
            async with httpx.AsyncClient(
                base_url=base_url,
                limits=limits,
                timeout=60,
                verify=False,  # noqa: S501  # plain HTTP
            ) as client:
                yield Running(port, client, log, letters, accounts, stop)
        finally:
            stop.set()


def form(*fields: tuple[str, Any], account_id: int = ACCOUNT) -> bytes:
    """A body as Kommo sends it, the account block first."""
    block = (("account[subdomain]", "acme"), ("account[id]", account_id))
    return urlencode((*block, *fields)).encode()


def lead(action: str, number: int = 0, **fields: Any) -> tuple[tuple[str, Any], ...]:
    """One lead of an account webhook."""
    values = {
        "id": 900_001 + number,
        "name": "Anna Kowalska",
        "status_id": 61_000_002,
        "price": 0,
        "responsible_user_id": 501,
        "last_modified": 1_760_000_000,
        "modified_user_id": 0,
        "date_create": 1_750_000_000,
        "pipeline_id": 7_000_001,
        "account_id": ACCOUNT,
        **fields,
    }
    return tuple((f"leads[{action}][{number}][{name}]", value) for name, value in values.items())


def plain_trigger(lead_id: int = 900_001) -> bytes:
    fields = {
        "id": lead_id,
        "status_id": 61_000_003,
        "pipeline_id": 7_000_001,
        "old_status_id": 61_000_002,
        "old_pipeline_id": 7_000_001,
    }
    return form(*((f"leads[status][0][{name}]", value) for name, value in fields.items()))


def widget_trigger(type_: int = 14, movement: str = "went_to_trigger") -> bytes:
    return urlencode(
        {
            "event[type]": type_,
            "event[time]": 1_760_000_000,
            "event[data][id]": 900_001,
            "event[data][element_type]": 2,
            "event[data][status_id]": 61_000_003,
            "event[data][pipeline_id]": 7_000_001,
            "event[data][direction_of_movement]": movement,
            "action[settings][widget][settings][rule]": "site",
            "subdomain": "acme",
            "account_id": ACCOUNT,
        }
    ).encode()


def request(body: bytes, *, connection: str = "close") -> bytes:
    """A whole request, for a raw connection."""
    head = (
        f"POST /kommo/{SECRET}/ HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\n"
        f"content-type: {FORM}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
