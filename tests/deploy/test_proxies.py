"""The proxies that are shipped, run as they are: what they keep from Fairlead, and what passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.services.ingress.harness import FORM, SECRET, ingress, plain_trigger
from tests.support.proxies import FOR_PEOPLE, NAME, proxy

pytestmark = pytest.mark.server

each_proxy = pytest.mark.parametrize("program", ["nginx", "caddy"])
HEAD = (
    f"POST /kommo/{SECRET}/ HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: {FORM}\r\n"
    "x-forwarded-for: 203.0.113.9\r\n"
)
CLOSE = "connection: close\r\n"
FEED = "/api/v1/accounts/1/feed"
FRAME = b"id: 1\ndata: {}\n\n"
MIB = 1_024 * 1_024


def post(body: bytes, more: str = CLOSE) -> bytes:
    return f"{HEAD}{more}content-length: {len(body)}\r\n\r\n".encode() + body


def chunked(body: bytes, trailers: bytes) -> bytes:
    head = f"{HEAD}{CLOSE}te: trailers\r\ntrailer: x-trailing\r\ntransfer-encoding: chunked\r\n\r\n"
    return head.encode() + b"%x;a=b\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailers)


@dataclass
class Upstream:
    """Takes the place of ingress, and notes what reaches it."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.lower())
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Streaming(Upstream):
    """Takes the place of the role `web`: one event, and a stream that goes on."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).lower())
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"strict-transport-security: max-age=31536000\r\ntransfer-encoding: chunked\r\n\r\n"
            b"%x\r\n%b\r\n" % (len(FRAME), FRAME)
        )
        await writer.drain()
        await reader.read()
        writer.close()


@asynccontextmanager
async def streaming() -> AsyncIterator[Streaming]:
    noted = Streaming()
    async with await asyncio.start_server(noted.answer, "127.0.0.1", 0) as server:
        noted.port = server.sockets[0].getsockname()[1]
        yield noted


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    noted = Upstream()
    async with await asyncio.start_server(noted.answer, "127.0.0.1", 0) as server:
        noted.port = server.sockets[0].getsockname()[1]
        yield noted


@each_proxy
async def test_S35_webhooks_pass_over_tls_and_their_secret_is_in_no_log(
    program: str, tmp_path: Path
) -> None:
    async with ingress() as running, proxy(program, tmp_path / "proxy", running.port) as front:
        answer = await front.ask(post(plain_trigger()))
        of_widget = await front.ask(post(plain_trigger(3)).replace(b"/kommo/", b"/dp/", 1))
        running.stop.set()
        await asyncio.sleep(0)
        after = await front.ask(post(plain_trigger(2)))
    said = await asyncio.to_thread(front.said)

    assert answer.startswith(b"HTTP/1.1 200")
    assert of_widget.startswith(b"HTTP/1.1 200")
    assert b"strict-transport-security: max-age=31536000" in answer.lower()
    assert after.startswith((b"HTTP/1.1 502", b"HTTP/1.1 200"))
    assert [each.body.lead_id for each in running.log.messages()[:2]] == [900_001, 3]
    assert SECRET.encode() not in said


@each_proxy
async def test_attack_S4_I1_S30_upgrades_chunks_and_invented_addresses_end_at_the_proxy(
    program: str, tmp_path: Path
) -> None:
    body = plain_trigger()
    async with upstream() as noted, proxy(program, tmp_path / "proxy", noted.port) as front:
        upgrade = "connection: upgrade, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
        answers = [
            await front.ask(post(body, upgrade)),
            await front.ask(chunked(body, b"x-trailing: 1\r\n")),
        ]

    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 2
    for head in noted.heads:
        assert b"\r\nupgrade:" not in head
        # Caddy cannot drop trailers; nginx makes a length of the chunks.
        assert program == "caddy" or b"\r\ntransfer-encoding:" not in head
        assert b"\r\nx-forwarded-for: 127.0.0.1\r\n" in head


@each_proxy
async def test_attack_S4_I1_what_they_would_drop_is_read_behind_them(
    program: str, tmp_path: Path
) -> None:
    upgrade = "connection: upgrade, close\r\nupgrade: websocket\r\n"
    async with ingress() as running, proxy(program, tmp_path / "proxy", running.port) as front:
        await front.ask(post(plain_trigger(1), upgrade))
        await front.ask(chunked(plain_trigger(2), b"x-trailing: 1\r\n"))

    assert [message.body.lead_id for message in running.log.messages()] == [1, 2]


@each_proxy
async def test_attack_F35_a_body_over_the_limit_does_not_get_through(
    program: str, tmp_path: Path
) -> None:
    async with ingress() as running, proxy(program, tmp_path / "proxy", running.port) as front:
        answer = await front.ask(post(b"x" * 64))
        large = await front.ask(
            f"{HEAD}{CLOSE}content-length: {MIB + 1}\r\n\r\n".encode() + b"x" * (MIB + 1)
        )

    assert answer.startswith(b"HTTP/1.1 200")
    # Of Caddy before 2.7 it is a bad gateway.
    assert large.split()[1] in (b"413", b"502")
    assert [len(letter.body) for letter in running.letters.kept] == [64]


@each_proxy
@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/kommo"])
async def test_S25_nothing_but_webhooks_gets_through(
    program: str, path: str, tmp_path: Path
) -> None:
    async with upstream() as noted, proxy(program, tmp_path / "proxy", noted.port) as front:
        answer = await front.ask(f"GET {path} HTTP/1.1\r\nhost: {NAME}\r\n{CLOSE}\r\n".encode())
        put = await front.ask(post(b"").replace(b"POST", b"PUT", 1))

    assert answer.startswith(b"HTTP/1.1 404")
    assert put.split()[1] in (b"403", b"404")
    assert noted.heads == []


async def test_attack_S4_F35_nginx_lets_a_body_through_only_when_it_is_complete(
    tmp_path: Path,
) -> None:
    body = plain_trigger()
    async with upstream() as noted, proxy("nginx", tmp_path / "proxy", noted.port) as front:
        reader, writer = await front.connect()
        writer.write(post(body)[:-1])
        await writer.drain()
        # Somebody else's goes through meanwhile, so it is not for want of time.
        assert (await front.ask(post(body))).startswith(b"HTTP/1.1 200")
        before = noted.connections
        writer.write(body[-1:])
        assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"HTTP/1.1 200")
        writer.close()

    assert (before, noted.connections) == (1, 2)


async def test_attack_S4_F35_nginx_bounds_the_requests_of_an_address(tmp_path: Path) -> None:
    edits = {"limit_conn fairlead_address 1000": "limit_conn fairlead_address 3"}
    async with (
        upstream() as noted,
        proxy("nginx", tmp_path / "proxy", noted.port, edits) as front,
    ):
        slow = [await front.connect() for _ in range(3)]
        for _, writer in slow:
            writer.write(post(plain_trigger())[:-1])

        async def answers(status: bytes) -> bytes:
            """Ask until it answers so."""
            async with asyncio.timeout(60):
                while (answer := await front.ask(post(plain_trigger()))).split()[1] != status:
                    pass
            return answer

        refused = await answers(b"503")
        for _, writer in slow:
            writer.close()
        passed = await answers(b"200")

    assert (refused[:12], passed[:12]) == (b"HTTP/1.1 503", b"HTTP/1.1 200")


@each_proxy
async def test_S25_S30_S35_people_reach_the_console_by_a_name_of_its_own_and_streams_pass_at_once(
    program: str, tmp_path: Path
) -> None:
    stream = (
        f"GET {FEED} HTTP/1.1\r\nhost: {FOR_PEOPLE}\r\n"
        "x-forwarded-for: 203.0.113.9\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    )
    async with (
        upstream() as hooks,
        streaming() as web,
        proxy(program, tmp_path / "proxy", hooks.port, web=web.port) as front,
    ):
        reader, writer = await front.connect(FOR_PEOPLE)
        writer.write(stream.encode())
        # The stream never ends: whatever is read of it was not held back.
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        await asyncio.wait_for(reader.readuntil(FRAME), 60)
        writer.close()
        elsewhere = await front.ask(f"GET {FEED} HTTP/1.1\r\nhost: {NAME}\r\n{CLOSE}\r\n".encode())

    assert head.startswith(b"HTTP/1.1 200")
    assert head.lower().count(b"strict-transport-security: max-age=31536000\r\n") == 1
    assert elsewhere.startswith(b"HTTP/1.1 404")
    (reached,) = web.heads
    assert b"\r\nx-forwarded-for: 127.0.0.1\r\n" in reached
    assert b"\r\nupgrade:" not in reached
    assert hooks.heads == []
