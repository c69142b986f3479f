"""Bounds, secrets, and the other addresses."""

import asyncio
import logging
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given, strategies
from structlog.testing import capture_logs

from contracts.kommo.steps import at_once
from contracts.kommo.webhooks import reading
from services.ingress.body import Body
from services.ingress.clock import ReceiptClock
from services.ingress.intake import Intake
from services.ingress.quota import Quota, Quotas, SendingPace
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from services.storage.accounts import WebhookOwner
from tests.services.ingress.harness import (
    ACCOUNT,
    FORM,
    OTHER_SECRET,
    SECRET,
    MemoryAccounts,
    MemoryLog,
    form,
    ingress,
    lead,
    plain_trigger,
    request,
)
from tests.support.waiting import until

pytestmark = pytest.mark.server

OWNER = WebhookOwner(ACCOUNT, "acme")
NEW_SECRET = SECRET[::-1]
HEAD = f"POST /kommo/{SECRET}/ HTTP/1.1\r\nhost: x\r\n".encode()
UNKNOWN_PATHS = [
    "/kommo/wrong/",
    f"/kommo/{SECRET[:-1]}/",
    f"/kommo/{SECRET}x",
    f"/kommo/{SECRET}//",
    f"/kommo/{SECRET}/more",
    f"/{SECRET}/",
    "/kommo/",
    "/kommo",
    "/",
    "/metrics",
    "/kommo/%00%ff/",
    "/docs",
]


async def test_S1_an_unknown_secret_is_answered_like_any_unknown_path() -> None:
    async with ingress() as running:
        unknown = _visible(await running.client.get("/nothing-here"))
        answers = {
            (method, path): _visible(
                await running.client.request(method, path, content=plain_trigger())
            )
            for method in ("GET", "POST", "PUT", "DELETE")
            for path in UNKNOWN_PATHS
        }

    assert unknown[0] == 404
    assert answers == dict.fromkeys(answers, unknown)
    assert (running.log.published, running.letters.kept) == ([], [])


async def test_S1_guessing_does_not_load_the_database() -> None:
    async with ingress(directory_wait_ms=60_000) as running:
        await until(lambda: running.accounts.looks > 0)
        for number in range(50):
            assert (await running.post(b"", secret=f"guess-{number}")).status_code == 404

    assert running.accounts.looks == 2  # at the start, and for the first guess


async def test_S1_a_new_address_is_valid_at_once_however_lately_others_were_found() -> None:
    async with ingress(directory_wait_ms=60_000) as running:
        await until(lambda: running.accounts.looks > 0)
        looks = running.accounts.looks
        for secret in (NEW_SECRET, SECRET.upper()):
            running.accounts.add(secret, ACCOUNT)
            answers = await asyncio.gather(
                *(running.post(plain_trigger(), secret=secret) for _ in range(5))
            )
            assert {answer.status_code for answer in answers} == {200}

    assert running.accounts.looks == looks + 2


async def test_S1_a_new_account_is_found_at_its_first_webhook() -> None:
    accounts = MemoryAccounts()
    async with ingress(accounts=accounts, directory_wait_ms=1) as running:
        assert (await running.post(plain_trigger())).status_code == 404
        accounts.add(SECRET, ACCOUNT)
        async with asyncio.timeout(60):
            while (await running.post(plain_trigger())).status_code == 404:
                pass

    assert len(running.log.messages()) == 1


async def test_S1_two_secrets_are_valid_during_rotation_and_a_withdrawn_one_stops() -> None:
    async with ingress(directory_age_max_s=0.02) as running:
        running.accounts.add(NEW_SECRET, ACCOUNT)
        looks = running.accounts.looks
        await until(lambda: running.accounts.looks > looks + 1)
        assert (await running.post(plain_trigger())).status_code == 200
        new = await running.post(plain_trigger(), secret=NEW_SECRET)
        assert new.status_code == 200
        running.accounts.digests.clear()
        looks = running.accounts.looks
        await until(lambda: running.accounts.looks > looks + 1)

        assert (await running.post(plain_trigger())).status_code == 404


async def test_F37_known_accounts_are_served_while_the_registry_is_away() -> None:
    async with ingress(directory_age_max_s=0.02) as running:
        await until(lambda: running.accounts.looks > 0)
        running.accounts.is_down = True
        looks = running.accounts.looks
        await until(lambda: running.accounts.looks > looks + 1)

        assert (await running.post(plain_trigger())).status_code == 200


async def test_F37_before_the_accounts_are_known_nobody_is_told_404() -> None:
    accounts = MemoryAccounts(is_down=True)
    async with ingress(accounts=accounts, directory_wait_ms=1) as running:
        assert (await running.post(plain_trigger())).status_code == 503
        assert (await running.client.get("/readyz")).status_code == 503
        assert (await running.client.get("/healthz")).status_code == 200
        accounts.is_down = False
        accounts.add(SECRET, ACCOUNT)
        looks = accounts.looks
        await until(lambda: accounts.looks > looks)

        assert (await running.post(plain_trigger())).status_code == 200


