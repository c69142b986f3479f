"""Wires the sandbox and runs it, on loopback only."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.sandbox.answers import problem
from services.sandbox.clock import SandboxClock
from services.sandbox.control import control_app
from services.sandbox.crm import Crm, crm_of
from services.sandbox.gate import CUT, Gate
from services.sandbox.harness.app import PREFIXES, harness_app
from services.sandbox.harness.cookies import by_cookie
from services.sandbox.harness.setting import Harness
from services.sandbox.journal import Journal
from services.sandbox.knobs import Knobs
from services.sandbox.limiter import RequestLimit
from services.sandbox.model import CrmAccount
from services.sandbox.rest import rest_app
from services.sandbox.sample import sample_account

HOST: Final = "127.0.0.1"
DOMAINS: Final = ("kommo.com", "amocrm.com", "amocrm.ru", "localhost")
_START_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox as the test in the same loop sees it."""

    base_url: str
    crm: Crm
    harness: Harness
    neighbours: tuple["Sandbox", ...] = ()

    @property
    def account(self) -> CrmAccount:
        """The model."""
        return self.crm.account

    @property
    def knobs(self) -> Knobs:
        """The knobs; turning them takes effect at once."""
        return self.crm.knobs

    @property
    def journal(self) -> Journal:
        """What has happened."""
        return self.crm.journal

    @property
    def token(self) -> str:
        """The administrator's access token."""
        return next(iter(self.account.tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another account of the same Kommo, with knobs of its own."""

    account: CrmAccount
    knobs: Knobs = field(default_factory=Knobs)


@contextlib.asynccontextmanager
async def running_sandbox(
    account: CrmAccount | None = None,
    knobs: Knobs | None = None,
    *,
    port: int = 0,
    neighbours: Sequence[Neighbour] = (),
    certificate: tuple[Path, Path] | None = None,
    clock: SandboxClock | None = None,
) -> AsyncIterator[Sandbox]:
    """Serve accounts until the block ends; hooks still under way are dropped then.

    Each account has a port of its own; a request whose host begins with the subdomain of another
    is that one's on any port. They share their integrations and the limit per source address,
    which the knobs of the first set.

    Args:
        account: The account; the sample without leads if not given.
        knobs: How to behave.
        port: The port on loopback; 0 for any free one.
        neighbours: More accounts.
        certificate: A certificate and its key as PEM files, to serve https.
        clock: The machine's if not given.
    """
    first = crm_of(account or sample_account(), knobs or Knobs(), clock=clock)
    others = (crm_of(each.account, each.knobs, beside=first, clock=clock) for each in neighbours)
    crms = [first, *others]
    listeners = [socket.create_server((HOST, port), backlog=2_048)]
    listeners += [socket.create_server((HOST, 0), backlog=2_048) for _ in neighbours]
    ports = [listener.getsockname()[1] for listener in listeners]
    for crm, its_port in zip(crms, ports, strict=True):
        crm.account.address = crm.account.address or f"{HOST}:{its_port}"
    harnesses = {crm.account.id: Harness(crm=crm) for crm in crms}
    application = _application(dict(zip(ports, crms, strict=True)), harnesses)
    server = _Server(_config(application, certificate))
    deliveries = [asyncio.create_task(crm.deliveries.run()) for crm in crms]
    serving = asyncio.create_task(server.serve(sockets=listeners))
    try:
        async with asyncio.timeout(_START_S):
            await server.up.wait()
        yield _sandboxes(crms, harnesses, ports, "https" if certificate else "http")
    finally:
        for task in deliveries:
            task.cancel()
        server.stop()
        await asyncio.gather(*deliveries, serving, return_exceptions=True)
        for listener in listeners:
            listener.close()


def _sandboxes(
    crms: Sequence[Crm], harnesses: Mapping[int, Harness], ports: Sequence[int], scheme: str
) -> Sandbox:
    first, *others = (
        Sandbox(base_url=f"{scheme}://{HOST}:{port}", crm=crm, harness=harnesses[crm.account.id])
        for crm, port in zip(crms, ports, strict=True)
    )
    return replace(first, neighbours=tuple(others))


def _application(crms: Mapping[int, Crm], harnesses: Mapping[int, Harness]) -> ASGIApp:
    """Serve each account where it is asked for: by the host's first label, else by the port."""
    limiter = RequestLimit(next(iter(crms.values())).knobs)
    apis = {crm.account.id: by_cookie(Gate(rest_app(crm), crm, limiter)) for crm in crms.values()}
    pages = {account_id: harness_app(harness) for account_id, harness in harnesses.items()}
    controls = {crm.account.id: control_app(crm) for crm in crms.values()}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        crm = _asked_for(crms, scope)
        if crm is None:
            await problem(404, "Account not found")(scope, receive, send)
            return
        path = scope["path"]
        chosen: ASGIApp = apis[crm.account.id]
        if path.startswith(PREFIXES):
            chosen = pages[crm.account.id]
        elif path in {"/", "/oauth"} or path.startswith("/sandbox"):
            chosen = controls[crm.account.id]
        await chosen(scope, receive, send)

    return application


def _asked_for(crms: Mapping[int, Crm], scope: Scope) -> Crm | None:
    """The account of a request; none if its host names one that is not here."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin")
    label, _, rest = host.rpartition(":")[0].partition(".") if ":" in host else host.partition(".")
    if rest in DOMAINS:
        named = (crm for crm in crms.values() if crm.account.subdomain == label)
        return next(named, None) if label not in ("www", "api") else next(iter(crms.values()))
    return crms[scope["server"][1]]


def _config(application: ASGIApp, certificate: tuple[Path, Path] | None) -> uvicorn.Config:
    certificate_file, key_file = certificate or (None, None)
    return uvicorn.Config(
        application,
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=certificate_file,
        ssl_keyfile=key_file,
    )


class _CuttableProtocol(HttpToolsProtocol):
    """Lets the application hang up instead of answering."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT: self._cut}  # type: ignore[dict-item]  # ours, not ASGI's

    def _cut(self) -> None:
        self.cycle.disconnected = True
        self.transport.abort()


class _Server(uvicorn.Server):
    """Leaves signals to the process, and tells of its start instead of being polled."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        self.up.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        # uvicorn's own takes turns of 0.1 s to be polite; whoever stops a sandbox is done with it.
        for server in self.servers:
            server.close()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
