"""What anybody can send who knows no secret, against the process that receives webhooks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.services.ingress.attacked import MIB, attacked
from tests.services.ingress.harness import ingress
from tests.support.campaign import Tally
from tests.support.waiting import lasting, until

pytestmark = pytest.mark.server

Judged = Callable[[Tally], None]

# What the sockets of both sides may hold when the server no longer reads.
IN_SOCKETS_BYTES = 16 * MIB
GROWTH_BYTES_MAX = 48 * MIB
AT_ONCE = 20
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"

# What comes first, and what then comes for ever.
ENDLESS = {
    "trailers": (CHUNKED + b"0\r\n", b"x-a: y\r\n" * 1_000),
    "a trailer": (CHUNKED + b"0\r\nx: ", b"y" * 8_000),
    "a trailer's name": (CHUNKED + b"0\r\n", b"y" * 8_000),
    "chunk extensions": (CHUNKED + b"1", b";a=b" * 2_000),
    "a chunk's size": (CHUNKED, b"0" * 8_000),
    "tiny chunks": (CHUNKED, b"1\r\nx\r\n" * 1_500),
    "a chunked body": (CHUNKED, b"2000\r\n" + b"x" * 8_192 + b"\r\n"),
    "a body": (b"content-length: 99999999999\r\n\r\n", b"x" * 8_192),
    "a body nobody waits for": (
        b"expect: 100-continue\r\ncontent-length: 99999999999\r\n\r\n",
        b"x" * 8_192,
    ),
    "headers": (b"", b"x-a: y\r\n" * 1_000),
    "a header": (b"x: ", b"y" * 8_000),
    "an upgrade": (b"connection: upgrade\r\nupgrade: h2c\r\n\r\n", b"x" * 8_192),
    "an upgrade's body": (
        b"connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 99999999999\r\n\r\n",
        b"x" * 8_192,
    ),
    "pipelined requests": (b"\r\n", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 250),
    "after a close": (b"connection: close\r\n\r\n", b"x" * 8_192),
}
LINES = [
    b"GET /healthz HTTP/1.1\r\nhost: x\r\n",
    b"GET /readyz HTTP/1.1\r\nhost: x\r\n",
    b"POST /kommo/guessed/ HTTP/1.1\r\nhost: x\r\n",
]


@pytest.mark.parametrize("name", ENDLESS)
async def test_attack_S4_F35_no_part_of_a_message_goes_on_for_ever(
    name: str, tmp_path: Path, judged: Judged
) -> None:
    head, block = ENDLESS[name]
    async with attacked(tmp_path) as ours:
        await ours.webhook(1)
        before = ours.memory()
        targets = [(ours.port, line) for line in LINES] + [(ours.ops_port, LINES[1])]
        async with asyncio.timeout(120):
            sent = await asyncio.gather(
                *(
                    _feed(port, line + head, block)
                    for port, line in targets
                    for _ in range(AT_ONCE // len(targets))
                )
            )
        growth = ours.memory() - before
        await ours.webhook(2)

        assert max(sent) < IN_SOCKETS_BYTES
        assert growth < GROWTH_BYTES_MAX
        assert ours.refused == []
        judged(await ours.end())


@pytest.mark.parametrize("beginning", [b"GET /", b"\r\n", b"G", b"\x16\x03\x01"])
async def test_attack_S4_F35_what_is_no_request_is_not_read_for_ever(
    beginning: bytes, tmp_path: Path
) -> None:
    async with attacked(tmp_path) as ours:
        before = ours.memory()
        for port in (ours.port, ours.ops_port):
            async with asyncio.timeout(60):
                assert await _feed(port, beginning, beginning[-2:] * 4_000) < IN_SOCKETS_BYTES

        assert ours.memory() - before < GROWTH_BYTES_MAX
        await ours.webhook(1)
        assert ours.accepted == [1]


async def test_attack_S4_F35_who_takes_no_answer_is_hung_up_on(tmp_path: Path) -> None:
    async with attacked(tmp_path, body_read_s=0.5) as ours:
        question = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        _, writer = await asyncio.open_connection("127.0.0.1", ours.port, limit=1)
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
        async with asyncio.timeout(120):
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(question * 8)
                    await writer.drain()
        await ours.webhook(1)

        assert ours.accepted == [1]
        writer.transport.abort()


LONG_BODY = b"content-length: 900000\r\n\r\n"
SLOW = {
    "bodies that need no secret": LINES[0] + LONG_BODY,
    "bodies under a guess": LINES[2] + LONG_BODY,
    "heads": b"POST /kommo/guess HTTP/1.1\r\nhost: ",
    "nothing": b"",
}


@pytest.mark.parametrize("addresses", [1, 40], ids=["one address", "many addresses"])
@pytest.mark.parametrize("name", SLOW)
async def test_attack_S4_F35_slow_senders_lock_nobody_out(
    name: str, addresses: int, tmp_path: Path, judged: Judged
) -> None:
    """Three times as many as there is room for, each fed a byte now and then."""
    async with (
        attacked(tmp_path, connections_max=100, strangers_per_address_max=90) as ours,
        besieged(ours.port, SLOW[name], connections=300, addresses=addresses),
    ):
        for lead_id in range(1, 51):
            await ours.webhook(lead_id)

        assert ours.refused == []
        judged(await ours.end())


async def test_attack_F35_an_address_takes_only_its_part_of_the_room(tmp_path: Path) -> None:
    async with attacked(tmp_path, strangers_per_address_max=5) as ours:
        other = await Caller.of(ours.port, "127.0.0.3")
        crowd = [await Caller.of(ours.port, "127.0.0.2") for _ in range(20)]
        await until(lambda: sum(caller.is_hung_up for caller in crowd) >= 15)

        assert [caller.is_hung_up for caller in crowd] == [True] * 15 + [False] * 5
        assert not other.is_hung_up
        for caller in (*crowd, other):
            caller.writer.close()


async def test_attack_F35_S30_a_proxy_is_no_crowd_and_whom_it_names_may_be() -> None:
    answering = asyncio.Event()

    async def probe() -> None:
        await answering.wait()

    async def ask(source: str, named: str) -> Caller:
        caller = await Caller.of(running.port, source)
        caller.writer.write(LINES[1] + b"x-forwarded-for: 10.0.0.1, %b\r\n\r\n" % named.encode())
        return caller

    async with ingress(probe=probe, strangers_per_address_max=5) as running:
        silent = [await Caller.of(running.port, "127.0.0.1") for _ in range(20)]
        crowd = [await ask("127.0.0.1", "198.51.100.7") for _ in range(7)]
        await until(lambda: sum(caller.is_hung_up for caller in crowd) >= 2)
        other = await ask("127.0.0.1", "198.51.100.8")
        liars = [await ask("127.0.0.2", f"198.51.100.{n}") for n in range(9, 18)]
        hosts = [await ask("127.0.0.1", f"2001:db8:1:2::{n:x}") for n in range(9)]
        for one_address in (liars, hosts):
            await until(lambda: sum(caller.is_hung_up for caller in one_address) >= 4)  # noqa: B023

        assert sum(caller.is_hung_up for caller in (*silent, other)) == 0
        answering.set()
        assert (await other.reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        assert sum(caller.is_hung_up for caller in crowd) == 2
        for caller in (*silent, *crowd, *liars, *hosts, other):
            caller.writer.close()


async def test_attack_S4_F35_refusals_do_not_fill_the_log(tmp_path: Path) -> None:
    async with attacked(tmp_path) as ours:
        for _ in range(50):
            await _feed(ours.port, b"nonsense\r\n\r\n", b"x" * 100)
        await ours.end()
        lines = [orjson.loads(line) for line in ours.log.read_bytes().splitlines()]

    told = [line for line in lines if line["event"] == "connections_refused"]
    assert [line["reason"] for line in told] == ["malformed"]
    assert [line for line in lines if "Invalid" in line["event"]] == []


@dataclass
class Caller:
    """A connection that says what it is told to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def of(cls, port: int, source: str) -> "Caller":
        """One from this address."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))

    @property
    def is_hung_up(self) -> bool:
        """Whether the server has closed it."""
        return self.reader.at_eof()


@asynccontextmanager
async def besieged(
    port: int, head: bytes, *, connections: int, addresses: int
) -> AsyncIterator[None]:
    """So many connections, which come again whenever they are hung up on."""
    come: set[int] = set()

    async def besiege(number: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                caller = await Caller.of(port, f"127.0.1.{number % addresses + 1}")
                come.add(number)
                try:
                    caller.writer.write(head)
                    while not caller.is_hung_up:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(1):
                                await caller.reader.read(1_000)
                        caller.writer.write(b"x")
                finally:
                    caller.writer.transport.abort()
            await lasting(1)

    async with asyncio.TaskGroup() as tasks:
        siege = [tasks.create_task(besiege(number)) for number in range(connections)]
        await until(lambda: len(come) == connections)
        try:
            yield
        finally:
            for task in siege:
                task.cancel()


async def _feed(port: int, head: bytes, block: bytes) -> int:
    """Send the block again and again until the server has had enough; how much it was."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    try:
        writer.write(head)
        while sent < 2 * IN_SOCKETS_BYTES:
            writer.write(block)
            await writer.drain()
            sent += len(block)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return sent
