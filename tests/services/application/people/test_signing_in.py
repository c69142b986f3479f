"""Signing in by a password, and by a code (S29)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import argon2
import pyotp
import pytest

from services.access.grants import Grant
from services.access.passwords import set_password_hash
from services.access.people import Person
from services.access.settings import AccessSettings
from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.application.people.signing_in import (
    NextStep,
    SignedIn,
    sign_in,
    sign_in_by_code,
    sign_in_by_enrolling,
)
from services.application.refused import Refused
from services.storage.database import borrow
from tests.services.access.kit import grant, somebody
from tests.services.application.people.kit import AGENT, NOBODY, PASSWORD
from tests.support.vault import VAULT

NOW = datetime(2026, 11, 29, 12, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)


class Counting(argon2.PasswordHasher):
    """A hasher that counts what it is made to verify."""

    def __init__(self, **parameters: int) -> None:
        super().__init__(**{"time_cost": 1, "memory_cost": 8, "parallelism": 1, **parameters})
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's
        self.verified += 1
        return super().verify(hash, password)


@pytest.fixture(autouse=True)
async def _nobody_waits(owner: Any) -> None:
    """All tests come from one address."""
    await owner.execute("DELETE FROM sign_in_delays")


@pytest.fixture
async def counted(access: Access) -> AsyncIterator[tuple[Access, Counting]]:
    """The same, telling how many passwords were looked at."""
    hasher = Counting()
    made = Access(access.pool, VAULT, AccessSettings(), hasher)
    yield made, hasher
    made.hashing.close()


async def with_password(access: Access, *grants: Grant, password: str = PASSWORD) -> Person:
    person = await somebody(access, *grants)
    hashed = await access.hashing.hash(password)
    async with borrow(access.pool) as connection:
        await set_password_hash(connection, person.id, hashed)
    return person


async def try_(
    access: Access, login: str, password: str = PASSWORD, *, caller: Caller = NOBODY
) -> SignedIn | NextStep:
    return await sign_in(access, login=login, password=password, caller=caller, agent=AGENT)


async def second(access: Access, step: Any, code: str, at: datetime = NOW) -> SignedIn:
    token = step.token.get_secret_value()
    go_on = sign_in_by_code if step.needs == "code" else sign_in_by_enrolling
    return await go_on(access, token, code, caller=NOBODY, agent=AGENT, at=at)


async def test_the_right_password_signs_in_and_is_told(access: Access) -> None:
    person = await with_password(access, grant("viewer"))

    signed_in = await try_(access, person.login)

    assert isinstance(signed_in, SignedIn)
    live = await access.sessions.resolve(signed_in.cookie.get_secret_value())
    assert live is not None
    assert live.session.person_id == person.id
    (line, *_) = await access.log.of_person(person.id, limit=9)
    assert (line.what, line.principal, line.whence, line.request_id, line.about) == (
        "signed_in",
        person.principal,
        "192.0.2.9",
        "r9",
        "password",
    )


async def test_S29_nobody_learns_which_logins_there_are(
    counted: tuple[Access, Counting],
) -> None:
    """Whatever is wrong, the answer, the work and the waits are the same.

    A wrong password, a login that nobody has, somebody without one, somebody let in no more.
    """
    access, hasher = counted
    known = await with_password(access)
    disabled = await with_password(access)
    await access.people.disable(disabled.id)
    without = await somebody(access)
    answers = {}
    for number, (login, password) in enumerate(
        [
            (known.login, "wrong wrong wrong"),
            ("nobody-has@example.com", PASSWORD),
            (disabled.login, PASSWORD),
            (without.login, PASSWORD),
        ]
    ):
        seen = []
        before = hasher.verified
        for _ in range(5):
            caller = Caller(whence=f"address {number}")
            with pytest.raises(Refused) as refused:
                await try_(access, login, password, caller=caller)
            seen.append((refused.value.code, {*refused.value.sentence.arguments}))
        answers[login] = (seen, hasher.verified - before)

    wrong, wait = ("sign_in_wrong", set()), ("sign_in_wait", {"count"})
    assert list(answers.values()) == [([wrong] * 4 + [wait], 4)] * 4


async def test_S29_of_a_failure_neither_login_nor_password_is_kept(
    access: Access, owner: Any
) -> None:
    with pytest.raises(Refused, match="sign_in_wrong"):
        await try_(access, "canary-of-a-login", "canary-of-a-password")

    lines = await owner.fetch("SELECT sign_in_log::text FROM sign_in_log")
    assert any("sign_in_failed" in row[0] for row in lines)
    assert not any("canary" in row[0] for row in lines)


async def test_S29_a_password_hashed_in_the_old_way_is_hashed_anew(
    access: Access, owner: Any
) -> None:
    person = await with_password(access)
    newer = Access(access.pool, VAULT, AccessSettings(), Counting(time_cost=2))
    kept = "SELECT hash FROM passwords WHERE person_id = $1"
    before = await owner.fetchval(kept, person.id)
    try:
        assert isinstance(await try_(newer, person.login), SignedIn)
        after = await owner.fetchval(kept, person.id)
        assert isinstance(await try_(newer, person.login), SignedIn)
    finally:
        newer.hashing.close()

    assert ("t=1" in before, "t=2" in after) == (True, True)
    assert await owner.fetchval(kept, person.id) == after


@pytest.mark.parametrize(
    "held", [grant("administrator"), grant("administrator", None), grant("operator", None)]
)
async def test_S29_operators_and_administrators_need_codes(access: Access, held: Grant) -> None:
    person = await with_password(access, held)

    first = await try_(access, person.login)
    assert isinstance(first, NextStep)
    assert first.needs == "enrol"
    assert first.secret is not None
    assert await access.sessions.of(person.id) == []
    app = pyotp.TOTP(first.secret.secret.get_secret_value())
    with pytest.raises(Refused, match="code_wrong"):
        await second(access, first, "000000")
    signed_in = await second(access, first, app.at(NOW))
    assert len(signed_in.recovery_codes) == 10
    with pytest.raises(Refused, match="step_over"):
        await second(access, first, app.at(NOW + STEP))

    later = await try_(access, person.login)
    assert isinstance(later, NextStep)
    assert (later.needs, later.secret) == ("code", None)
    with pytest.raises(Refused, match="code_wrong"):
        await second(access, later, app.at(NOW))  # taken when the app was set up
    assert (await second(access, later, app.at(NOW + STEP))).recovery_codes == ()

    on_paper = await try_(access, person.login)
    await second(access, on_paper, signed_in.recovery_codes[0])
    once_more = await try_(access, person.login)
    with pytest.raises(Refused, match="code_wrong"):
        await second(access, once_more, signed_in.recovery_codes[0])
    told = [each.what for each in await access.log.of_person(person.id, limit=20)]
    assert told.count("signed_in") == 3
    assert ("recovery_code_used" in told, "one_time_codes_on" in told) == (True, True)


async def test_S29_a_step_of_one_is_no_step_of_another_kind(access: Access) -> None:
    person = await with_password(access, grant("administrator"))
    first = await try_(access, person.login)
    assert isinstance(first, NextStep)
    token = first.token.get_secret_value()

    for wrong in (token[:-1], "", "x"):
        with pytest.raises(Refused, match="step_over"):
            await sign_in_by_code(access, wrong, "000000", caller=NOBODY, agent=AGENT, at=NOW)
    with pytest.raises(Refused, match="step_over"):
        await sign_in_by_code(access, token, "000000", caller=NOBODY, agent=AGENT, at=NOW)
    await access.people.disable(person.id)
    with pytest.raises(Refused, match="step_over"):
        await second(access, first, "000000")


async def test_attack_S29_codes_are_guessed_no_faster_than_passwords(access: Access) -> None:
    person = await with_password(access, grant("administrator"))
    first = await try_(access, person.login)
    assert isinstance(first, NextStep)

    answers = await asyncio.gather(
        *(second(access, first, f"{n:06}") for n in range(40)), return_exceptions=True
    )

    told = [str(each) for each in answers]
    assert (told.count("code_wrong"), told.count("sign_in_wait")) == (4, 36)


async def test_attack_S29_of_two_who_show_a_recovery_code_at_once_one_is_signed_in(
    access: Access,
) -> None:
    person = await with_password(access, grant("administrator"))
    first = await try_(access, person.login)
    assert isinstance(first, NextStep)
    assert first.secret is not None
    app = pyotp.TOTP(first.secret.secret.get_secret_value())
    codes = (await second(access, first, app.at(NOW))).recovery_codes
    steps = [await try_(access, person.login) for _ in range(2)]

    answers = await asyncio.gather(
        *(second(access, step, codes[3]) for step in steps), return_exceptions=True
    )

    assert len([each for each in answers if isinstance(each, SignedIn)]) == 1
    assert [str(e) for e in answers if not isinstance(e, SignedIn)] == ["code_wrong"]
