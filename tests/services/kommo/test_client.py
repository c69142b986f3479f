"""The client against answers that no sandbox would give, byte by byte."""

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.kommo.rest import Lead, User, read_problem
from services.kommo import transport
from services.kommo.address import checked_base_url
from services.kommo.answers import read
from services.kommo.client import KommoClient
from services.kommo.errors import (
    AccountStopped,
    AddressBlocked,
    MalformedAnswer,
    RateLimited,
    Rejected,
    Unreachable,
)
from services.kommo.limiter import CallTurn, Limiter, Priority
from services.kommo.settings import CallSettings, LimiterSettings
from services.shared.errors import Malformed
from tests.support.certificates import Authority

CANARY = "canary-token-5f1d"
LEAD = {
    "id": 7,
    "status_id": 1,
    "pipeline_id": 2,
    "responsible_user_id": 3,
    "created_at": 1_760_000_000,
    "updated_at": 1_760_000_100,
}


def answer(status: int, body: object = b"", *headers: str) -> bytes:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def page(leads: list[object], following: str | None = None) -> dict[str, object]:
    links = {"next": {"href": following}} if following else {}
    return {"_page": 1, "_links": links, "_embedded": {"leads": leads}}


Script = Callable[[bytes], bytes | None]


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server on loopback; ends after its last connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def stub(script: Script, **settings: float) -> AsyncIterator[tuple[KommoClient, list[bytes]]]:
    """Answers each request with what the script says; None hangs up."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length")]
        length = int(lengths[0].split(b":")[1]) if lengths else 0
        seen.append(head + await reader.readexactly(length))
        reply = script(seen[-1])
        if reply is not None:
            writer.write(reply)
            await writer.drain()

    async with (
        serving(handle) as base_url,
        KommoClient(
            base_url=base_url,
            token=SecretStr(CANARY),
            limiter=Limiter(LimiterSettings(rate_per_s=1_000.0)),
            settings=CallSettings(**settings),  # type: ignore[arg-type]
        ) as client,
    ):
        yield client, seen


@pytest.mark.server
async def test_leads_are_read_with_their_times_as_instants() -> None:
    body = page([LEAD])
    async with stub(lambda _: answer(200, body, "Date: Sun, 09 Nov 2025 10:00:00 GMT")) as (c, _):
        found = await c.leads()

    assert found.leads[0].updated_at.timestamp() == LEAD["updated_at"]
    assert found.answered_at is not None
    assert found.answered_at.isoformat() == "2025-11-09T10:00:00+00:00"


@pytest.mark.server
async def test_250_ids_fit_into_a_request_line_of_8_KiB() -> None:
    async with stub(lambda _: answer(204)) as (client, seen):
        assert (await client.leads_by_ids(range(1_900_000_001, 1_900_000_251))).by_id == {}

    assert len(seen[0].split(b"\r\n")[0]) < 8_000


@pytest.mark.server
@pytest.mark.parametrize(
    "href",
    [
        "http://evil.test/api/v4/leads?page=2",
        "http://127.0.0.1:1/api/v4/leads?page=2",
        "https://127.0.0.1/api/v4/leads?page=2",
        "//evil.test/api/v4/leads?page=2",
        "/api/v4/account?page=2",
        "/api/v4/leads?page=x",
        "/api/v4/leads",
        "http://[",
    ],
)
async def test_S14_a_next_link_that_leads_elsewhere_is_refused(href: str) -> None:
    async with stub(lambda _: answer(200, page([LEAD], href))) as (client, seen):
        with pytest.raises(MalformedAnswer):
            await client.leads()

    assert len(seen) == 1


@pytest.mark.server
async def test_a_list_that_goes_on_for_ever_is_no_list() -> None:
    body = {
        "_links": {"next": {"href": "/api/v4/users?page=2"}},
        "_embedded": {"users": []},
    }
    async with stub(lambda _: answer(200, body)) as (client, seen):
        with pytest.raises(MalformedAnswer, match="/api/v4/users has no end"):
            await client.whole(User, "users", "/api/v4/users", priority=Priority.SWEEP, pages_max=3)

    assert len(seen) == 3


@pytest.mark.server
async def test_a_next_link_to_the_same_list_is_followed() -> None:
    def script(request: bytes) -> bytes:
        return answer(200, page([LEAD], None if b"page=2" in request else "/api/v4/leads?page=2"))

    async with stub(script) as (client, seen):
        first = await client.leads()
        assert first.next_page is not None
        second = await client.leads(next_page=first.next_page)

    assert second.next_page is None
    assert seen[1].startswith(b"GET /api/v4/leads?page=2 ")


@pytest.mark.server
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(200, b"<html>"), MalformedAnswer),
        (answer(200, b"[]"), MalformedAnswer),
        (answer(200, b"{}"), MalformedAnswer),
        (answer(200, b"\xff\xfe"), MalformedAnswer),
        (answer(204), MalformedAnswer),
        (answer(302, b"", "Location: http://127.0.0.1:9/"), MalformedAnswer),
        (answer(200, b"x" * 70_000), MalformedAnswer),
        (answer(401, {"detail": "x"}), AccountStopped),
        (answer(402, {"detail": "x"}), AccountStopped),
        (answer(403, {"detail": "Access denied"}), AccountStopped),
        (answer(403, b"403 Forbidden"), AddressBlocked),
        (answer(429, {"retry_after": "a while"}), RateLimited),
        (answer(429, b"x" * 70_000), RateLimited),
        (answer(500, b"oops"), Unreachable),
        (answer(504), Unreachable),
        (answer(400, b"?"), Rejected),
        (answer(422, {"detail": "Limit 250 per page"}), Rejected),
        (b"nonsense\r\n\r\n", Unreachable),
        (b"", Unreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Unreachable),
    ],
)
async def test_F63_every_answer_has_a_class(reply: bytes, error: type[Exception]) -> None:
    async with stub(lambda _: reply, body_bytes_max=65_536) as (client, seen):
        with pytest.raises(error):
            await client.set_responsible({7: 501})

    assert len(seen) == 1


@pytest.mark.server
async def test_F50_a_cut_after_sending_may_have_happened() -> None:
    async with stub(lambda _: None) as (client, _):
        with pytest.raises(Unreachable) as caught:
            await client.set_responsible({7: 501})

    assert caught.value.may_have_happened


@pytest.mark.server
async def test_F51_a_call_without_an_answer_ends_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as base_url:
        client = KommoClient(
            base_url=base_url,
            token=SecretStr(CANARY),
            limiter=Limiter(),
            settings=CallSettings(total_timeout_s=0.05),
        )
        async with client:
            with pytest.raises(Unreachable) as caught:
                await client.set_responsible({7: 501})

    assert caught.value.may_have_happened


@pytest.mark.server
async def test_F50_a_refused_connection_has_not_happened() -> None:
    client = KommoClient(base_url="http://127.0.0.1:1", token=SecretStr(CANARY), limiter=Limiter())
    async with client:
        with pytest.raises(Unreachable) as caught:
            await client.set_responsible({7: 501})

    assert not caught.value.may_have_happened


@pytest.mark.server
@pytest.mark.parametrize("is_trusted", [False, True])
async def test_S35_whoever_shows_a_certificate_that_nobody_trusted_has_signed_hears_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_trusted: bool
) -> None:
    authority, heard = Authority(tmp_path), list[bytes]()
    certified = authority.certify("kommo")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certified.certificate_file, certified.key_file)
    if is_trusted:
        trust = ssl.create_default_context(cafile=authority.ca_file)
        monkeypatch.setattr(transport, "_trust", lambda: trust)

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))

    async with (
        serving(hang_up, tls) as base_url,
        KommoClient(base_url=base_url, token=SecretStr(CANARY), limiter=Limiter()) as client,
    ):
        with pytest.raises(Unreachable) as caught:
            await client.set_responsible({7: 501})

    assert caught.value.may_have_happened is is_trusted
    assert [CANARY.encode() in each for each in heard] == [True] * is_trusted


@pytest.mark.server
async def test_a_client_that_was_replaced_meanwhile_is_unreachable_and_no_bug() -> None:
    arrived = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()

    async with serving(silent) as base_url:
        client = KommoClient(base_url=base_url, token=SecretStr(CANARY), limiter=Limiter())
        under_way = asyncio.create_task(client.set_responsible({7: 501}))
        await arrived.wait()
        await client.aclose()
        with pytest.raises(Unreachable) as cut:
            await under_way
        with pytest.raises(Unreachable) as late:
            await client.set_responsible({7: 501})

    assert (cut.value.may_have_happened, late.value.may_have_happened) == (True, False)


@pytest.mark.server
async def test_F14_a_client_that_is_replaced_while_its_call_waits_to_start_sends_nothing() -> None:
    class Slow(CallTurn):
        async def start(self) -> None:
            await client.aclose()

    async with stub(lambda _: answer(200, page([LEAD]))) as (client, seen):
        with pytest.raises(Unreachable) as late:
            await client.leads_by_ids([7], turn=Slow(Limiter(), epoch=0, is_probe=False))

    assert not late.value.may_have_happened
    assert seen == []


@pytest.mark.server
async def test_F52_complaints_name_the_element() -> None:
    error = {"code": "NotSupportedChoice", "path": "responsible_user_id", "detail": "no\x00\n"}
    body = {"validation-errors": [{"request_id": "3", "errors": [error]}], "detail": "failed"}
    async with stub(lambda _: answer(400, body)) as (client, _):
        with pytest.raises(Rejected) as caught:
            await client.set_responsible({7: 501})

    (complaint,) = caught.value.complaints
    assert (complaint.index, complaint.code, complaint.detail) == (3, "NotSupportedChoice", "no")


@pytest.mark.server
async def test_F53_an_absence_counts_only_when_the_answer_is_whole() -> None:
    stranger, garbled = {**LEAD, "id": 8}, {**LEAD, "id": 8, "responsible_user_id": None}
    for body in (
        page([stranger]),
        page([garbled]),
        page([LEAD], "/api/v4/leads?page=2"),
    ):
        async with stub(lambda _, body=body: answer(200, body)) as (client, _):  # type: ignore[misc]
            with pytest.raises(MalformedAnswer):
                await client.leads_by_ids([7, 9])


@pytest.mark.server
async def test_S26_one_unreadable_lead_does_not_hide_the_others() -> None:
    async with stub(lambda _: answer(200, page([LEAD, {"id": "x"}, None]))) as (client, _):
        found = await client.leads()

    assert ([lead.id for lead in found.leads], len(found.odd)) == ([7], 2)


@pytest.mark.server
async def test_F63_a_garbled_lead_is_read_again_alone_and_the_others_stand() -> None:
    garbled = {**LEAD, "id": 9, "responsible_user_id": None}
    async with stub(lambda _: answer(200, page([LEAD, garbled]))) as (client, seen):
        with pytest.raises(MalformedAnswer):  # it does not keep to what was asked
            await client.leads_by_ids([7, 9])
    assert len(seen) == 2

    def script(request: bytes) -> bytes:
        return answer(200, page([LEAD, garbled] if b"=7&" in request else [garbled]))

    async with stub(script) as (client, seen):
        found = await client.leads_by_ids([7, 9, 11])

    assert (list(found.by_id), found.unread) == ([7], frozenset({9}))
    assert (found.calls, len(seen)) == (2, 2)


@pytest.mark.server
async def test_F63_nulls_throughout_leave_a_doubt_about_what_is_absent_until_it_is_read_alone() -> (
    None
):
    nulls = dict.fromkeys(LEAD)

    def script(request: bytes) -> bytes:
        if b"=7&" in request:
            return answer(200, page([LEAD, nulls]))
        return answer(200, page([nulls])) if b"=9 " in request else answer(204)

    async with stub(script) as (client, seen):
        found = await client.leads_by_ids([7, 9, 11])

    assert (list(found.by_id), found.unread) == ([7], frozenset({9}))
    assert len(seen) == 3


@pytest.mark.server
async def test_S19_no_failure_shows_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    for reply in (answer(401, {"detail": CANARY}), answer(500, CANARY.encode()), None):
        async with stub(lambda _, reply=reply: reply) as (client, seen):  # type: ignore[misc]
            try:
                await client.account()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is read
                texts += [str(error), repr(error), repr(error.__cause__), repr(client)]
            assert f"Bearer {CANARY}".encode() in seen[0]

    assert len(texts) == 12
    assert CANARY not in " ".join(texts)
    ours = [record for record in caplog.records if record.name.startswith("services")]
    assert CANARY not in " ".join(map(str, ours))


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test",
        "https://acme.kommo.com.evil.test",
        "https://acme.kommo.com@evil.test",
        "https://user@acme.kommo.com",
        "https://evilkommo.com",
        "https://a.b.kommo.com",
        "https://kommo.com",
        "https://acme.kommo.com.",
        "https://ACME.kommo.com",
        "https://acme%2ekommo.com",
        "https://acme.kommo.com:8443",
        "https://acme.kommo.com/path",
        "https://acme.kommo.com?x=1",
        "https://acme.kommo.com\r\nX: y",
        "https://аcme.kommo.com",  # noqa: RUF001 - a Cyrillic letter is the point
        f"https://{'a' * 300}.kommo.com",
        "http://acme.kommo.com",
        "https://10.0.0.1",
        "https://2130706433",
        "https://0177.0.0.1",
        "http://169.254.169.254",
        "ftp://127.0.0.1",
        "https://[",
        "",
    ],
)
def test_S14_a_token_goes_to_kommo_only(address: str) -> None:
    with pytest.raises(Malformed):
        checked_base_url(address)


def test_S14_kommo_and_this_machine_are_fine() -> None:
    for address in ("https://acme.kommo.com", "https://acme.amocrm.ru/", "http://127.0.0.1:80"):
        assert checked_base_url(address) == address.rstrip("/")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
lead_like = st.fixed_dictionaries(
    {}, optional={name: json_values | st.just(value) for name, value in LEAD.items()}
)


@given(lead_like | json_values)
def test_S26_a_lead_is_read_or_malformed_and_nothing_else(data: object) -> None:
    with contextlib.suppress(MalformedAnswer):
        assert read(Lead, json.dumps(data).encode()).id > 0


@given(st.dictionaries(st.sampled_from(["validation-errors", "detail", "title"]), json_values))
def test_S26_a_problem_is_read_whatever_it_holds(data: dict[str, object]) -> None:
    problem = read_problem(json.dumps(data).encode())

    assert problem is not None
    for element in problem.validation_errors:
        for error in element.errors:
            assert len(error.detail) <= 200
    assert len(problem.detail) <= 200
