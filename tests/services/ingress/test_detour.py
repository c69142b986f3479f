"""Round a log that is away: 200 all the same, nothing lost, nothing overtaken."""

import asyncio
import gc
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.ingress.detour import Detour, spooled_letters, spooled_log
from services.ingress.patience import LATE_MAX, Patience
from services.ingress.spool import Spool, open_spool
from services.ingress.spool_file import SPOOL_FILE, Item, look
from services.log.port import Entry
from services.log.postgres import PostgresLogWriter
from services.shared.errors import Unavailable
from services.storage.dead_letters import DeadLetter, DeadLetters
from tests.services.ingress.harness import (
    MemoryLetters,
    MemoryLog,
    Running,
    form,
    ingress,
    lead,
    plain_trigger,
    settings,
)
from tests.support.vault import VAULT
from tests.support.waiting import lasting, until

QUICK = {"drain_pause_min_ms": 1, "drain_pause_max_ms": 5, "log_within_ms": 100}
# The drain waits for longer than a test runs: what a request does is seen alone.
NO_DRAIN = {"drain_pause_min_ms": 60_000, "drain_pause_max_ms": 60_000, "log_within_ms": 20}


@dataclass
class FrozenLog(MemoryLog):
    """A log that writes, and does not say so: the outcome is unknown."""

    is_mute: bool = False
    spoken: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, entries: Sequence[Entry]) -> None:
        await super().publish(entries)
        if self.is_mute:
            await self.spoken.wait()


@dataclass
class Round:
    """A log with its way round."""

    log: MemoryLog
    spool: Spool
    detour: Detour[Entry]

    async def put(self, *values: str) -> None:
        await self.detour.put([entry(value) for value in values])

    def published(self) -> list[str]:
        return [e.value.decode() for batch in self.log.published for e in batch]


@asynccontextmanager
async def roundabout(
    folder: Path,
    log: MemoryLog | None = None,
    *,
    rows_max: int = 10_000,
    drain: bool = True,
    **changes: Any,
) -> AsyncIterator[Round]:
    log = log or MemoryLog()
    async with open_spool(folder / SPOOL_FILE, rows_max=rows_max, bytes_max=2**24) as spool:
        detour = spooled_log(log, spool, settings(**{**QUICK, **changes})).detour
        draining = asyncio.create_task(detour.drain() if drain else asyncio.sleep(0))
        yield Round(log, spool, detour)
        draining.cancel()
        await asyncio.wait({draining})


def entry(value: str) -> Entry:
    """`2:x` is of account 2, everything else of account 1."""
    return Entry(int(value.partition(":")[0]) if ":" in value else 1, value.encode())


@pytest.mark.server
async def test_F15_what_came_while_the_log_was_down_is_in_it_in_order_afterwards(
    tmp_path: Path,
) -> None:
    with capture_logs() as lines:
        async with _ingress(tmp_path, log=MemoryLog(is_down=True)) as running:
            for number in range(1, 21):
                assert (await running.post(plain_trigger(number))).status_code == 200
            assert (await running.client.get("/readyz")).status_code == 200
            assert running.log.published == []
            running.log.is_down = False
            await until(lambda: len(running.log.messages()) >= 20)

            assert [m.body.lead_id for m in running.log.messages()] == [*range(1, 21)]
            await until(lambda: "spool_drained" in {line["event"] for line in lines})
    told = [(line["event"], line.get("rows")) for line in lines if "spool" in line["event"]]
    assert (told[0], told[-1]) == (("spool_opened", 0), ("spool_drained", 20))


@pytest.mark.server
async def test_F34_letters_take_the_same_way(tmp_path: Path) -> None:
    body = form(*lead("add", 0), *lead("add", 1, id="broken"))
    letters = MemoryLetters(is_down=True)
    async with _ingress(tmp_path, letters=letters) as running:
        assert (await running.post(body)).status_code == 200
        assert (await running.post(b"\x00\n\xff")).status_code == 200
        assert len(running.log.messages()) == 1  # they hold up nothing else
        letters.is_down = False
        await until(lambda: len(letters.kept) >= 2)

    assert [letter.body for letter in letters.kept] == [body, b"\x00\n\xff"]
    assert "leads[add][1]" in letters.kept[0].reason


