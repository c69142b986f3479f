"""What people change about how they themselves sign in (S29, S32)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from services.access.passwords import set_password_hash
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people import oneself
from services.application.people.about import about_myself
from services.application.people.holding import describe
from services.application.people.keys import make_key
from services.application.refused import Refused
from services.storage.database import borrow
from services.storage.tenancy import Reach, bounded
from tests.services.access.kit import grant
from tests.services.application.people.kit import PASSWORD, ROOT, again, browser

NOW = datetime(2026, 11, 29, 12, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)
STALE = "UPDATE sessions SET fresh_at = fresh_at - interval '11 minutes' WHERE person_id = $1"


async def with_password(access: Access, person_id: int) -> None:
    hashed = await access.hashing.hash(PASSWORD)
    async with borrow(access.pool) as connection:
        await set_password_hash(connection, person_id, hashed)


async def test_S32_who_was_asked_again_goes_on_with_another_cookie(
    access: Access, owner: Any
) -> None:
    person, _, cookie = await browser(access)
    await with_password(access, person.id)
    await owner.execute(STALE, person.id)
    who = await again(access, cookie)

    with pytest.raises(Refused, match="sign_in_wrong"):
        await oneself.prove_again(access, who, cookie, "wrong wrong wrong", at=NOW)
    assert not (await again(access, cookie)).is_fresh
    fresh = await oneself.prove_again(access, who, cookie, PASSWORD, at=NOW)

    assert (await again(access, fresh)).is_fresh
    with pytest.raises(Refused, match="session_unknown"):
        await oneself.prove_again(access, who, cookie, PASSWORD, at=NOW)


async def test_S32_whoever_has_an_app_is_asked_for_its_code(access: Access) -> None:
    person, who, cookie = await browser(access)
    await with_password(access, person.id)
    secret = await oneself.begin_codes(access, who)
    app = pyotp.TOTP(secret.secret.get_secret_value())
    with pytest.raises(Refused, match="code_wrong"):
        await oneself.confirm_codes(access, who, "000000", at=NOW)
    codes = await oneself.confirm_codes(access, who, app.at(NOW), at=NOW)
    with pytest.raises(Refused, match="codes_are_on"):
        await oneself.begin_codes(access, who)

    with pytest.raises(Refused, match="code_wrong"):
        await oneself.prove_again(access, who, cookie, PASSWORD, at=NOW)
    cookie = await oneself.prove_again(access, who, cookie, app.at(NOW + STEP), at=NOW + STEP)
    cookie = await oneself.prove_again(access, who, cookie, codes[0], at=NOW)
    fresh = await oneself.new_recovery_codes(access, who)
    with pytest.raises(Refused, match="code_wrong"):
        await oneself.prove_again(access, who, cookie, codes[1], at=NOW)
    await oneself.prove_again(access, who, cookie, fresh[1], at=NOW)


async def test_S29_again_is_guessed_no_faster_than_the_first_time(access: Access) -> None:
    person, who, cookie = await browser(access)
    await with_password(access, person.id)
    told = []
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            await oneself.prove_again(access, who, cookie, "wrong wrong wrong", at=NOW)
        told.append(refused.value.code)

    assert told == ["sign_in_wrong"] * 4 + ["sign_in_wait"]


async def test_codes_end_when_the_role_does_not_require_them(access: Access) -> None:
    person, who, _ = await browser(access, grant("viewer"))
    _, administrator, _ = await browser(access, grant("administrator"))
    with pytest.raises(Refused, match="codes_are_off"):
        await oneself.new_recovery_codes(access, who)
    secret = await oneself.begin_codes(access, who)
    app = pyotp.TOTP(secret.secret.get_secret_value())
    await oneself.confirm_codes(access, who, app.at(NOW), at=NOW)

    await oneself.end_codes(access, who)
    await oneself.end_codes(access, who)  # once more is no harm

    assert not await access.codes.are_on(person.id)
    assert await access.recovery.left(person.id) == 0
    with pytest.raises(Refused, match="codes_required"):
        await oneself.end_codes(access, administrator)


async def test_another_password_ends_the_other_sessions(access: Access) -> None:
    person, who, cookie = await browser(access)
    _, elsewhere = await access.sessions.begin(person.id, how="password", whence="", agent="")

    with pytest.raises(Refused, match="password_common"):
        await oneself.change_password(access, who, "Password1234")
    await oneself.change_password(access, who, PASSWORD)

    assert await access.sessions.resolve(elsewhere) is None
    assert await access.sessions.resolve(cookie) is not None
    assert await access.passwords.is_right(person.id, PASSWORD)


async def test_S32_who_proved_who_they_are_long_ago_changes_nothing(
    access: Access, owner: Any
) -> None:
    person, _, cookie = await browser(access)
    await owner.execute(STALE, person.id)
    who = await again(access, cookie)

    for deed in (oneself.begin_codes, oneself.end_codes, oneself.new_recovery_codes):
        with pytest.raises(Refused, match="proof_needed"):
            await deed(access, who)
    with pytest.raises(Refused, match="proof_needed"):
        await oneself.change_password(access, who, PASSWORD)


async def test_people_end_their_own_sessions_alone(access: Access) -> None:
    person, who, cookie = await browser(access)
    _, stranger, foreign = await browser(access)
    for _ in range(2):
        await access.sessions.begin(person.id, how="password", whence="", agent="")
    (first, *_) = await oneself.own_sessions(access, stranger)

    with pytest.raises(Refused, match="session_unknown"):
        await oneself.end_session(access, who, first.id)
    others = [e for e in await oneself.own_sessions(access, who) if e.id != who.session.session.id]
    await oneself.end_session(access, who, others[0].id)
    assert await oneself.end_other_sessions(access, who) == 1
    await oneself.sign_out(access, who, cookie)

    assert await oneself.own_sessions(access, who) == []
    assert await access.sessions.resolve(foreign) is not None
    told = [each.what for each in await oneself.own_deeds(access, who)]
    assert told == ["signed_out", "sessions_ended", "sessions_ended"]


async def test_S8_a_program_is_nobodys_self(access: Access) -> None:
    for who in (ROOT, Whoever(id="key:a", rights=ROOT.rights, whence="", request_id="")):
        with pytest.raises(Refused, match="person_unknown"):
            await oneself.own_sessions(access, who)
        with pytest.raises(Refused, match="person_unknown"):
            await oneself.change_password(access, who, PASSWORD)
        with pytest.raises(Refused, match="person_unknown"):
            await describe(access, who, name="Ana", language="en")


async def test_people_say_what_they_are_called(access: Access) -> None:
    person, who, _ = await browser(access)

    await describe(access, who, name=" Ana ", language="pt-BR")

    found = await access.people.get(person.id)
    assert found is not None
    assert (found.name, found.language) == ("Ana", "pt_BR")
    with pytest.raises(Refused, match="name_unusable"):
        await describe(access, who, name="", language="en")


async def test_S22_people_see_all_that_is_kept_about_themselves(access: Access) -> None:
    person, who, _ = await browser(access, grant("administrator", 44))
    await with_password(access, person.id)
    _, text = await make_key(access, who, label="export", account_id=44, scopes=["read"])
    for number in range(2):
        await access.passkeys.add(
            person.id,
            credential_id=f"about {person.id} {number}".encode(),
            public_key=b"",
            sign_count=0,
            transports=["usb"],
            name=f"key {number}",
        )

    with bounded(Reach(account_id=None)):
        told = await about_myself(access, who)

    assert told.person == person
    assert (told.has_password, told.has_app, told.has_provider) == (True, False, False)
    assert [each.name for each in told.passkeys] == ["key 0", "key 1"]
    assert [each.label for each in told.keys] == ["export"]
    assert len(told.sessions) == 1
    assert [each.what for each in told.deeds] == ["key_made"]
    assert [(each.what, each.ids) for each in told.looks] == [("people", (person.id,))]
    assert text.get_secret_value() not in repr(told)
    with pytest.raises(Refused, match="person_unknown"):
        await about_myself(access, ROOT)
