"""Codes of an app, and those on paper (S29, W7)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from services.access.recovery_codes import COUNT
from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.shared.secrets import Vault
from tests.services.access.kit import somebody
from tests.support.vault import VAULT

NOW = datetime(2026, 11, 29, 12, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)


async def app_of(access: Access, *, at: datetime = NOW - STEP) -> tuple[int, pyotp.TOTP]:
    """Somebody with an app that is set up."""
    person = await somebody(access)
    secret = await access.codes.begin(person.id, person.login)
    assert secret is not None
    app = pyotp.TOTP(secret.secret.get_secret_value())
    assert await access.codes.confirm(person.id, app.at(at), at=at)
    return person.id, app


async def test_S29_a_code_is_taken_once(access: Access) -> None:
    person_id, app = await app_of(access)

    assert await access.codes.take(person_id, app.at(NOW), at=NOW)
    assert not await access.codes.take(person_id, app.at(NOW), at=NOW)
    assert not await access.codes.take(person_id, app.at(NOW - STEP), at=NOW)
    assert await access.codes.take(person_id, app.at(NOW + STEP), at=NOW)


async def test_S29_the_code_that_set_an_app_up_signs_nobody_in(access: Access) -> None:
    person_id, app = await app_of(access, at=NOW)

    assert not await access.codes.take(person_id, app.at(NOW), at=NOW)


@pytest.mark.parametrize("late", [-2, 2, 100])
async def test_S29_a_code_of_another_time_is_none(access: Access, late: int) -> None:
    person_id, app = await app_of(access, at=NOW - 200 * STEP)

    assert not await access.codes.take(person_id, app.at(NOW + late * STEP), at=NOW)


@pytest.mark.parametrize("code", ["", "000000x", "1" * 1_000, "\ud800", "\uff11" * 6])
async def test_S29_what_is_no_code_is_none(access: Access, code: str) -> None:
    person_id, _ = await app_of(access)

    assert not await access.codes.take(person_id, code, at=NOW)


async def test_a_code_may_be_typed_with_spaces(access: Access) -> None:
    person_id, app = await app_of(access)
    code = app.at(NOW)

    assert await access.codes.take(person_id, f" {code[:3]} {code[3:]} ", at=NOW)


async def test_attack_S29_of_those_who_show_one_code_at_once_one_is_let_in(
    access: Access,
) -> None:
    person_id, app = await app_of(access)

    taken = await asyncio.gather(
        *(access.codes.take(person_id, app.at(NOW), at=NOW) for _ in range(5))
    )

    assert sorted(taken) == [False] * 4 + [True]


async def test_an_app_that_is_begun_asks_for_nothing_until_its_first_code(
    access: Access,
) -> None:
    person = await somebody(access)
    first = await access.codes.begin(person.id, person.login)
    second = await access.codes.begin(person.id, person.login)
    assert first is not None
    assert second is not None
    former, present = (pyotp.TOTP(e.secret.get_secret_value()) for e in (first, second))

    assert not await access.codes.are_on(person.id)
    assert not await access.codes.confirm(person.id, former.at(NOW), at=NOW)
    assert not await access.codes.take(person.id, present.at(NOW), at=NOW)
    assert await access.codes.confirm(person.id, present.at(NOW), at=NOW)
    assert await access.codes.are_on(person.id)
    assert await access.codes.begin(person.id, person.login) is None
    assert not await access.codes.confirm(person.id, present.at(NOW + STEP), at=NOW)
    assert "otpauth://totp/Fairlead" in second.address.get_secret_value()


async def test_S17_the_secret_of_an_app_lies_sealed_and_is_sealed_anew(
    access: Access, owner: Any
) -> None:
    person_id, app = await app_of(access)
    select = "SELECT secret_sealed FROM one_time_codes WHERE person_id = $1"
    sealed = await owner.fetchval(select, person_id)
    assert app.secret.encode() not in sealed

    new = Vault((b"n" * 32, *VAULT.keys))
    assert await Access(owner, new, AccessSettings()).codes.reseal() >= 1
    assert await owner.fetchval(select, person_id) != sealed
    after = Access(owner, Vault(new.keys[:1]), AccessSettings())
    assert await after.codes.take(person_id, app.at(NOW), at=NOW)


async def test_S29_recovery_codes_are_taken_once_and_made_anew(access: Access) -> None:
    person, other = await somebody(access), await somebody(access)
    codes = await access.recovery.make(person.id)

    assert len({*codes}) == COUNT
    assert not await access.recovery.take(other.id, codes[0])
    assert await access.recovery.take(person.id, codes[0])
    assert not await access.recovery.take(person.id, codes[0])
    assert await access.recovery.take(person.id, f" {codes[1].replace('-', '').upper()} ")
    assert await access.recovery.left(person.id) == COUNT - 2

    again = await access.recovery.make(person.id)
    assert not await access.recovery.take(person.id, codes[2])
    assert await access.recovery.take(person.id, again[2])


async def test_attack_S29_of_those_who_show_one_recovery_code_at_once_one_is_let_in(
    access: Access,
) -> None:
    person = await somebody(access)
    code, *_ = await access.recovery.make(person.id)

    taken = await asyncio.gather(*(access.recovery.take(person.id, code) for _ in range(5)))

    assert sorted(taken) == [False] * 4 + [True]


async def test_S29_of_recovery_codes_only_digests_are_kept(access: Access, owner: Any) -> None:
    person = await somebody(access)
    codes = await access.recovery.make(person.id)

    rows = await owner.fetch(
        "SELECT recovery_codes::text FROM recovery_codes WHERE person_id = $1", person.id
    )

    assert len(rows) == COUNT
    for code in codes:
        assert not any(code.replace("-", "").encode().hex() in row[0] for row in rows)


async def test_a_step_is_taken_once_and_is_of_its_purpose_alone(access: Access, owner: Any) -> None:
    person = await somebody(access)
    token = await access.steps.begin("code", person.id, how="password")

    assert await access.steps.look("enrol", token) is None
    looked = await access.steps.look("code", token)
    assert looked is not None
    assert (looked.person_id, looked.data) == (person.id, {"how": "password"})
    taken = await asyncio.gather(*(access.steps.take("code", token) for _ in range(3)))
    assert [each for each in taken if each is not None] == [looked]

    late = await access.steps.begin("code", person.id, how="password")
    await owner.execute("UPDATE sign_in_steps SET expires_at = expires_at - interval '5 minutes'")
    assert await access.steps.look("code", late) is None
    await access.steps.begin("code", person.id, how="password")
    assert await owner.fetchval("SELECT count(*) FROM sign_in_steps") == 1
