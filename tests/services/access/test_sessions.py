"""Browsers that are signed in (W7, S10)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.access.people import Person
from services.access.roles import ROLES
from services.access.sessions import (
    COOKIE,
    COOKIE_ATTRIBUTES,
    PER_PERSON_MAX,
    csrf_token,
    is_csrf_token,
)
from services.access.wiring import Access
from services.application.callers import Whoever, caller_of_session
from tests.services.access.kit import grant, somebody


async def signed_in(access: Access, person: Person) -> str:
    _, cookie = await access.sessions.begin(
        person.id, how="password", whence="192.0.2.7", agent="Firefox"
    )
    return cookie


async def shown(access: Access, cookie: str) -> Whoever | None:
    return await caller_of_session(access, cookie, whence="192.0.2.7", request_id="r1")


async def passed(owner: Any, person: Person, column: str, interval: timedelta) -> None:
    await owner.execute(
        f"UPDATE sessions SET {column} = {column} - $2::interval WHERE person_id = $1",  # noqa: S608
        person.id,
        interval,
    )


async def test_a_cookie_lets_its_person_in(access: Access) -> None:
    person = await somebody(access, grant("manager", 1, 501), grant("operator", None))
    caller = await shown(access, await signed_in(access, person))

    assert caller is not None
    principal = caller.in_account(1)
    assert principal is not None
    assert (principal.id, principal.manager_id) == (f"person:{person.id}", 501)
    assert principal.scopes == {"self", "operate"}
    assert caller.in_account(2) is None
    assert caller.at_large().scopes == ROLES["operator"]
    assert (caller.is_fresh, caller.person_id) == (True, person.id)


async def test_S29_of_a_cookie_only_a_digest_is_kept(access: Access, owner: Any) -> None:
    person = await somebody(access)
    cookie = await signed_in(access, person)

    rows = await owner.fetch("SELECT sessions::text FROM sessions WHERE person_id = $1", person.id)

    assert len(rows) == 1
    assert cookie not in rows[0][0]
    assert len(cookie) >= 43


@pytest.mark.parametrize("cookie", ["", "x", "x" * 10_000, "\0", "\ud800"])
async def test_S29_what_is_no_cookie_of_ours_lets_nobody_in(access: Access, cookie: str) -> None:
    assert await shown(access, cookie) is None


@pytest.mark.parametrize(
    ("column", "still", "over"),
    [
        ("seen_at", timedelta(hours=11, minutes=59), timedelta(minutes=2)),
        ("begun_at", timedelta(days=6, hours=23), timedelta(hours=2)),
    ],
    ids=["idle for 12 hours", "a week old"],
)
async def test_a_session_ends_when_it_is(
    access: Access, owner: Any, column: str, still: timedelta, over: timedelta
) -> None:
    person = await somebody(access)
    cookie = await signed_in(access, person)

    await passed(owner, person, column, still)
    assert len(await access.sessions.of(person.id)) == 1
    await passed(owner, person, column, over)

    assert await shown(access, cookie) is None
    assert await access.sessions.of(person.id) == []


async def test_use_keeps_a_session_alive_until_its_last_day(access: Access, owner: Any) -> None:
    person = await somebody(access)
    cookie = await signed_in(access, person)
    for _ in range(2):
        await passed(owner, person, "seen_at", timedelta(hours=11))

        assert await shown(access, cookie) is not None


async def test_S32_who_proved_who_they_are_ten_minutes_ago_is_asked_again(
    access: Access, owner: Any
) -> None:
    person = await somebody(access)
    cookie = await signed_in(access, person)
    await passed(owner, person, "fresh_at", timedelta(minutes=11))
    stale = await shown(access, cookie)

    proved = await access.sessions.renew(cookie, is_fresh=True)

    assert stale is not None
    assert not stale.is_fresh
    assert proved is not None
    fresh = await shown(access, proved)
    assert fresh is not None
    assert fresh.is_fresh


async def test_a_change_of_rights_asks_for_another_cookie(access: Access, owner: Any) -> None:
    person = await somebody(access)
    cookie = await signed_in(access, person)
    before = await shown(access, cookie)
    await access.people.grant(person.id, [grant("viewer")], given_by="cli:root")
    after = await shown(access, cookie)
    renewed = await access.sessions.renew(cookie)

    assert before is not None
    assert before.session is not None
    assert not before.session.is_to_be_renewed
    assert after is not None
    assert after.session is not None
    assert after.session.is_to_be_renewed
    assert renewed is not None
    assert renewed != cookie
    caller = await shown(access, renewed)
    assert caller is not None
    assert caller.session is not None
    assert not caller.session.is_to_be_renewed
    # What was on its way with the former cookie is let in, for a moment.
    assert await shown(access, cookie) is not None
    await passed(owner, person, "former_until", timedelta(seconds=31))
    assert await shown(access, cookie) is None


async def test_attack_S29_of_those_who_renew_a_cookie_at_once_one_gets_the_next(
    access: Access,
) -> None:
    cookie = await signed_in(access, await somebody(access))

    answers = await asyncio.gather(*(access.sessions.renew(cookie) for _ in range(5)))

    (won,) = [each for each in answers if each is not None]
    assert await shown(access, won) is not None
    assert await access.sessions.renew("no cookie of ours") is None


async def test_S8_what_is_taken_away_is_gone_at_the_next_request(access: Access) -> None:
    person = await somebody(access, grant("administrator"))
    cookie = await signed_in(access, person)

    await access.people.revoke(person.id, grant("administrator"))

    caller = await shown(access, cookie)
    assert caller is not None
    assert caller.in_account(1) is None


async def test_who_is_disabled_is_signed_out_everywhere(access: Access) -> None:
    person = await somebody(access, grant("administrator"))
    cookie = await signed_in(access, person)

    await access.people.disable(person.id)
    assert await shown(access, cookie) is None

    await access.people.disable(person.id, is_disabled=False)
    assert await shown(access, cookie) is None  # enabled again, they sign in again


async def test_people_see_and_end_their_own_sessions(access: Access) -> None:
    person, other = await somebody(access), await somebody(access)
    here, there = await signed_in(access, person), await signed_in(access, person)
    foreign = await signed_in(access, other)
    live = await access.sessions.resolve(here)
    strange = await access.sessions.resolve(foreign)
    assert live is not None
    assert strange is not None

    (newest, oldest) = await access.sessions.of(person.id)
    assert {newest.id, oldest.id} > {live.session.id}
    assert (newest.whence, newest.agent, newest.how) == ("192.0.2.7", "Firefox", "password")

    assert not await access.sessions.end(person.id, strange.session.id)
    assert await access.sessions.end_all(person.id, but=live.session.id) == 1
    assert await shown(access, there) is None
    assert await shown(access, here) is not None
    assert await access.sessions.end(person.id, live.session.id)
    assert await shown(access, here) is None
    await access.sessions.end_by_cookie(foreign)
    await access.sessions.end_by_cookie(foreign)
    assert await shown(access, foreign) is None


async def test_attack_S29_who_opens_many_sessions_has_the_last_ones(access: Access) -> None:
    person = await somebody(access)
    cookies = [await signed_in(access, person) for _ in range(PER_PERSON_MAX + 2)]

    assert len(await access.sessions.of(person.id)) == PER_PERSON_MAX
    assert await shown(access, cookies[0]) is None
    assert await shown(access, cookies[-1]) is not None


def test_S10_a_token_against_forged_requests_is_of_its_session_alone() -> None:
    assert is_csrf_token("a cookie", csrf_token("a cookie"))
    for given in ("", csrf_token("another"), csrf_token("a cookie")[:-1], "a cookie", "é\ud800"):
        assert not is_csrf_token("a cookie", given)
    assert "a cookie" not in csrf_token("a cookie")


def test_S10_the_cookie_is_for_our_own_pages_over_https_and_no_script() -> None:
    assert COOKIE.startswith("__Host-")
    assert COOKIE_ATTRIBUTES == {"path": "/", "secure": True, "httponly": True, "samesite": "lax"}
