"""Wires the sandbox and runs it, on loopback only."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.sandbox.control import control_app
from services.sandbox.crm import Crm, crm_of
from services.sandbox.gate import CUT, Gate
from services.sandbox.journal import Journal
from services.sandbox.knobs import Knobs
from services.sandbox.model import Account
from services.sandbox.rest import rest_app
from services.sandbox.sample import sample_account

HOST: Final = "127.0.0.1"
_START_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox as the test in the same loop sees it."""

    base_url: str
    crm: Crm

    @property
    def account(self) -> Account:
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


@contextlib.asynccontextmanager
async def running_sandbox(
    account: Account | None = None, knobs: Knobs | None = None, *, port: int = 0
) -> AsyncIterator[Sandbox]:
    """Serve an account until the block ends; hooks still under way are dropped then.

    Args:
        account: The account; the sample without leads if not given.
        knobs: How to behave.
        port: The port on loopback; 0 for any free one.
    """
    crm = crm_of(account or sample_account(), knobs or Knobs())
    listener = socket.create_server((HOST, port), backlog=2_048)
    server = _Server(_config(_application(crm)))
    deliveries = asyncio.create_task(crm.deliveries.run())
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(_START_S):
            await server.up.wait()
        yield Sandbox(base_url=f"http://{HOST}:{listener.getsockname()[1]}", crm=crm)
    finally:
        deliveries.cancel()
        server.stop()
        await asyncio.gather(deliveries, serving, return_exceptions=True)
        listener.close()


def _application(crm: Crm) -> ASGIApp:
    api, control = Gate(rest_app(crm), crm), control_app(crm)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        chosen: ASGIApp = control if scope["path"].startswith("/sandbox") else api
        await chosen(scope, receive, send)

    return application


def _config(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
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