async def test_F34_a_letter_of_nobody_comes_back_whole(tmp_path: Path) -> None:
    letter = DeadLetter(
        account_id=None, source="x", position=None, reason="ü\n", content_type="", body=b"", size=7
    )
    async with open_spool(tmp_path / SPOOL_FILE, rows_max=9, bytes_max=2**20) as spool:
        detour = spooled_letters(MemoryLetters(is_down=True), spool, settings()).detour
        await detour.put([letter])
        (kept,) = await detour.queue.head(rows_max=9, bytes_max=2**20)

        assert detour.unpack(kept.item) == letter


@pytest.mark.server
async def test_F19_an_unknown_outcome_is_kept_twice_under_one_message_id(tmp_path: Path) -> None:
    log = FrozenLog(is_mute=True)
    async with _ingress(tmp_path, log=log) as running:
        assert (await running.post(plain_trigger())).status_code == 200
        log.is_mute = False
        log.spoken.set()
        await until(lambda: len(log.published) == 2)

    first, second = log.messages()
    assert first == second


async def test_F18_a_log_that_is_away_costs_one_request_its_patience(tmp_path: Path) -> None:
    async with roundabout(tmp_path, MemoryLog(is_down=True), **NO_DRAIN) as way:
        for number in range(50):
            await way.put(str(number))

        assert (way.log.attempts, way.detour.queue.rows) == (1, 50)


async def test_F18_a_frozen_log_holds_up_nobody_and_keeps_few_calls(tmp_path: Path) -> None:
    log = MemoryLog()
    log.open.clear()
    async with roundabout(tmp_path, log, **NO_DRAIN) as way:
        async with asyncio.timeout(60):
            await way.put("a")
            await way.put("b")
        assert (log.attempts, way.detour.queue.rows) == (1, 2)


async def test_F18_a_log_slower_than_our_patience_is_drained_into_and_not_asked(
    tmp_path: Path,
) -> None:
    class Slow(MemoryLog):
        async def publish(self, entries: Sequence[Entry]) -> None:
            self.attempts += 1
            await lasting(0.03)
            self.published.append(tuple(entries))

    async with roundabout(tmp_path, Slow(), log_within_ms=10) as way:
        await way.put("a")
        await until(lambda: way.detour.queue.rows == 0)
        before = way.log.attempts
        await way.put("b")

        assert way.log.attempts == before  # into the spool, at once
        await until(lambda: way.detour.queue.rows == 0)
    assert way.published() == ["a", "a", "b"]  # a was late, not lost


