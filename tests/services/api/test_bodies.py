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
MEBIBYTE = 1_048_576


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


async def test_A7_1_A6_1_a_body_of_more_than_a_mebibyte_is_not_read(it: Hall) -> None:
    """One that comes in pieces as little as one that says so before.

    All on one connection: what came of one body is no part of the next request.
    """

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield LARGE

    place, yaml = "/rules/check", {"content-type": "application/yaml"}
    async with it.asking() as asking:
        fits = await asking.post(place, content=b"#" * MEBIBYTE, headers=yaml)
        again = await asking.post(place, content=b"#" * MEBIBYTE, headers=yaml)
        beyond = await asking.post(place, content=b"#" * (MEBIBYTE + 1), headers=yaml)
        unsaid = await asking.post(place, content=pieces(), headers=yaml)

    assert (fits.status_code, again.status_code) == (200, 200)
    assert [each.status_code for each in (beyond, unsaid)] == [413] * 2
    assert {each.json()["type"] for each in (beyond, unsaid)} == {"/problems/body-too-large"}


async def test_S4_who_never_sends_what_they_announce_is_answered_all_the_same(it: Hall) -> None:
    assert b" 428 " in await answered(it, "content-length: 1000", b"#")
