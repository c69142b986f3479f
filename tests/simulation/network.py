"""What lies between us and Kommo: requests to its API, and its webhooks to us."""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp, Message

from services.sandbox.crm import Crm
from services.sandbox.gate import CUT, Gate
from services.sandbox.rest import rest_app
from services.sandbox.sender import NO_ANSWER
from services.shared.http_guard import VOUCH
from tests.simulation.faults import Faults
from tests.simulation.loop import Process
from tests.simulation.trace import Trace

HANGS_S = 30.0
BLOCKED = (403, {"content-type": "text/plain"}, b"403 Forbidden")


class Line:
    """The line to Kommo and back, with what may go wrong on it.

    Attributes:
        bad: Fault kind to the share of the requests that it hits.
    """

    def __init__(self, random: Random, faults: Faults) -> None:
        self.draw = random.random
        self.faults = faults
        self.bad: dict[str, float] = {}

    def hits(self, kind: str) -> bool:
        """Whether the fault strikes now."""
        share = self.bad.get(kind, 0.0)
        if share and self.draw() < share:
            self.faults.note(kind)
            return True
        return False

    async def way(self) -> None:
        """One way takes a while."""
        await asyncio.sleep(0.05 * self.draw())


class KommoServer:
    """A Kommo in a process of its own, which nobody can kill."""

    def __init__(
        self, crm: Crm, process: Process, on_patch: Callable[[int, str, bytes], None]
    ) -> None:
        self.crm = crm
        self.process = process
        self._on_patch = on_patch
        self._gate = Gate(rest_app(crm), crm)
        process.spawn(crm.deliveries.run())

    def serve(self, request: httpx.Request, body: bytes) -> asyncio.Future[Any]:
        """Serve a request to its end, whatever becomes of who sent it."""
        answer: asyncio.Future[Any] = self.process.loop.create_future()
        self.process.spawn(self._serve(request, body, answer))
        return answer

    async def _serve(
        self, request: httpx.Request, body: bytes, answer: asyncio.Future[Any]
    ) -> None:
        messages: list[Message] = []
        is_cut: list[bool] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (request.url.host, 443),
            "client": ("127.0.0.1", 1),
            "extensions": {CUT: lambda: is_cut.append(True)},
        }
        if request.method == "PATCH":
            kind = request.url.path.rpartition("/")[2]
            self._on_patch(self.crm.account.id, kind, body)
        await self._gate(scope, receive, send)
        if answer.done():
            return
        if is_cut or not messages:
            answer.set_result(None)
            return
        headers = [*messages[0]["headers"], (b"date", self._date())]
        content = b"".join(message.get("body", b"") for message in messages[1:])
        answer.set_result((messages[0]["status"], headers, content))

    def _date(self) -> bytes:
        return formatdate(self.crm.clock.wall(), usegmt=True).encode()


class KommoTransport(httpx.AsyncBaseTransport):
    """Carries the requests of one gateway."""

    def __init__(self, servers: dict[str, KommoServer], line: Line, trace: Trace) -> None:
        self._servers = servers
        self._line = line
        self._trace = trace

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and wait for the answer.

        Raises:
            httpx.TransportError: No connection, or one that broke.
        """
        line, server = self._line, self._servers[request.url.host]
        body = await request.aread()
        self._trace.note("request", request.method, str(request.url.raw_path), body)
        await line.way()
        early = self._early_end()
        if early is not None:
            return httpx.Response(early[0], headers=early[1], content=early[2])
        if line.hits("kommo.unreachable"):
            if line.draw() < 0.5:
                raise httpx.ConnectError("no route")
            await asyncio.sleep(HANGS_S)
        answer = await server.serve(request, body)
        await line.way()
        if line.hits("kommo.unknown") or answer is None:
            if line.draw() < 0.5:
                await asyncio.sleep(HANGS_S)
            raise httpx.ReadError("cut")
        if request.method == "PATCH" and line.hits("kommo.5xx_done"):
            answer = (504, [], b"gateway timeout")
        status, headers, content = answer
        refused = server.crm.knobs.refuse_lead_ids
        if status == 400 and any(b"%d" % lead_id in body for lead_id in refused):
            line.faults.note("kommo.refuses_lead")
        self._trace.note("answer", request.method, status, content)
        return httpx.Response(status, headers=headers, content=content)

    def _early_end(self) -> tuple[int, dict[str, str], bytes] | None:
        line = self._line
        if line.hits("kommo.blocked"):
            return BLOCKED
        if line.hits("kommo.stopped"):
            status = (401, 402, 403)[int(3 * line.draw())]
            body = b'{"title":"No","type":"x","status":%d,"detail":"no"}' % status
            return status, {"content-type": "application/problem+json"}, body
        if line.hits("kommo.5xx"):
            return (500, 502, 503)[int(3 * line.draw())], {}, b"oops"
        if line.hits("kommo.429"):
            return 429, {"retry-after": str(1 + int(5 * line.draw()))}, b"{}"
        return None


class HookPost:
    """Carries webhooks to whichever process is ingress now (`services.sandbox.delivery.Post`)."""

    def __init__(self, line: Line, trace: Trace, door: Callable[[], "Door | None"]) -> None:
        self._line = line
        self._trace = trace
        self._door = door
        self.sent: list[tuple[float, bytes, int]] = []

    async def post(self, url: str, headers: bytes, body: bytes, *, limit_s: float) -> int:
        """Post a body; 0 for no answer."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        status = NO_ANSWER
        try:
            async with asyncio.timeout(limit_s):
                status = await self._post(url, headers, body)
        finally:
            self.sent.append((started, body, status))
            self._trace.note("hook", status, body)
        return status

    async def _post(self, url: str, headers: bytes, body: bytes) -> int:
        line = self._line
        await line.way()
        door = self._door()
        if door is None or line.hits("hook.refused"):
            self._line.faults.note("hook.refused")
            return NO_ANSWER
        status = await door.knock(urlsplit(url).path, headers, body)
        await line.way()
        if line.hits("hook.unanswered"):
            await asyncio.sleep(HANGS_S)
        return status

    def close(self) -> None:
        """Nothing is kept between two posts."""


class Door:
    """The address of one ingress process."""

    def __init__(self, app: ASGIApp, process: Process) -> None:
        self._app = app
        self._process = process
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._number = 0
        process.on_death.append(self._hang_up)

    @property
    def is_open(self) -> bool:
        """Whether somebody listens."""
        return self._process.is_alive

    async def knock(self, path: str, headers: bytes, body: bytes) -> int:
        """The status of the answer; 0 when the process dies over it."""
        answer: asyncio.Future[int] = self._process.loop.create_future()
        self._number += 1
        number = self._number
        self._waiting[number] = answer
        self._process.spawn(self._serve(path, headers, body, answer))
        try:
            return await answer
        finally:
            del self._waiting[number]

    async def _serve(
        self, path: str, headers: bytes, body: bytes, answer: asyncio.Future[int]
    ) -> None:
        statuses: list[int] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        lines = [line.split(b": ", 1) for line in headers.split(b"\r\n") if line]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "root_path": "",
            "server": ("127.0.0.1", 8080),
            "headers": [(name.lower(), value) for name, value in lines],
            "state": {VOUCH: lambda: None},
        }
        await self._app(scope, receive, send)
        if not answer.done():
            answer.set_result(statuses[0])

    def _hang_up(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(NO_ANSWER)
