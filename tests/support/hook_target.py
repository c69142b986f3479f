"""A server that is told by webhooks: it keeps what it gets, and answers as it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import SecretStr
from standardwebhooks import Webhook

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD_MAX = 64 * 1024


def status(number: int, *headers: str) -> bytes:
    """An answer without a body."""
    lines = [f"HTTP/1.1 {number} Told", *headers, "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


@dataclass(frozen=True, slots=True)
class Told:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> Any:
        return orjson.loads(self.body)

    def verify(self, secret: SecretStr) -> Any:
        """As a receiver does; what does not verify is raised."""
        return Webhook(secret.get_secret_value()).verify(self.body, self.headers)


@dataclass
class HookTarget:
    """The server.

    Attributes:
        answers: Used up one by one, then `answer`; None never answers.
        endless: Whether a body without an end follows each answer.
        answers_after: What answers wait for.
    """

    url: str = ""
    answer: bytes | None = OK
    answers: list[bytes | None] = field(default_factory=list)
    endless: bool = False
    answers_after: asyncio.Event | None = None
    told: list[Told] = field(default_factory=list)
    present: int = 0
    most: int = 0

    def ids(self) -> list[str]:
        return [each.id for each in self.told]

    def versions(self) -> list[int]:
        return [each.data["version"] for each in self.told]

    def versions_of(self, event_type: str) -> set[int]:
        return {each.data["version"] for each in self.told if each.data["type"] == event_type}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.present += 1
        self.most = max(self.most, self.present)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the sender hung up
        finally:
            self.present -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.told.append(Told(head[0].split(" ")[1], headers, body))
        answer = self.answers.pop(0) if self.answers else self.answer
        if self.answers_after is not None:
            await self.answers_after.wait()
        if answer is None:
            await reader.read()  # until the sender hangs up
            return
        writer.write(answer)
        await writer.drain()
        while self.endless:
            writer.write(b"x" * HEAD_MAX)
            await writer.drain()


@asynccontextmanager
async def hook_target(tls: ssl.SSLContext | None = None) -> AsyncIterator[HookTarget]:
    """A target on loopback."""
    target = HookTarget()
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0, ssl=tls, limit=HEAD_MAX)
    port = server.sockets[0].getsockname()[1]
    target.url = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{port}/hooks"
    try:
        yield target
    finally:
        server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()
