"""What was understood is kept as it came, and no webhook waits for it (F34)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.ingress.meter import UnmeasuredIngress
from services.ingress.raw_keeper import ROW_BYTES_MAX, RawKeeper
from services.shared.errors import Unavailable
from services.storage.raw_bodies import RawBodySettings
from services.storage.raw_packing import RawBody
from tests.services.ingress.harness import (
    ACCOUNT,
    FORM,
    NOON,
    OTHER_ACCOUNT,
    OTHER_SECRET,
    form,
    ingress,
    lead,
    plain_trigger,
)
from tests.support.waiting import until

BODY = form(*lead("add"))
MIB = 1_024 * 1_024


@dataclass
class MemoryRaw:
    rows: list[tuple[int, tuple[RawBody, ...]]] = field(default_factory=list)
    is_down: bool = False
    asked: int = 0

    async def keep(self, rows: Sequence[tuple[int, Sequence[RawBody]]]) -> None:
        self.asked += 1
        if self.is_down:
            raise Unavailable("the database is away")
        self.rows += [(account_id, tuple(bodies)) for account_id, bodies in rows]


@dataclass
class Lost(UnmeasuredIngress):
    count: int = 0

    def raw_bodies_lost(self, count: int) -> None:
        self.count += count


def raw(content: bytes) -> RawBody:
    return RawBody(received_at=NOON, content_type=FORM, content=content)


def keeper(store: MemoryRaw, **changes: Any) -> RawKeeper:
    values: dict[str, Any] = {"every_s": 60, "waiting_bytes_max": MIB, **changes}
    return RawKeeper(store, lambda: NOON, **values)


@pytest.mark.server
async def test_F34_what_was_understood_is_kept_as_it_came_and_a_letter_is_not_kept_twice() -> None:
    store = MemoryRaw()
    trigger, nonsense = plain_trigger(), b"leads[add][0][id]=oops"
    others = form(*lead("add", account_id=OTHER_ACCOUNT), account_id=OTHER_ACCOUNT)
    hourly = RawBodySettings(write_every_s=600)
    async with ingress(now=lambda: NOON, raw_bodies=store, raw_settings=hourly) as running:
        for body in (BODY, nonsense, trigger):
            assert (await running.post(body)).status_code == 200
        assert (await running.post(others, secret=OTHER_SECRET)).status_code == 200
        assert len(running.letters.kept) == 1
        assert store.rows == []

    assert store.rows == [
        (ACCOUNT, (raw(BODY), raw(trigger))),
        (OTHER_ACCOUNT, (raw(others),)),
    ]


@pytest.mark.server
async def test_F34_without_days_nothing_is_kept() -> None:
    store = MemoryRaw()
    never = RawBodySettings(days_max=0, write_every_s=0.01)
    async with ingress(raw_bodies=store, raw_settings=never) as running:
        assert (await running.post(BODY)).status_code == 200

    assert store.asked == 0


@pytest.mark.server
async def test_F37_without_its_store_webhooks_are_answered_and_bodies_wait_for_it() -> None:
    store = MemoryRaw(is_down=True)
    often = RawBodySettings(write_every_s=0.01)
    async with ingress(now=lambda: NOON, raw_bodies=store, raw_settings=often) as running:
        assert (await running.post(BODY)).status_code == 200
        await until(lambda: store.asked > 1)
        store.is_down = False
        await until(lambda: store.rows != [])

    assert store.rows == [(ACCOUNT, (raw(BODY),))]


async def test_I13_what_waits_is_bounded_and_what_is_lost_is_counted() -> None:
    store, lost = MemoryRaw(is_down=True), Lost()
    kept = keeper(store, waiting_bytes_max=2_000, meter=lost)
    for number in range(10):
        kept.note(ACCOUNT, b"%d" % number + bytes(700), FORM)
    assert lost.count == 8
    kept.close()
    await kept.run()

    assert lost.count == 10


async def test_a_row_has_an_end_and_a_large_body_has_one_of_its_own() -> None:
    store = MemoryRaw()
    kept = keeper(store, waiting_bytes_max=8 * MIB)
    small, large = bytes(ROW_BYTES_MAX // 2), bytes(MIB)
    for content in (small, small, small, large, small):
        kept.note(ACCOUNT, content, FORM)
    await kept.write(within_s=60)

    assert [[len(each.content) for each in bodies] for _, bodies in store.rows] == [
        [len(small), len(small)],
        [len(small)],
        [len(large)],
        [len(small)],
    ]
    kept.note(ACCOUNT, small, FORM)
    await kept.write(within_s=60)
    assert len(store.rows) == 5


async def test_F13_what_comes_while_rows_are_written_is_not_lost() -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    class Slow(MemoryRaw):
        async def keep(self, rows: Sequence[tuple[int, Sequence[RawBody]]]) -> None:
            began.set()
            await may_end.wait()
            await super().keep(rows)

    store = Slow()
    kept = keeper(store)
    kept.note(ACCOUNT, b"1", FORM)
    writing = asyncio.create_task(kept.write(within_s=60))
    await began.wait()
    kept.note(ACCOUNT, b"2", FORM)
    may_end.set()
    await writing
    await kept.write(within_s=60)

    assert [each.content for _, bodies in store.rows for each in bodies] == [b"1", b"2"]


@pytest.mark.parametrize("days", [-1, 15])
def test_S21_nobody_keeps_bodies_for_longer_than_two_weeks(days: int) -> None:
    with pytest.raises(ValueError, match="days_max"):
        RawBodySettings(days_max=days)


@dataclass
class OddRaw(MemoryRaw):
    """Cannot take one account's bodies."""

    async def keep(self, rows: Sequence[tuple[int, Sequence[RawBody]]]) -> None:
        if any(account_id == ACCOUNT for account_id, _ in rows):
            raise LookupError("no key of this account")
        await super().keep(rows)


async def test_I13_one_accounts_bodies_that_cannot_be_kept_stop_no_others() -> None:
    store, lost = OddRaw(), Lost()
    kept = keeper(store, meter=lost)
    for account_id in (ACCOUNT, OTHER_ACCOUNT):
        kept.note(account_id, b"a body", FORM)

    await kept.write(within_s=60)
    await kept.write(within_s=60)

    assert store.rows == [(OTHER_ACCOUNT, (raw(b"a body"),))]
    assert lost.count == 1