async def test_S3_the_secret_is_in_no_line_of_any_log_and_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = []
    log = MemoryLog()
    with capture_logs() as lines:
        async with ingress(
            log=log, answer_within_ms=100, burst=5, quota=2, rate_per_s=0.1
        ) as running:
            answers.append(await running.client.get(f"/kommo/{SECRET}/"))
            answers.append(await running.client.put(f"/kommo/{SECRET}/"))
            answers.append(await running.client.get(f"/kommo/{SECRET}/unknown?{SECRET}"))
            answers.extend([await running.post(b"nonsense") for _ in range(4)])
            answers.append(await running.post(form(*lead("add")), secret=OTHER_SECRET))
            log.is_down = True
            answers.append(await running.post(plain_trigger()))
            log.is_down, log.error = False, RuntimeError("bug")
            answers.append(await running.post(plain_trigger()))
            answers.extend([await running.post(plain_trigger()) for _ in range(4)])
            await running.raw(HEAD + b"bad header\r\n\r\n")
            await running.raw(HEAD + b"x: " + b"y" * 20_000 + b"\r\n\r\n")

    said = [record for record in caplog.records if not record.name.startswith("http")]
    text = f"{lines} {[(r.getMessage(), r.exc_text) for r in said]}"
    assert {answer.status_code for answer in answers} >= {200, 404, 405, 429, 503}
    for secret in (SECRET, OTHER_SECRET):
        assert secret not in text
        assert all(secret not in f"{a.text} {a.headers}" for a in answers)
    assert "Anna" not in text


async def test_S3_every_answer_keeps_the_address_from_leaking() -> None:
    async with ingress() as running:
        for path in ("/healthz", "/nothing", f"/kommo/{SECRET}/"):
            headers = (await running.client.get(path)).headers

            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert "server" not in headers


async def test_S1_a_person_who_opens_the_address_is_told_what_it_is() -> None:
    async with ingress() as running:
        answer = await running.client.get(f"/kommo/{SECRET}/")
        head = await running.client.head(f"/kommo/{SECRET}/")

    assert answer.text == "Fairlead receives Kommo's webhooks here (POST).\n"
    assert (answer.status_code, head.status_code, head.content) == (200, 200, b"")


async def test_F35_a_body_over_the_limit_is_answered_413_and_its_beginning_kept() -> None:
    body = b"leads[add][0][name]=" + b"x" * 3_000_000
    async with ingress() as running:
        answer = await running.post(body)
        assert answer.status_code == 413
        assert answer.text == "The body has more than 1048576 bytes.\n"
        assert (await running.post(plain_trigger())).status_code == 200

    [letter] = running.letters.kept
    assert (letter.account_id, letter.body) == (ACCOUNT, body[:65_536])
    assert (letter.reason, letter.size) == ("body too large", 3_000_020)


async def test_F35_an_endless_body_is_cut_off_and_its_beginning_kept() -> None:
    async with ingress() as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        with pytest.raises(ConnectionError):
            await _write_for_ever(writer, b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        writer.close()
        assert (await running.post(plain_trigger())).status_code == 200

    assert [len(letter.body) for letter in running.letters.kept] == [65_536]


async def test_F35_a_body_that_does_not_end_in_time_is_given_up() -> None:
    async with ingress(body_read_s=0.1) as running:
        answer = await running.raw(HEAD + b"content-length: 1000\r\n\r\nleads[add]")

    assert answer.startswith(b"HTTP/1.1 408")
    assert (running.log.published, running.letters.kept) == ([], [])


async def test_F35_a_sender_who_hangs_up_in_his_body_leaves_nothing() -> None:
    async with ingress() as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(HEAD + b"content-length: 1000\r\n\r\nleads[add]")
        await writer.drain()
        writer.close()
        assert (await running.post(plain_trigger())).status_code == 200

    assert len(running.log.messages()) == 1
    assert running.letters.kept == []


@pytest.mark.parametrize("sent", [b"", b"POST /kommo/"], ids=["nothing", "half a line"])
async def test_F35_a_connection_that_says_nothing_is_closed(sent: bytes) -> None:
    async with ingress(header_read_s=0.1) as running:
        assert await running.raw(sent) == b""


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"x: " + b"y" * 20_000 + b"\r\n\r\n",
        HEAD + b"x: " + b"y" * 20_000,
        HEAD + b"".join(b"x%d: y\r\n" % n for n in range(3_000)) + b"\r\n",
        b"GET /" + b"y" * 20_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["one header", "an unfinished header", "many headers", "address"],
)
async def test_F35_a_head_over_the_limit_is_refused(head: bytes) -> None:
    async with ingress() as running:
        assert (await running.raw(head)).startswith(b"HTTP/1.1 431")


async def test_F35_one_connection_too_many_closes_the_longest_stranger() -> None:
    async with ingress(connections_max=3, header_read_s=120) as running:
        opened = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(4)]
        oldest = await asyncio.wait_for(opened[0][0].read(), 60)
        answers = []
        for reader, writer in opened[1:]:
            writer.write(request(plain_trigger()))
            answers.append(await asyncio.wait_for(reader.read(12), 60))
        for _, one in opened:
            one.close()

    assert (oldest, answers) == (b"", [b"HTTP/1.1 200"] * 3)


