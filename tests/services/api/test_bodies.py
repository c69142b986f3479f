"""Bodies that are still on their way when the answer is there (A6, S4)."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.services.api.hall import Hall, hall
from tests.support.postgres import TestServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]

LARGE = b"#" * 300_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(postgres_server: TestServer) -> AsyncIterator[Hall]:
    async with hall(postgres_server) as found:
        yield found


async def answered(it: Hall, length: str, body: bytes) -> bytes:
    """What a client gets that sends all of its body before it looks for an answer."""
    address = urlsplit(it.address)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"PUT /api/v1/accounts/{it.account_id}/rules HTTP/1.1",
        "host: 127.0.0.1",
        f"authorization: Bearer {it.keys['administrator']}",
        "content-type: application/yaml",
        "connection: close",
        length,
    )
    writer.write("\r\n".join((*head, "", "")).encode())
    await writer.drain()
    writer.write(body)
    async with asyncio.timeout(60):
        await writer.drain()
        found = await reader.read()
    writer.close()
    return found


@pytest.mark.parametrize(
    ("length", "body"),
    [
        (f"content-length: {len(LARGE)}", LARGE),
        ("transfer-encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(LARGE), LARGE)),
    ],
    ids=["length", "chunks"],
)
async def test_A6_1_who_is_refused_by_the_head_of_a_request_gets_the_answer(
    it: Hall, length: str, body: bytes
) -> None:
    assert b" 428 " in await answered(it, length, body)


async def test_S4_who_never_sends_what_they_announce_is_answered_all_the_same(it: Hall) -> None:
    assert b" 428 " in await answered(it, "content-length: 1000", b"#")
