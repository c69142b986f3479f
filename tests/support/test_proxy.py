"""The proxy that breaks connections does so, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.proxy import HOST, Proxy

pytestmark = pytest.mark.server

WITHIN_S = 60.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(1_024):
        writer.write(piece)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(_echo, HOST, 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    try:
        async with asyncio.timeout(WITHIN_S):
            yield reader, writer
    finally:
        writer.transport.abort()


async def _said(streams: Streams, text: bytes) -> bytes:
    reader, writer = streams
    writer.write(text)
    return await reader.readexactly(len(text))


async def test_it_hands_on_what_is_said_either_way(proxy: Proxy) -> None:
    async with connected(proxy) as one, connected(proxy) as other:
        assert await _said(one, b"a" * 200_000) == b"a" * 200_000
        assert await _said(other, b"b") == b"b"
    assert proxy.accepted == 2


async def test_muted_it_takes_everything_and_hands_it_on_later(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        proxy.mute()
        writer.write(b"held back")
        answer = asyncio.create_task(reader.readexactly(9))
        done, _ = await asyncio.wait([answer], timeout=0.2)
        assert not done
        proxy.unmute()
        assert await answer == b"held back"


async def test_it_breaks_off_what_is_open(proxy: Proxy) -> None:
    async with connected(proxy) as streams:
        await _said(streams, b"a")
        proxy.cut()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await _said(streams, b"b")


async def test_it_breaks_off_after_so_many_bytes(proxy: Proxy) -> None:
    proxy.cut_after_bytes = 5
    async with connected(proxy) as streams:
        assert await _said(streams, b"12345") == b"12345"
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await _said(streams, b"6")


async def test_half_closed_the_client_hears_the_end_and_may_still_talk(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        await _said((reader, writer), b"a")
        proxy.half_close()
        assert await reader.read() == b""
        writer.write(b"still here")
        await writer.drain()


async def test_refusing_it_closes_at_once(proxy: Proxy) -> None:
    proxy.refuses = True
    async with connected(proxy) as (reader, _):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
