"""Wires ingress: what it needs comes in, one address with its limits comes out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.kommo.webhooks import reading
from services.ingress.answers import answer
from services.ingress.appender import Appender, Appenders, SealedLetterBox
from services.ingress.body import BodyBudget
from services.ingress.clock import ReceiptClock
from services.ingress.detour import Detour, spooled_letters, spooled_log
from services.ingress.directory import AccountDirectory, SecretsRegistry
from services.ingress.endpoint import WebhookEndpoint, WebhookLimits
from services.ingress.hook_kinds import HeardStore, HookKinds
from services.ingress.intake import Intake
from services.ingress.meter import UNMEASURED, IngressMeter
from services.ingress.quota import Quota, Quotas
from services.ingress.raw_keeper import RawKeeper, RawStore
from services.ingress.settings import IngressSettings
from services.ingress.spool import Spool, open_spool
from services.ingress.spool_file import SpoolRefused
from services.ingress.triggers import Find, KnownRevisions, none_known
from services.log.port import LogWriter
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from services.shared.health import Register
from services.shared.http_server import listen, serve_until
from services.shared.lasting import lasting
from services.shared.tracing import UNTRACED, Traces
from services.shared.wall_clock import utc_now
from services.storage.raw_bodies import RawBodySettings

log = structlog.get_logger()

READY_WITHIN_S = 1.0
PROBE_EVERY_S = 1.0

ALIVE = answer("alive\n")
READY = answer("ready\n")
NOT_READY = answer("not ready\n", 503)

Probe = Callable[[], Awaitable[None]]


def create_app(  # noqa: PLR0913  # the ports of a role
    *,
    appenders: Appenders,
    directory: AccountDirectory,
    settings: IngressSettings,
    now: Callable[[], datetime] = utc_now,
    probe: Probe | None = None,
    spool: Spool | None = None,
    register: Register | None = None,
    meter: IngressMeter = UNMEASURED,
    traces: Traces = UNTRACED,
    find: Find = none_known,
    raw: RawKeeper | None = None,
    heard: HookKinds | None = None,
) -> ASGIApp:
    """The address itself, around parts that somebody else runs.

    Args:
        appenders: Make bodies durable.
        directory: Knows whose secret it is.
        settings: The limits.
        now: The wall clock.
        probe: Returns when the log takes messages, raises `Unavailable` when it does not;
            without one the last write tells.
        spool: Where bodies go meanwhile; as long as it takes them, ingress is ready.
        register: Gets the check of the part `ingress`.
        meter: Counts the answers.
        traces: Told of every message that became durable.
        find: Looks up what triggers of the widget carry.
        raw: Keeps bodies that were understood; its `run` must be running.
        heard: Notes the kinds of hooks; its `run` must be running.
    """
    endpoint = WebhookEndpoint(
        intake=Intake(read=reading, encode=encode_inbound, clock=ReceiptClock(now)),
        directory=directory,
        appenders=appenders,
        quotas=create_quotas(settings),
        budget=BodyBudget(settings.reading_bytes_max),
        limits=WebhookLimits(
            body_bytes_max=settings.body_bytes_max,
            in_flight_max=settings.in_flight_max,
            answer_within_s=settings.answer_within_ms / 1_000,
        ),
        meter=meter,
        traces=traces,
        revisions=KnownRevisions(find),
        raw=raw,
        heard=heard,
    )

    readiness = Readiness(appenders, directory, probe, spool)
    if register is not None:
        register("ingress", readiness.why_not)
    return Site(endpoint, readiness)


async def serve(  # noqa: PLR0913  # the ports of a role
    *,
    log_writer: LogWriter,
    dead_letters: SealedLetterBox,
    accounts: SecretsRegistry,
    settings: IngressSettings,
    host: str | None = None,
    port: int | None = None,
    stop: asyncio.Event | None = None,
    on_bound: Callable[[int], None] | None = None,
    now: Callable[[], datetime] = utc_now,
    probe: Probe | None = None,
    spool_file: Path | None = None,
    register: Register | None = None,
    meter: IngressMeter = UNMEASURED,
    traces: Traces = UNTRACED,
    find: Find = none_known,
    raw_bodies: RawStore | None = None,
    raw_settings: RawBodySettings | None = None,
    hooks_heard: HeardStore | None = None,
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
        find: Looks up what triggers of the widget carry.
        raw_bodies: Where bodies that were understood are kept; nowhere without one.
        raw_settings: How often they are written.
        hooks_heard: Where it is noted of which kinds hooks come.

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
        appenders = create_appenders(log_writer, dead_letters, settings)
        directory = create_directory(accounts, settings)
        raw = _raw_keeper(raw_bodies, raw_settings or RawBodySettings(), now, meter)
        heard = None if hooks_heard is None else HookKinds(hooks_heard, now)
        app = create_app(
            appenders=appenders,
            directory=directory,
            settings=settings,
            now=now,
            probe=probe,
            spool=spool,
            register=register,
            meter=meter,
            traces=traces,
            find=find,
            raw=raw,
            heard=heard,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(appenders.run())
            if raw is not None:
                tasks.create_task(raw.run())
            background = [tasks.create_task(lasting("directory", directory.keep_fresh))]
            if heard is not None:
                background.append(tasks.create_task(heard.run()))
            background += [tasks.create_task(detour.drain()) for detour in detours]
            try:
                await serve_until(
                    app,
                    settings.http,
                    listener=listener,
                    stop=stop or asyncio.Event(),
                    on_bound=on_bound or _log_bound,
                )
            finally:
                for task in background:
                    task.cancel()
                appenders.close()
                if raw is not None:
                    raw.close()


def _raw_keeper(
    store: RawStore | None,
    settings: RawBodySettings,
    now: Callable[[], datetime],
    meter: IngressMeter,
) -> RawKeeper | None:
    if store is None or not settings.days_max:
        return None
    return RawKeeper(
        store,
        now,
        every_s=settings.write_every_s,
        waiting_bytes_max=settings.waiting_bytes_max,
        meter=meter,
    )


def create_appenders(
    log_writer: LogWriter, dead_letters: SealedLetterBox, settings: IngressSettings
) -> Appenders:
    """The appenders these settings ask for; their `run` must be running."""
    return Appenders(
        *(
            Appender(
                log_writer,
                dead_letters,
                queue_bodies_max=settings.queue_bodies_max,
                queue_bytes_max=settings.queue_bytes_max,
                batch_bytes_max=settings.batch_bytes_max,
                turn_bytes_max=settings.turn_bytes_max,
            )
            for _ in range(2)
        )
    )


def create_quotas(settings: IngressSettings) -> Quotas:
    """The quotas these settings ask for."""
    return Quotas(
        bodies=Quota(per_s=settings.rate_per_s, burst=settings.burst, reserve=settings.quota),
        size=_halved(settings.bytes_per_s, settings.bytes_quota),
        items=_halved(settings.items_per_s, settings.items_quota),
    )


def _halved(per_s: float, most: int) -> Quota:
    return Quota(per_s=per_s, burst=most - most // 2, reserve=most // 2)


def create_directory(accounts: SecretsRegistry, settings: IngressSettings) -> AccountDirectory:
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
        appenders: Appenders,
        directory: AccountDirectory,
        probe: Probe | None,
        spool: Spool | None,
    ) -> None:
        self._appenders = appenders
        self._directory = directory
        self._probe = probe
        self._spool = spool
        self._probed = False
        self._probe_again_at = 0.0
        self._probing = asyncio.Lock()

    async def why_not(self) -> str | None:
        """None when accounts are known, and the spool or the log takes messages."""
        if self._appenders.is_closed:
            return "stopping"
        if not self._directory.is_loaded:
            return "the accounts could not be read yet"
        async with self._probing:
            if self._spool is not None and await self._spool.takes():
                return None
            if await self._log_takes():
                return None
        return "neither the log nor the spool takes webhooks"

    async def _log_takes(self) -> bool:
        # That it answers is not enough: with a full disk it does, and takes nothing (F75).
        if self._appenders.is_failing:
            return False
        if self._probe is None:
            return True
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
        """Answer."""
        if scope["method"] in {"GET", "HEAD"} and scope["path"] in {"/healthz", "/readyz"}:
            app: ASGIApp = await self._health(scope["path"])
        else:
            app = self.webhooks
        await app(scope, receive, send)

    async def _health(self, path: str) -> ASGIApp:
        if path == "/healthz":
            return ALIVE
        return NOT_READY if await self.readiness.why_not() else READY


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
