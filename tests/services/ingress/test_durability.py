"""200 means durable; anything else means nothing happened that could not happen again."""

import asyncio
import socket
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.ingress.appender import Appender
from services.log.port import Entry
from services.log.postgres import PostgresLogWriter
from services.shared.errors import Unavailable
from services.shared.secrets import Vault
from services.storage.accounts import AccountRegistry
from services.storage.dead_letters import DeadLetters
from tests.services.ingress.harness import (
    ACCOUNT,
    OTHER_SECRET,
    SECRET,
    MemoryLetters,
    MemoryLog,
    form,
    ingress,
    lead,
    plain_trigger,
    request,
)
from tests.support.vault import VAULT
from tests.support.waiting import until

pytestmark = pytest.mark.server


async def test_I1_the_answer_waits_for_the_log() -> None:
    async with ingress() as running:
        running.log.open.clear()
        posting = asyncio.create_task(running.post(plain_trigger()))
        await until(lambda: running.log.attempts == 1)

        assert not posting.done()
        running.log.open.set()
        assert (await posting).status_code == 200


async def test_F15_a_log_that_is_down_gets_503_and_nothing_half_written() -> None:
    body = form(*lead("add", 0), *lead("add", 1))
    async with ingress(log=MemoryLog(is_down=True), answer_within_ms=200) as running:
        answer = await running.post(body)

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert running.log.published == []
        assert running.log.attempts >= 2
        running.log.is_down = False
        assert (await running.post(body)).status_code == 200
        assert [len(batch) for batch in running.log.published] == [2]


async def test_F15_a_short_absence_of_the_log_is_not_noticed_outside() -> None:
    async with ingress(log=MemoryLog(is_down=True)) as running:
        posting = asyncio.create_task(running.post(plain_trigger()))
        await until(lambda: running.log.attempts == 2)
        running.log.is_down = False

        assert (await posting).status_code == 200
        assert len(running.log.messages()) == 1


async def test_F15_a_log_that_never_answers_gets_503_in_time_for_kommo() -> None:
    async with ingress(answer_within_ms=200) as running:
        running.log.open.clear()
        answer = await running.post(plain_trigger())

        assert answer.status_code == 503
        running.log.open.set()
        assert (await running.post(plain_trigger())).status_code == 200
        assert len(running.log.messages()) == 1


async def test_F33_a_bug_of_the_writer_is_answered_503_and_ingress_goes_on() -> None:
    with capture_logs() as lines:
        async with ingress(log=MemoryLog(error=RuntimeError("bug"))) as running:
            answer = await running.post(plain_trigger())
            running.log.error = None

            assert answer.status_code == 503
            assert (await running.post(plain_trigger())).status_code == 200
    assert "webhooks_append_failed" in [line["event"] for line in lines]


async def test_I1_letters_that_cannot_be_kept_hold_back_the_answer() -> None:
    body = form(*lead("add", 0), *lead("add", 1, id="broken"))
    async with ingress(letters=MemoryLetters(is_down=True), answer_within_ms=200) as running:
        answer = await running.post(body)

    assert (answer.status_code, running.log.published) == (503, [])


async def test_I13_a_full_queue_gets_503_and_loses_nothing_it_took() -> None:
    async with ingress(queue_bodies_max=3) as running:
        running.log.open.clear()
        first = asyncio.create_task(running.post(plain_trigger(1)))
        await until(lambda: running.log.attempts == 1)
        others = [asyncio.create_task(running.post(plain_trigger(n))) for n in (2, 3, 4)]
        done, _ = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        running.log.open.set()
        answers = [await task for task in (first, *others)]

    assert [task.result().status_code for task in done] == [503]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 503]
    assert len(running.log.messages()) == 3


async def test_F69_arrivals_during_a_write_share_the_next_one() -> None:
    log = MemoryLog()
    log.open.clear()
    appender = _appender(log)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(appender.run())
        deadline = asyncio.get_running_loop().time() + 10
        waiting = [tasks.create_task(_append(appender, b"%d" % n, deadline)) for n in range(1_000)]
        await until(lambda: log.attempts == 1)
        log.open.set()
        await asyncio.wait(waiting)
        appender.close()

    assert [int(entry.value) for batch in log.published for entry in batch] == list(range(1_000))
    assert len(log.published) <= 2


async def test_F69_a_thousand_webhooks_at_once_are_a_thousand_rows_and_few_commits(
    pool: Any,
) -> None:
    with capture_logs() as lines:
        writer, letters = PostgresLogWriter(pool), DeadLetters(pool, VAULT)
        async with ingress(log=writer, letters=letters) as running:
            posts = (running.raw(request(plain_trigger(900_001 + n))) for n in range(1_000))
            answers = await asyncio.gather(*posts)

    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    count, last = await pool.fetchrow("SELECT count(*), max(position) FROM inbound_log")
    assert (count, last) == (1_000, 1_000)
    batches = [line for line in lines if line["event"] == "webhooks_appended"]
    assert sum(batch["messages"] for batch in batches) == 1_000
    assert len(batches) < 500


async def test_F34_letters_and_accounts_live_in_postgresql(pool: Any) -> None:
    letters, accounts = DeadLetters(pool, VAULT), AccountRegistry(pool, Vault((b"k" * 32,)))
    await accounts.add(
        ACCOUNT,
        subdomain="acme",
        base_url="https://acme.kommo.com",
        token=SecretStr("token"),
        webhook_secret=SecretStr(SECRET),
        timezone="UTC",
    )
    log = PostgresLogWriter(pool)
    async with ingress(log=log, letters=letters, accounts=accounts) as running:
        assert (await running.post(b"\x00nonsense")).status_code == 200
        assert (await running.post(b"", secret=OTHER_SECRET)).status_code == 404

    (letter,) = await letters.page()
    assert (letter.account_id, letter.body) == (ACCOUNT, b"\x00nonsense")


async def test_F37_a_stop_answers_what_is_in_flight_and_takes_nothing_new() -> None:
    async with ingress() as running:
        running.log.open.clear()
        posting = asyncio.create_task(running.post(plain_trigger()))
        await until(lambda: running.log.attempts == 1)
        running.stop.set()
        await until(lambda: _refuses(running.port))
        running.log.open.set()

        assert (await posting).status_code == 200
    assert len(running.log.messages()) == 1


async def test_F1_what_was_taken_and_not_written_is_given_up_when_the_appender_dies() -> None:
    log = MemoryLog()
    log.open.clear()
    appender = _appender(log)
    running = asyncio.create_task(appender.run())
    deadline = asyncio.get_running_loop().time() + 10
    first = asyncio.create_task(_append(appender, b"1", deadline))
    await until(lambda: log.attempts == 1)
    second = asyncio.create_task(_append(appender, b"2", deadline))
    await asyncio.sleep(0)
    running.cancel()

    for waiting in (first, second):
        with pytest.raises(Unavailable):
            await waiting
    assert log.published == []


async def _append(appender: Appender, value: bytes, deadline: float) -> None:
    submission = appender.submit(ACCOUNT, [Entry(ACCOUNT, value)], [], deadline=deadline)
    await submission.durable()


def _appender(log: MemoryLog) -> Appender:
    return Appender(
        log,
        MemoryLetters(),
        queue_bodies_max=10_000,
        queue_bytes_max=2**20,
        batch_bytes_max=2**20,
        turn_bytes_max=2**20,
    )


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
