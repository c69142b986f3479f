"""Wires ingress: what it needs comes in, one address with its limits comes out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.kommo.webhooks import read_body
from services.codec import encode_inbound
from services.errors import Unavailable
from services.http_server import listen
from services.ingress.appender import Appender, DeadLetters
from services.ingress.body import BodyBudget
from services.ingress.clock import ReceiptClock
from services.ingress.detour import Detour, spooled_letters, spooled_log
from services.ingress.directory import AccountDirectory, Accounts
from services.ingress.endpoint import WebhookEndpoint, WebhookLimits
from services.ingress.intake import Intake
from services.ingress.meter import UNMEASURED, Meter
from services.ingress.quota import Quotas
from services.ingress.server import serve_http
from services.ingress.settings import IngressSettings
from services.ingress.spool import Spool, open_spool
from services.ingress.spool_file import SpoolRefused
from services.log.port import LogWriter
from services.ops.health import Register
from services.tracing import UNTRACED, Traces
from services.wall_clock import utc_now

log = structlog.get_logger()

READY_WITHIN_S = 1.0
PROBE_EVERY_S = 1.0

# They keep the address from leaking by browsers (S3).
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
ALIVE = PlainTextResponse("alive\n")
READY = PlainTextResponse("ready\n")
NOT_READY = PlainTextResponse("not ready\n", 503)

Probe = Callable[[], Awaitable[None]]


def create_app(  # noqa: PLR0913  # the ports of a role
    *,
    appender: Appender,
    directory: AccountDirectory,
    settings: IngressSettings,
    now: Callable[[], datetime] = utc_now,
    probe: Probe | None = None,
    spool: Spool | None = None,
    register: Register | None = None,
    meter: Meter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> ASGIApp:
    """The address itself, around parts that somebody else runs.

    Args:
        appender: Makes bodies durable.
        directory: Knows whose secret it is.
        settings: The limits.
        now: The wall clock.
        probe: Returns when the log takes messages, raises `Unavailable` when it does not;
            without one the last write tells.
        spool: Where bodies go meanwhile; as long as it takes them, ingress is ready.
        register: Gets the check of the part `ingress`.
        meter: Counts the answers.
        traces: Told of every message that became durable.
    """
    endpoint = WebhookEndpoint(
        intake=Intake(read=read_body, encode=encode_inbound, clock=ReceiptClock(now)),
        directory=directory,
        appender=appender,
        quotas=Quotas(rate_per_s=settings.rate_per_s, burst=settings.burst, quota=settings.quota),
        budget=BodyBudget(settings.reading_bytes_max),
        limits=WebhookLimits(
            body_bytes_max=settings.body_bytes_max,
            body_read_s=settings.body_read_s,
            answer_within_s=settings.answer_within_ms / 1_000,
        ),
        meter=meter,
        traces=traces,
    )

    readiness = Readiness(appender, directory, probe, spool)
    if register is not None:
        register("ingress", readiness.why_not)
    return Site(endpoint, readiness)


async def serve(  # noqa: PLR0913  # the ports of a role
    *,
    log_writer: LogWriter,
    dead_letters: DeadLetters,
    accounts: Accounts,
    settings: IngressSettings,
    host: str | None = None,
    port: int | None = None,
    stop: asyncio.Event | None = None,
    on_bound: Callable[[int], None] | None = None,
    now: Callable[[], datetime] = utc_now,
    probe: Probe | None = None,
    spool_file: Path | None = None,
    register: Register | None = None,
    meter: Meter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> None:
    """Receive webhooks until `stop` is set or the task is cancelled, then end in order.

    First no connection is taken any more, then requests in flight are answered, then the last
    batch is written; all of it within `stop_within_s` and `answer_within_ms`.

    Args:
        log_writer: The inbound log.
        dead_letters: Where what cannot be used is kept.
        accounts: Where the webhook secrets are registered.
        settings: The limits.
        host: Instead of the one in the settings.
        port: Instead of the one in the settings; 0 for any free one.
        stop: Ends it.
        on_bound: Gets the port once connections are accepted.
        now: The wall clock.
        probe: As for `create_app`.
        spool_file: Takes what the log does not (F15); without one that is a 503.
        register: As for `create_app`.
        meter: Counts the answers and what is in the spool.
        traces: As for `create_app`.

    Raises:
        OSError: The address cannot be listened at.
    """
    listener = listen(
        settings.host if host is None else host, settings.port if port is None else port
    )
    # A wrong address is told before anything else is begun.
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        spool = await stack.enter_async_context(_opened(spool_file, settings))
        detours: list[Detour[Any]] = []
        if spool is not None:
            meter.spool_opened(spool)
            log_writer = spooled_log(log_writer, spool, settings)
            dead_letters = spooled_letters(dead_letters, spool, settings)
            detours = [log_writer.detour, dead_letters.detour]
        appender = create_appender(log_writer, dead_letters, settings)
        directory = create_directory(accounts, settings)
        app = create_app(
            appender=appender,
            directory=directory,
            settings=settings,
            now=now,
            probe=probe,
            spool=spool,
            register=register,
            meter=meter,
            traces=traces,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(appender.run())
            background = [tasks.create_task(directory.keep_fresh())]
            background += [tasks.create_task(detour.drain()) for detour in detours]
            try:
                await serve_http(
                    app,
                    settings,
                    listener=listener,
                    stop=stop or asyncio.Event(),
                    on_bound=on_bound or _log_bound,
                )
            finally:
                for task in background:
                    task.cancel()
                appender.close()


def create_appender(
    log_writer: LogWriter, dead_letters: DeadLetters, settings: IngressSettings
) -> Appender:
    """The appender these settings ask for; its `run` must be running."""
    return Appender(
        log_writer,
        dead_letters,
        queue_bodies_max=settings.queue_bodies_max,
        queue_bytes_max=settings.queue_bytes_max,
        batch_messages_max=settings.batch_messages_max,
        batch_bytes_max=settings.batch_bytes_max,
    )


def create_directory(accounts: Accounts, settings: IngressSettings) -> AccountDirectory:
    """The directory these settings ask for; its `keep_fresh` should be running."""
    return AccountDirectory(
        accounts, wait_s=settings.directory_wait_ms / 1_000, age_max_s=settings.directory_age_max_s
    )


class Readiness:
    """Whether webhooks would be stored now; asks the log at most once per second.

    A spool that takes bodies is as good as the log: were ingress not ready then, a balancer would
    turn away the very webhooks that the spool is for. That the log is away is told by the alert.
    """

    def __init__(
        self,
        appender: Appender,
        directory: AccountDirectory,
        probe: Probe | None,
        spool: Spool | None,
    ) -> None:
        self._appender = appender
        self._directory = directory
        self._probe = probe
        self._spool = spool
        self._probed = False
        self._probe_again_at = 0.0
        self._probing = asyncio.Lock()

    async def why_not(self) -> str | None:
        """None when accounts are known, and the spool or the log takes messages."""
        if self._appender.is_closed:
            return "stopping"
        if not self._directory.is_loaded:
            return "the accounts could not be read yet"
        if self._spool is not None and self._spool.can_take:
            return None
        return None if await self._log_takes() else "neither the log nor the spool takes webhooks"

    async def _log_takes(self) -> bool:
        if self._probe is None:
            return not self._appender.is_failing
        async with self._probing:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._probe_again_at:
                self._probed = await _succeeds(self._probe)
                self._probe_again_at = loop.time() + PROBE_EVERY_S
            return self._probed


@dataclass(frozen=True, slots=True)
class Site:
    """Every path of the address: two health checks, and webhooks on all others.

    Without a framework around it: its layers cost each webhook as much as reading its body.
    """

    webhooks: ASGIApp
    readiness: Readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers added."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        app = await self._app(scope)
        await app(scope, receive, send_with_headers)

    async def _app(self, scope: Scope) -> ASGIApp:
        """What answers the request."""
        if scope["method"] in {"GET", "HEAD"}:
            if scope["path"] == "/healthz":
                return ALIVE
            if scope["path"] == "/readyz":
                return NOT_READY if await self.readiness.why_not() else READY
        return self.webhooks


@asynccontextmanager
async def _opened(path: Path | None, settings: IngressSettings) -> AsyncIterator[Spool | None]:
    """The spool, or None: without it webhooks are still taken as long as the log is there."""
    async with AsyncExitStack() as stack:
        spool = None
        if path is not None:
            opening = open_spool(
                path, rows_max=settings.spool_rows_max, bytes_max=settings.spool_bytes_max
            )
            try:
                spool = await stack.enter_async_context(opening)
            except (SpoolRefused, Unavailable) as error:
                log.error("spool_unusable", reason=str(error))  # noqa: TRY400  # no bug
        yield spool


async def _succeeds(probe: Probe) -> bool:
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            await probe()
    except (Unavailable, TimeoutError):
        return False
    return True


def _log_bound(port: int) -> None:
    log.info("ingress_listening", port=port)