async def test_F35_whoever_is_at_a_webhook_gives_way_to_nobody() -> None:
    async with ingress(connections_max=1) as running:
        running.log.open.clear()
        posting = asyncio.create_task(running.raw(request(plain_trigger())))
        await until(lambda: running.log.attempts == 1)
        strangers = [await running.raw() for _ in range(2)]
        running.log.open.set()

        assert (await posting).startswith(b"HTTP/1.1 200")
        assert strangers == [b"", b""]


async def test_F35_pipelined_requests_are_answered_in_turn() -> None:
    first, second = (request(plain_trigger(n), connection="keep-alive") for n in (1, 2))
    async with ingress() as running:
        answer = await running.raw(first + second + request(plain_trigger(3)))

    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert [m.body.lead_id for m in running.log.messages()] == [1, 2, 3]


async def test_I13_bodies_on_their_way_in_have_a_common_bound() -> None:
    async with ingress(reading_bytes_max=8_192) as running:
        assert (await running.post(b"x" * 3_000)).status_code == 503
        assert (await running.post(plain_trigger())).status_code == 200


async def test_S4_a_flood_is_kept_up_to_the_quota_and_then_refused() -> None:
    with capture_logs() as lines:
        async with ingress(burst=3, quota=2, rate_per_s=0.000_1) as running:
            codes = [(await running.post(plain_trigger(n))).status_code for n in range(1, 7)]
            other = await running.post(
                plain_trigger().replace(b"32000001", b"32000002"), secret=OTHER_SECRET
            )

    assert codes == [200, 200, 200, 200, 200, 429]
    assert other.status_code == 200
    assert len(running.log.messages()) == 6
    warned = [line for line in lines if line["event"] == "webhook_rate_exceeded"]
    assert [line["account_id"] for line in warned] == [ACCOUNT]


def test_S4_a_bucket_fills_up_again() -> None:
    seconds = iter([0.0, 0.0, 0.0, 0.5, 1.0])
    plenty = Quota(per_s=1, burst=1_000, reserve=0)
    quotas = Quotas(
        bodies=Quota(per_s=1, burst=1, reserve=1),
        size=plenty,
        items=plenty,
        monotonic=seconds.__next__,
    )

    taken = [quotas.take(ACCOUNT) for _ in range(5)]

    assert taken == [
        (SendingPace.NORMAL, False),
        (SendingPace.HASTY, True),
        (SendingPace.EXHAUSTED, False),
        (SendingPace.EXHAUSTED, False),
        (SendingPace.HASTY, False),
    ]


async def test_F37_readiness_asks_the_log_at_most_once_per_second() -> None:
    probes = []
    is_down = True

    async def probe() -> None:
        probes.append(1)
        if is_down:
            raise Unavailable("down")

    async with ingress(probe=probe) as running:
        codes = [(await running.client.get("/readyz")).status_code for _ in range(5)]

        assert set(codes) == {503}
        assert len(probes) == 1
        is_down = False
        async with asyncio.timeout(60):
            while (await running.client.get("/readyz")).status_code != 200:
                pass


async def test_S30_forwarded_headers_change_nothing() -> None:
    async with ingress() as running:
        answer = await running.post(
            plain_trigger(), x_forwarded_for="10.0.0.1", x_forwarded_proto="https"
        )

    assert answer.status_code == 200


@given(strategies.binary(max_size=300), strategies.sampled_from([FORM, "application/json", None]))
def test_F34_any_bytes_end_as_a_message_a_letter_or_nothing(
    content: bytes, content_type: str | None
) -> None:
    clock = ReceiptClock(lambda: datetime.now(UTC))
    intake = Intake(read=reading, encode=encode_inbound, clock=clock)
    body = Body(content=content, size=len(content))

    kept = at_once(
        intake.understanding(
            WebhookOwner(ACCOUNT, "acme"), body, content_type=content_type, content_encoding=None
        )
    )

    assert all("not understood" not in letter.reason for letter in kept.letters)


def test_F33_a_bug_while_reading_quarantines_the_body_without_quoting_it() -> None:
    def buggy(content: bytes, content_type: str | None) -> None:
        raise ValueError(content, content_type)

    clock = ReceiptClock(lambda: datetime.now(UTC))
    intake = Intake(read=buggy, encode=encode_inbound, clock=clock)  # type: ignore[arg-type]  # a bug
    body = Body(content=b"Anna", size=4)

    kept = at_once(
        intake.understanding(
            WebhookOwner(ACCOUNT, "acme"), body, content_type=FORM, content_encoding=None
        )
    )

    assert kept.entries == ()
    [letter] = kept.letters
    assert letter.reason.startswith("not understood: ValueError at test_limits.py:")
    assert letter.body == b"Anna"


async def _write_for_ever(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    async with asyncio.timeout(60):
        while True:
            writer.write(chunk)
            await writer.drain()


def _visible(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All that a stranger sees of an answer, but the time."""
    headers = dict(answer.headers)
    del headers["date"]
    return answer.status_code, answer.content, headers
