"""Bodies that were understood lie sealed, bounded, and are gone after two weeks (F34, S21)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.storage import erasures
from services.storage.data_keys import DataKeys
from services.storage.database import borrow
from services.storage.raw_bodies import RawBodies, RawBodySettings
from services.storage.raw_packing import DICTIONARY, RawBody, pack, unpack
from tests.services.ingress.harness import FORM, form, lead
from tests.support.vault import VAULT

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANN_S, BOB_S = 1, 2
LEAD = 900_001
MIB = 1_024 * 1_024


def raw(number: int = 0, *, at: datetime = NOON, content: bytes | None = None) -> RawBody:
    content = form(*lead("add", number)) if content is None else content
    return RawBody(received_at=at, content_type=FORM, content=content)


def store(pool: Any, *, at: datetime = NOON, **settings: Any) -> RawBodies:
    return RawBodies(pool, VAULT, RawBodySettings(**settings), now=lambda: at)


async def found(bodies: RawBodies, account_id: int = ANN_S) -> list[RawBody]:
    return [each async for each in bodies.between(account_id, NOON - 30 * DAY, NOON + 30 * DAY)]


async def erase(pool: Any, account_id: int, number: int) -> int:
    async with borrow(pool) as connection, connection.transaction():
        await erasures.note(connection, account_id, "lead", number, "person:7")
        return await store(pool).erase(connection, account_id, number)


@pytest.mark.parametrize(
    "bodies",
    [
        [],
        [raw()],
        [raw(each, at=NOON + each * HOUR) for each in range(50)],
        [raw(content=b""), raw(content=bytes(range(256)) * 5_000)],
    ],
    ids=["none", "one", "many", "any bytes"],
)
def test_F34_what_is_packed_comes_out_as_it_went_in(bodies: Sequence[RawBody]) -> None:
    assert list(unpack(pack(bodies))) == list(bodies)


def test_a_hook_alone_and_the_four_of_a_lead_take_little_room() -> None:
    """The figure of docs/benchmarks.md; what is packed with other words does not open."""
    alone = [raw()]
    four = [raw(content=form(*lead(each))) for each in ("add", "status", "responsible", "update")]

    assert len(alone[0].content) > 500
    assert len(pack(alone)) < 150
    assert len(pack(four)) < 300
    assert len(DICTIONARY) == 2_224, "other words are another version"
    with pytest.raises(ValueError, match="later release"):
        list(unpack(b"\x02" + pack(alone)[1:]))


async def test_F34_S21_bodies_lie_sealed_and_are_read_as_they_came(pool: Any) -> None:
    bodies = store(pool)
    first = [raw(0, at=NOON), raw(1, at=NOON + HOUR)]
    await bodies.keep([(ANN_S, first), (BOB_S, [raw(2)])])
    await bodies.keep([(ANN_S, [raw(3, at=NOON + 2 * HOUR)])])

    assert await found(bodies) == [*first, raw(3, at=NOON + 2 * HOUR)]
    assert await found(bodies, BOB_S) == [raw(2)]
    part = [each async for each in bodies.between(ANN_S, NOON + HOUR, NOON + HOUR)]
    assert part == [raw(1, at=NOON + HOUR)]
    hours = await bodies.hours(ANN_S, NOON - DAY, NOON + DAY)
    assert [(each.hour, each.bodies) for each in hours] == [(NOON, 2), (NOON + 2 * HOUR, 1)]
    assert all(each.kept < each.size for each in hours)
    packed = [row[0] for row in await pool.fetch("SELECT packed FROM raw_bodies")]
    assert not any(b"Anna" in each for each in packed)
    # Moved to another account, or without the key of its day, nothing opens.
    await pool.execute("UPDATE raw_bodies SET account_id = $1", BOB_S)
    assert await found(bodies, BOB_S) == [raw(2)]
    await pool.execute("DELETE FROM data_keys")
    assert await found(bodies, BOB_S) == []


async def test_S21_what_names_an_erased_lead_goes_and_is_not_kept_again(pool: Any) -> None:
    bodies = store(pool)
    other = raw(content=f"leads[add][0][id]={LEAD}9".encode())
    encoded = raw(content=f"x%5B0%5D%20{LEAD}".encode())
    await bodies.keep([(ANN_S, [raw(), other]), (BOB_S, [raw()])])
    await bodies.keep([(ANN_S, [encoded])])
    async with borrow(pool) as connection:
        naming = await bodies.naming(connection, ANN_S, LEAD)

    assert naming == [raw(), encoded]
    assert await erase(pool, ANN_S, LEAD) == 2
    assert await erase(pool, ANN_S, LEAD) == 0
    assert await found(bodies) == [other]
    assert await found(bodies, BOB_S) == [raw()]

    await bodies.keep([(ANN_S, [raw(at=NOON + HOUR)]), (BOB_S, [raw(7)])])
    await bodies.keep([(ANN_S, [raw(at=NOON + HOUR), other])])
    assert await found(bodies) == [other, other]
    assert await found(bodies, BOB_S) == [raw(), raw(7)]


async def test_S21_after_two_weeks_bodies_are_gone_and_then_their_key(pool: Any) -> None:
    await store(pool).keep([(ANN_S, [raw()])])
    await store(pool, at=NOON + DAY).keep([(ANN_S, [raw(1, at=NOON + DAY)])])

    await store(pool, at=NOON + 14 * DAY).tidy()
    assert await found(store(pool)) == [raw(), raw(1, at=NOON + DAY)]
    await store(pool, at=NOON + 14 * DAY + HOUR).tidy()
    assert await found(store(pool)) == [raw(1, at=NOON + DAY)]
    async with borrow(pool) as connection:
        assert await DataKeys(VAULT).expire(connection, NOON.date() + DAY) == 1


async def test_attack_I13_nobody_fills_the_disk_and_the_oldest_go(pool: Any) -> None:
    def large(number: int) -> RawBody:
        # Bytes that do not get smaller.
        return raw(content=VAULT.seal_bytes(bytes(400_000), account_id=1, field_name=str(number)))

    bodies = store(pool, bytes_per_account_max=MIB, bytes_max=2 * MIB)
    noisy = [large(each) for each in range(4)]
    for each in noisy:
        await bodies.keep([(ANN_S, [each])])
    await bodies.keep([(BOB_S, [raw()])])
    await bodies.tidy()

    assert await found(bodies) == noisy[2:]
    assert await found(bodies, BOB_S) == [raw()]
