"""Keys of programs on a real database, as the user that serves people."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.access.key_text import KeyText
from services.access.keys import DAYS, AccessKey, KeyNotValid
from services.access.people import Person
from services.access.roles import ROLES, SCOPES
from services.access.wiring import Access
from services.application.callers import Whoever, caller_of_key
from tests.services.access.kit import grant, somebody

LATER = "UPDATE access_keys SET {} = {} - $2::interval WHERE id = $1"


async def key_of(
    access: Access, maker: Person | None, *, account_id: int | None = 1, days: int = DAYS
) -> tuple[AccessKey, str]:
    """A key with every scope."""
    key, text = await access.keys.make(
        label="export at night",
        account_id=account_id,
        scopes=SCOPES,
        person_id=None if maker is None else maker.id,
        made_by="cli:root" if maker is None else maker.principal,
        days=days,
    )
    return key, text.get_secret_value()


async def shown(access: Access, text: str) -> Whoever | None:
    return await caller_of_key(access, text, whence="192.0.2.7", request_id="r1")


async def test_a_key_lets_in_whoever_holds_it(access: Access) -> None:
    maker = await somebody(access, grant("supervisor"))
    key, text = await key_of(access, maker)

    caller = await shown(access, text)

    assert caller is not None
    principal = caller.in_account(1)
    assert principal is not None
    assert (principal.id, principal.scopes) == (f"key:{key.id}", ROLES["supervisor"])
    assert (principal.whence, principal.request_id) == ("192.0.2.7", "r1")
    assert caller.in_account(2) is None
    assert caller.at_large().scopes == frozenset()
    assert (caller.accounts(), caller.person_id) == ({1}, maker.id)


async def test_A9_1_S29_of_a_key_only_a_digest_is_kept(access: Access, owner: Any) -> None:
    key, text = await key_of(access, None)

    (row,) = await owner.fetch("SELECT access_keys::text FROM access_keys WHERE id = $1", key.id)

    assert text.split("_")[2] not in row[0]
    assert text.split("_")[2].encode().hex() not in row[0]


async def test_A9_1_A9_2_S8_a_key_never_has_more_than_its_maker_has_now(access: Access) -> None:
    maker = await somebody(access, grant("administrator"), grant("viewer", 2))
    _, one = await key_of(access, maker)
    _, whole = await key_of(access, maker, account_id=None)
    caller = await shown(access, whole)
    assert caller is not None
    assert caller.accounts() == {1, 2}

    await access.people.revoke(maker.id, grant("administrator"))
    await access.people.grant(maker.id, [grant("viewer")], given_by="cli:root")

    caller = await shown(access, one)
    assert caller is not None
    principal = caller.in_account(1)
    assert principal is not None
    assert principal.scopes == ROLES["viewer"]

    await access.people.revoke(maker.id, grant("viewer"))
    caller = await shown(access, one)
    assert caller is not None
    assert (caller.in_account(1), caller.accounts()) == (None, frozenset())


async def test_S8_a_key_of_somebody_disabled_may_nothing(access: Access) -> None:
    maker = await somebody(access, grant("administrator", None))
    _, text = await key_of(access, maker, account_id=None)

    await access.people.disable(maker.id)
    caller = await shown(access, text)

    assert caller is not None
    assert (caller.in_account(1), caller.at_large().scopes) == (None, frozenset())


async def test_a_key_of_somebody_erased_is_none(access: Access) -> None:
    maker = await somebody(access, grant("administrator"))
    _, text = await key_of(access, maker)

    assert await access.people.erase(maker.id)

    assert await shown(access, text) is None


async def test_S29_another_secret_under_a_keys_id_lets_nobody_in(access: Access) -> None:
    _, mine = await key_of(access, None)
    _, other = await key_of(access, None)
    key_id, secret = mine.split("_")[1], other.split("_")[2]

    assert await shown(access, KeyText(key_id, secret).reveal()) is None
    assert await shown(access, mine[:-1] + ("1" if mine[-1] == "0" else "0")) is None
    assert await shown(access, "") is None


async def test_A9_1_a_key_is_valid_for_90_days_unless_something_else_was_said(
    access: Access,
) -> None:
    key, _ = await access.keys.make(
        label="export at night",
        account_id=1,
        scopes=SCOPES,
        person_id=None,
        made_by="cli:root",
    )

    assert key.expires_at - key.made_at == timedelta(days=90)


async def test_a_key_ends_when_it_was_said_to(access: Access, owner: Any) -> None:
    key, text = await key_of(access, None, days=1)
    assert key.expires_at - key.made_at == timedelta(days=1)
    assert await shown(access, text) is not None

    await owner.execute(LATER.format("expires_at", "expires_at"), key.id, timedelta(days=1))

    assert await shown(access, text) is None
    with pytest.raises(KeyNotValid):
        await access.keys.rotate(key)


async def test_a_revoked_key_is_none_from_the_next_request_on(access: Access) -> None:
    key, text = await key_of(access, None)

    assert await access.keys.revoke(key, by="person:7")
    assert not await access.keys.revoke(key, by="person:8")

    assert await shown(access, text) is None
    ended = await access.keys.get(key.id)
    assert ended is not None
    assert (ended.revoked_by, ended.revoked_at is None) == ("person:7", False)
    with pytest.raises(KeyNotValid):
        await access.keys.rotate(key)


async def test_A9_1_after_a_rotation_both_secrets_are_valid_for_a_day(
    access: Access, owner: Any
) -> None:
    key, first = await key_of(access, None)
    rotated, text = await access.keys.rotate(key)
    second = text.get_secret_value()

    assert (rotated.id, first == second) == (key.id, False)
    for each in (first, second):
        assert await shown(access, each) is not None

    await owner.execute(LATER.format("former_until", "former_until"), key.id, timedelta(hours=23))
    assert await shown(access, first) is not None
    await owner.execute(LATER.format("former_until", "former_until"), key.id, timedelta(hours=2))
    assert await shown(access, first) is None
    assert await shown(access, second) is not None


async def test_of_three_secrets_in_a_day_the_oldest_is_over(access: Access) -> None:
    key, first = await key_of(access, None)
    _, second = await access.keys.rotate(key)
    _, third = await access.keys.rotate(key)

    assert await shown(access, first) is None
    assert await shown(access, second.get_secret_value()) is not None
    assert await shown(access, third.get_secret_value()) is not None


async def test_attack_S29_of_those_who_rotate_at_once_every_winner_holds_a_valid_secret(
    access: Access,
) -> None:
    key, _ = await key_of(access, None)

    answers = await asyncio.gather(
        *(access.keys.rotate(key) for _ in range(2)), return_exceptions=True
    )

    won = [each[1].get_secret_value() for each in answers if isinstance(each, tuple)]
    assert won
    for text in won:
        assert await shown(access, text) is not None


async def test_A9_1_the_use_of_a_key_is_noted_at_most_once_a_minute(
    access: Access, owner: Any
) -> None:
    key, text = await key_of(access, None)
    assert key.last_used_at is None

    await shown(access, text)
    first = await access.keys.get(key.id)
    await shown(access, text)
    second = await access.keys.get(key.id)
    await owner.execute(LATER.format("last_used_at", "last_used_at"), key.id, timedelta(seconds=61))
    await shown(access, text)
    third = await access.keys.get(key.id)

    noted = [each and each.last_used_at for each in (first, second, third)]
    assert None not in noted
    assert len({*noted}) == 2
    assert noted[0] == noted[1]


async def test_S5_keys_are_listed_by_account_and_by_maker(access: Access) -> None:
    maker = await somebody(access, grant("administrator", None))
    mine, _ = await key_of(access, maker, account_id=71)
    other, _ = await key_of(access, maker, account_id=72)
    whole, _ = await key_of(access, None, account_id=None)

    assert await access.keys.of_account(71) == [mine]
    assert await access.keys.of_account(72) == [other]
    assert whole in await access.keys.of_account(None)
    assert await access.keys.of_person(maker.id) == [mine, other]
