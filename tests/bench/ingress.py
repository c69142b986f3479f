"""What durability costs a webhook: the same ingress over the real log and over none."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from contracts.kommo.forms import encode_form
from services.ingress.app import serve
from services.ingress.settings import IngressSettings
from services.log.port import Entry, LogWriter
from services.log.postgres import PostgresLogWriter
from services.sandbox.sender import Sender
from services.shared.secrets import digest_of, new_webhook_secret
from services.storage.accounts import WebhookOwner
from services.storage.dead_letters import DeadLetters
from tests.bench.database import bench_pool
from tests.bench.figures import Figure, ratio
from tests.support.vault import VAULT

ACCOUNT_ID = 1
HOOKS = 1_000
IN_FLIGHT = 256
RUNS = 5
HEADERS = b"Content-Type: application/x-www-form-urlencoded\r\n"


class NoLog:
    """Forgets everything at once."""

    async def publish(self, entries: Sequence[Entry]) -> None:
        del entries


async def measure_ingress(folder: Path) -> list[Figure]:
    """1,000 webhooks at once, durable and not."""
    durable: list[Burst] = []
    fleeting: list[Burst] = []
    long: list[Burst] = []
    async with bench_pool(folder) as pool:
        for _ in range(RUNS + 1):
            durable.append(await webhooks(pool, PostgresLogWriter(pool)))
            fleeting.append(await webhooks(pool, NoLog()))
            long.append(await webhooks(pool, PostgresLogWriter(pool), fields=4))
    # The first round warms up.
    took = [[burst.took_s for burst in each[1:]] for each in (durable, fleeting)]
    return [
        ratio("ingress: durable / not durable, 1,000 webhooks at once", *took),
        *figures_of("ingress: durable", durable[1:]),
        _cpu_of("ingress: durable, 2 kB", long[1:]),
    ]


class NotKept(Exception):
    """The machine did not manage to keep a webhook in time."""


class Burst(NamedTuple):
    """What a thousand at once came to.

    Attributes:
        took_s: All of them.
        p99_s: The 99th percentile of one.
        cpu_s: Of this process, the senders included; other load on the machine hardly moves it.
    """

    took_s: float
    p99_s: float
    cpu_s: float


def figures_of(name: str, bursts: Sequence[Burst]) -> list[Figure]:
    """In absolute numbers."""
    return [
        Figure(f"{name}: p99 of an answer, 1,000 at once", [b.p99_s * 1_000 for b in bursts], "ms"),
        Figure(f"{name}: webhooks", [HOOKS / b.took_s for b in bursts], "per s"),
        _cpu_of(name, bursts),
    ]


def _cpu_of(name: str, bursts: Sequence[Burst]) -> Figure:
    cpu_ms = [b.cpu_s * 1_000 / HOOKS for b in bursts]
    return Figure(f"{name}: CPU of a webhook, its sender included", cpu_ms, "ms")


async def webhooks(pool: Any, log_writer: LogWriter, *, fields: int = 0) -> Burst:
    """A thousand at once, on as many connections as may be in flight; with custom fields."""
    bodies = {lead_id: _body(lead_id, fields) for lead_id in range(1, HOOKS + 1)}
    secret = new_webhook_secret()

    class Accounts:
        async def webhook_owners(self) -> Mapping[bytes, WebhookOwner]:
            return {digest_of(secret): WebhookOwner(ACCOUNT_ID, "acme")}

    stop, bound = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            log_writer=log_writer,
            dead_letters=DeadLetters(pool, VAULT),
            accounts=Accounts(),
            settings=IngressSettings(burst=1_000_000),
            host="127.0.0.1",
            port=0,
            stop=stop,
            on_bound=bound.set_result,
        )
    )
    url = f"http://127.0.0.1:{await bound}/kommo/{secret.get_secret_value()}/"
    sender = Sender()
    waiting = asyncio.Semaphore(IN_FLIGHT)

    async def post(lead_id: int) -> float:
        async with waiting:
            started = time.perf_counter()
            status = await sender.post(url, HEADERS, bodies[lead_id], limit_s=10)
            if status != HTTPStatus.OK:
                raise NotKept(f"a webhook was answered with {status}")
            return time.perf_counter() - started

    started, used = time.perf_counter(), time.process_time()
    try:
        each = await asyncio.gather(*map(post, bodies))
        took, cpu = time.perf_counter() - started, time.process_time() - used
    finally:
        sender.close()
        stop.set()
        await serving
    return Burst(took, statistics.quantiles(each, n=100)[98], cpu)


def _body(lead_id: int, fields: int) -> bytes:
    lead: dict[str, Any] = {"id": lead_id, "status_id": 2, "pipeline_id": 1, "old_status_id": 1}
    if fields:  # all that Kommo tells of a lead; with four of them it is 2 kB
        lead |= dict.fromkeys(("responsible_user_id", "created_user_id", "modified_user_id"), 501)
        lead |= dict.fromkeys(
            ("date_create", "last_modified", "created_at", "updated_at"), 1_764_000_000
        )
        lead |= {"name": f"Request {lead_id} of the site", "price": 1_500, "account_id": ACCOUNT_ID}
        lead["custom_fields"] = [
            {
                "id": 184_990 + number,
                "name": f"Field number {number}",
                "values": [{"value": f"What a person wrote {number}", "enum": 9_000 + number}],
            }
            for number in range(fields)
        ]
    return encode_form(
        {
            "leads": {"status": {"0": {**lead, "old_pipeline_id": 1}}},
            "account": {"id": ACCOUNT_ID, "subdomain": "acme"},
        }
    )