@pytest.mark.server
async def test_F33_even_a_bug_of_the_log_costs_no_webhook(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with _ingress(tmp_path, log=MemoryLog(error=RuntimeError("bug"))) as running:
            assert (await running.post(plain_trigger())).status_code == 200
            running.log.error = None
            await until(lambda: len(running.log.messages()) == 1)
    [opened] = [line for line in lines if line["event"] == "spool_opened"]
    assert isinstance(opened["exc_info"], RuntimeError)


async def test_I10_an_account_with_something_in_the_spool_goes_behind_it(tmp_path: Path) -> None:
    async with roundabout(tmp_path, drain=False) as way:
        await way.detour.queue.append([Item(1, b"1:a")])
        await way.put("1:b", "2:x", "1:c")

        assert way.published() == ["2:x"]
        head = await way.detour.queue.head(rows_max=9, bytes_max=2**20)
        assert [kept.item.value for kept in head] == [b"1:a", b"1:b", b"1:c"]


@pytest.mark.parametrize("seed", range(3))
async def test_I10_the_order_of_each_account_survives_a_log_that_comes_and_goes(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    sent: list[str] = []
    async with roundabout(tmp_path, drain_rows_max=7) as way:
        for number in range(400):
            if number % 20 == 0:
                way.log.is_down = chance.random() < 0.5
            batch = [
                f"{chance.randrange(1, 4)}:{number}/{n}" for n in range(chance.randrange(1, 5))
            ]
            await way.put(*batch)
            sent += batch
        way.log.is_down = False
        await until(lambda: way.detour.queue.rows == 0)

    for account in "123":
        own = [value for value in sent if value[0] == account]
        assert [v for v in dict.fromkeys(way.published()) if v[0] == account] == own


async def test_I10_new_ones_arrive_while_the_spool_is_drained(tmp_path: Path) -> None:
    async with roundabout(tmp_path, MemoryLog(is_down=True), drain_rows_max=3) as way:
        for number in range(100):
            await way.put(str(number))
        way.log.is_down = False
        for number in range(100, 300):
            await way.put(str(number))
        await until(lambda: way.detour.queue.rows == 0)
        await way.put("300")
        assert way.log.published[-1] == (entry("300"),)  # straight again

    assert way.published() == [str(number) for number in range(301)]


@pytest.mark.server
async def test_F75_with_a_full_spool_and_no_log_the_answer_is_503(tmp_path: Path) -> None:
    log = MemoryLog(is_down=True)
    limits = {**NO_DRAIN, "spool_rows_max": 2, "answer_within_ms": 200}
    async with _ingress(tmp_path, log=log, **limits) as running:
        codes = [(await running.post(plain_trigger(n))).status_code for n in (1, 2, 3)]

        assert codes == [200, 200, 503]
        assert (await running.client.get("/readyz")).status_code == 503


@pytest.mark.server
async def test_F75_a_full_spool_drains_and_webhooks_are_taken_again(tmp_path: Path) -> None:
    log = MemoryLog(is_down=True)
    async with _ingress(tmp_path, log=log, spool_rows_max=2, answer_within_ms=200) as running:
        codes = [(await running.post(plain_trigger(n))).status_code for n in (1, 2, 3)]
        log.is_down = False
        await until(lambda: len(log.messages()) >= 2)
        codes += [(await running.post(plain_trigger(n))).status_code for n in (3, 4)]

    assert codes == [200, 200, 503, 200, 200]
    assert [*dict.fromkeys(m.body.lead_id for m in log.messages())] == [1, 2, 3, 4]


async def test_F75_the_log_is_tried_when_the_spool_takes_nothing(tmp_path: Path) -> None:
    async with roundabout(tmp_path, MemoryLog(is_down=True), rows_max=1, **NO_DRAIN) as way:
        await way.put("1:a")
        way.log.is_down = False
        with pytest.raises(Unavailable):
            await way.put("1:b")  # would overtake
        await way.put("2:x")

        assert way.published() == ["2:x"]


@pytest.mark.server
async def test_I1_ingress_goes_on_without_a_spool_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / SPOOL_FILE).mkdir()
    with capture_logs() as lines:
        async with _ingress(tmp_path) as running:
            assert (await running.post(plain_trigger())).status_code == 200
    assert "spool_unusable" in [line["event"] for line in lines]


async def test_I2_what_a_former_process_left_is_sent_first(tmp_path: Path) -> None:
    async with roundabout(tmp_path, MemoryLog(is_down=True), **NO_DRAIN) as way:
        await way.put("a", "b")
    async with roundabout(tmp_path) as way:
        await way.put("c")
        await until(lambda: len(way.published()) == 3)

    assert way.published() == ["a", "b", "c"]


@pytest.mark.server
@pytest.mark.parametrize("point", ["after_send", "before_delete"])
async def test_F3_killed_between_send_and_delete_nothing_is_lost(
    tmp_path: Path, point: str
) -> None:
    """Batches of ten; the process dies at its third, and its successor ends the work."""
    sent = tmp_path / "sent"
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from services.ingress.detour import spooled_log
from services.ingress.settings import IngressSettings
from services.ingress.spool import SpoolQueue, open_spool

folder, point = Path(sys.argv[1]), sys.argv[2]
batches = 0

def die(here):
    if batches == 3 and here == point:
        os.kill(os.getpid(), signal.SIGKILL)

class Log:
    async def publish(self, entries):
        global batches
        batches += 1
        with (folder / "sent").open("ab") as file:
            file.writelines(entry.value + b"\\n" for entry in entries)
        die("after_send")

remove = SpoolQueue.remove
is_removing = False
async def removing(self, head):
    global is_removing
    is_removing = True
    die("before_delete")
    await remove(self, head)
    is_removing = False
SpoolQueue.remove = removing

async def main():
    async with open_spool(folder / "spool.db", rows_max=10**6, bytes_max=2**30) as spool:
        detour = spooled_log(Log(), spool, IngressSettings(drain_rows_max=10)).detour
        draining = asyncio.create_task(detour.drain())
        while detour.queue.rows or is_removing:
            await asyncio.sleep(0.01)
        draining.cancel()

asyncio.run(main())
"""
    async with open_spool(tmp_path / SPOOL_FILE, rows_max=10_000, bytes_max=2**24) as spool:
        await spool.queue("inbound").append([Item(1, b"%d" % n) for n in range(100)])
    ends = []
    for at in (point, "never"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(tmp_path), at
        )
        ends.append(await asyncio.wait_for(process.wait(), 60))

    assert ends == [-signal.SIGKILL, 0]
    values = [int(line) for line in sent.read_text().split()]
    assert values == [*range(30), *range(20, 100)]  # the third batch twice
    state = look(tmp_path)
    assert state is not None
    assert state.rows == 0


async def test_F18_late_calls_are_bounded_and_end_by_themselves() -> None:
    patience, back = Patience(), asyncio.Event()

    async def frozen() -> None:
        await back.wait()

    for _ in range(LATE_MAX):
        with pytest.raises(Unavailable, match="no answer"):
            await patience.call(frozen(), within_s=0.001)
    with pytest.raises(Unavailable, match="earlier calls"):
        await patience.call(frozen(), within_s=0.001)
    back.set()
    await until(lambda: not patience._late)
    await patience.call(asyncio.sleep(0), within_s=10)


async def test_F18_a_call_that_fails_as_its_caller_gives_up_is_no_unseen_error() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def away() -> None:
        raise Unavailable("the log is away")

    caller = asyncio.create_task(Patience().call(away(), within_s=10))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # now the call has failed, and its caller does not know yet
    caller.cancel()
    await asyncio.wait({caller})
    was_cancelled = caller.cancelled()
    del caller
    gc.collect()

    assert (was_cancelled, complaints) == (True, [])


async def test_F37_a_log_that_was_cut_off_is_drained_into_by_itself(
    tmp_path: Path, pool: Any
) -> None:
    """All connections are cut, again and again, while entries come; PostgreSQL has each of them."""
    writer = PostgresLogWriter(pool)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()"
    async with open_spool(tmp_path / SPOOL_FILE, rows_max=10_000, bytes_max=2**24) as spool:
        detour = spooled_log(writer, spool, settings(**QUICK)).detour
        draining = asyncio.create_task(detour.drain())
        for number in range(300):
            await detour.put([Entry(1, b"%d" % number)])
            if number % 50 == 25:
                async with pool.acquire() as connection:
                    await connection.execute(f"{cut} AND datname = current_database()")
        await until(lambda: detour.queue.rows == 0)
        draining.cancel()
        await asyncio.wait({draining})

    rows = await pool.fetch("SELECT value FROM inbound_log ORDER BY position")
    assert [*dict.fromkeys(int(row["value"]) for row in rows)] == [*range(300)]


@asynccontextmanager
async def _ingress(folder: Path, **given: Any) -> AsyncIterator[Running]:
    async with ingress(spool_file=folder / SPOOL_FILE, **{**QUICK, **given}) as running:
        yield running


@pytest.mark.server
async def test_S21_letters_lie_sealed_in_the_spool(tmp_path: Path) -> None:
    class SealedLetters(MemoryLetters):
        def sealed(self, letter: DeadLetter) -> DeadLetter:
            return DeadLetters(None, VAULT).sealed(letter)  # type: ignore[arg-type]  # no database

    letters = SealedLetters(is_down=True)
    async with ingress(letters=letters, spool_file=tmp_path / SPOOL_FILE, **NO_DRAIN) as running:
        assert (await running.post(b"contacts of Anna Kowalska")).status_code == 200
        files = await asyncio.to_thread(_bytes_in, tmp_path)

    assert letters.kept == []
    assert b"webhook" in files
    assert b"Anna" not in files


def _bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())
