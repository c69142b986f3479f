"""One-time links: to join, and to be let in again (W7)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from pydantic import SecretStr

from services.access.people import Person
from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.application.installation import WEB_FILE, Installation
from services.application.people import holding, inviting, joining
from services.application.people.signing_in import SignedIn, sign_in
from services.application.refused import Refused
from tests.services.access.kit import grant, somebody
from tests.services.application.people.kit import AGENT, NOBODY, PASSWORD, ROOT, browser

COMMON = "Password1234"
LATER = "UPDATE invitations SET expires_at = expires_at - $1::interval"


async def join(
    access: Access,
    token: str,
    login: str,
    *,
    password: str = PASSWORD,
    name: str = "Ivo Rossi",
    language: str = "en",
) -> Person:
    return await joining.join(
        access,
        token,
        name=name,
        login=login,
        password=password,
        language=language,
        caller=NOBODY,
    )


async def invited(access: Access) -> str:
    _, token = await inviting.invite(
        access, ROOT, [grant("viewer"), grant("manager", 2, 502)], name="Ivo"
    )
    return token.get_secret_value()


async def test_whoever_has_the_link_joins_with_its_roles_and_signs_in(access: Access) -> None:
    token = await invited(access)
    looked = await joining.look_at_link(access, token)
    person = await join(access, token, "ivo@example.com")

    assert (looked.name, looked.kind) == ("Ivo", "invited")
    assert person.grants == (grant("viewer"), grant("manager", 2, 502))
    signed_in = await sign_in(
        access, login="IVO@example.com", password=PASSWORD, caller=NOBODY, agent=AGENT
    )
    assert isinstance(signed_in, SignedIn)
    assert signed_in.person == person


async def test_a_link_is_used_once(access: Access) -> None:
    token = await invited(access)
    await join(access, token, "once@example.com")

    with pytest.raises(Refused, match="link_not_valid"):
        await join(access, token, "twice@example.com")
    assert await access.people.find("twice@example.com") is None


async def test_attack_S29_of_two_who_use_a_link_at_once_one_joins(access: Access) -> None:
    token = await invited(access)

    answers = await asyncio.gather(
        *(join(access, token, f"race{n}@example.com") for n in range(4)), return_exceptions=True
    )

    joined = [each for each in answers if isinstance(each, Person)]
    assert len(joined) == 1
    assert [str(e) for e in answers if not isinstance(e, Person)] == ["link_not_valid"] * 3
    found = [await access.people.find(f"race{n}@example.com") for n in range(4)]
    assert [each for each in found if each is not None] == joined


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": "short"}, "password_too_short"),
        ({"password": "Password1234"}, "password_common"),
        ({"password": "Ivo Rossi 2026"}, "password_about_you"),
        ({"password": "x7" * 200}, "password_too_long"),
        ({"name": "  "}, "name_unusable"),
        ({"name": "x" * 101}, "name_unusable"),
        ({"name": "Ivo\u202eissoR"}, "name_unusable"),
        ({"login": "no"}, "login_unusable"),
        ({"login": "two words"}, "login_unusable"),
        ({"login": "12345"}, "login_unusable"),
        ({"login": "x" * 255}, "login_unusable"),
        ({"language": "klingon"}, "language_unknown"),
        ({"login": "taken@example.com"}, "login_taken"),
    ],
)
async def test_what_cannot_be_used_leaves_the_link_as_it_was(
    access: Access, wrong: dict[str, Any], code: str
) -> None:
    if await access.people.find("taken@example.com") is None:
        await somebody(access, login="Taken@example.com")
    token = await invited(access)

    with pytest.raises(Refused, match=code):
        await join(access, token, **{"login": "fresh@example.com", **wrong})

    assert (await joining.look_at_link(access, token)).name == "Ivo"


async def test_a_link_is_over_after_its_time(access: Access, owner: Any) -> None:
    token = await invited(access)
    await owner.execute(LATER, timedelta(days=6, hours=23))
    assert (await joining.look_at_link(access, token)).kind == "invited"
    await owner.execute(LATER, timedelta(hours=2))

    with pytest.raises(Refused, match="link_not_valid"):
        await join(access, token, "late@example.com")


async def test_a_link_that_is_withdrawn_is_over(access: Access) -> None:
    made, token = await inviting.invite(access, ROOT, [grant("viewer")])
    _, stranger, _ = await browser(access, grant("administrator", 2))
    with pytest.raises(Refused, match="invitation_unknown"):
        await inviting.withdraw(access, stranger, made.id)
    assert made.id not in [each.id for each in await inviting.invitations(access, stranger)]

    await inviting.withdraw(access, ROOT, made.id)

    with pytest.raises(Refused, match="invitation_over"):
        await inviting.withdraw(access, ROOT, made.id)
    with pytest.raises(Refused, match="link_not_valid"):
        await join(access, token.get_secret_value(), "withdrawn@example.com")


async def test_S8_links_of_somebody_who_is_let_in_no_more_are_over(access: Access) -> None:
    person, who, _ = await browser(access, grant("administrator"))
    _, token = await inviting.invite(access, who, [grant("administrator")])

    await holding.disable(access, ROOT, person.id)

    with pytest.raises(Refused, match="link_not_valid"):
        await joining.look_at_link(access, token.get_secret_value())


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "\ud800"])
async def test_what_is_no_link_is_told_as_one_that_is_over(access: Access, token: str) -> None:
    with pytest.raises(Refused, match="link_not_valid"):
        await joining.look_at_link(access, token)


async def test_the_first_one_who_joins_keeps_the_installation(access: Access, owner: Any) -> None:
    await owner.execute("DELETE FROM people")
    assert not await inviting.is_claimed(access)
    former = await inviting.first_link(access, ROOT.caller)
    present = await inviting.first_link(access, ROOT.caller)
    assert former is not None
    assert present is not None
    with pytest.raises(Refused, match="link_not_valid"):
        await joining.look_at_link(access, former[1].get_secret_value())
    assert present[0].expires_at - present[0].given_at == timedelta(minutes=15)

    person = await join(access, present[1].get_secret_value(), "first@example.com")

    assert person.grants == (grant("administrator", None), grant("operator", None))
    assert await inviting.is_claimed(access)
    assert await inviting.first_link(access, ROOT.caller) is None


async def test_a_reset_ends_a_lock_out(access: Access) -> None:
    person, _, cookie = await browser(access, grant("viewer"))
    secret = await access.codes.begin(person.id, person.login)
    assert secret is not None
    now = datetime.now(UTC)
    app = pyotp.TOTP(secret.secret.get_secret_value())
    assert await access.codes.confirm(person.id, app.at(now), at=now)
    (code, *_) = await access.recovery.make(person.id)
    for _ in range(4):
        await access.delays.attempt(person.login, "192.0.2.66")

    _, token = await inviting.reset(access, ROOT, person.id)
    assert await access.sessions.resolve(cookie) is not None  # nothing changes before its use
    with pytest.raises(Refused, match="link_not_valid"):
        await join(access, token.get_secret_value(), "another@example.com")
    with pytest.raises(Refused, match="password_common"):
        await joining.come_back(access, token.get_secret_value(), password=COMMON, caller=NOBODY)
    await joining.come_back(access, token.get_secret_value(), password=PASSWORD, caller=NOBODY)

    assert await access.sessions.resolve(cookie) is None
    assert not await access.codes.are_on(person.id)
    assert not await access.recovery.take(person.id, code)
    signed_in = await sign_in(
        access, login=person.login, password=PASSWORD, caller=NOBODY, agent=AGENT
    )
    assert isinstance(signed_in, SignedIn)
    with pytest.raises(Refused, match="link_not_valid"):
        await joining.come_back(access, token.get_secret_value(), password=PASSWORD, caller=NOBODY)


async def test_a_reset_supersedes_the_one_before_and_is_not_for_the_disabled(
    access: Access,
) -> None:
    person = await somebody(access)
    _, former = await inviting.reset(access, ROOT, person.id)
    _, present = await inviting.reset(access, ROOT, person.id)

    with pytest.raises(Refused, match="link_not_valid"):
        await joining.look_at_link(access, former.get_secret_value())
    await holding.disable(access, ROOT, person.id)
    with pytest.raises(Refused, match="link_not_valid"):
        await joining.come_back(
            access, present.get_secret_value(), password=PASSWORD, caller=NOBODY
        )
    with pytest.raises(Refused, match="person_disabled"):
        await inviting.reset(access, ROOT, person.id)


async def test_S17_of_a_link_only_a_digest_is_kept(access: Access, owner: Any) -> None:
    token = await invited(access)

    rows = await owner.fetch("SELECT invitations::text FROM invitations")

    assert rows
    assert not any(token in row[0] or "Ivo" in row[0] for row in rows)


async def test_an_invitation_gives_something(access: Access) -> None:
    with pytest.raises(Refused, match="grants_out_of_bounds"):
        await inviting.invite(access, ROOT, [])
    with pytest.raises(Refused, match="grants_out_of_bounds"):
        await inviting.invite(access, ROOT, [grant("viewer", n + 1) for n in range(101)])


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ('{"pid": 7, "address": "http://127.0.0.1:8123"}', "http://localhost:8123"),
        ('{"pid": 7, "address": "http://[::1]:9"}', "http://localhost:9"),
        ("{}", inviting.HERE),
        ("[]", inviting.HERE),
        ("", inviting.HERE),
        ('{"address": "http://127.0.0.1:many"}', inviting.HERE),
    ],
)
def test_a_link_leads_to_where_the_console_is_served(
    tmp_path: Path, told: str, address: str
) -> None:
    here = installation_in(tmp_path, AccessSettings())
    named = installation_in(tmp_path, AccessSettings(address="https://leads.example.com"))
    assert inviting.address_of(here) == inviting.HERE
    (tmp_path / WEB_FILE).write_text(told)

    assert inviting.address_of(here) == address
    assert inviting.address_of(named) == "https://leads.example.com"
    link = inviting.link(address, SecretStr("secret"))
    assert link == f"{address}/join#secret"


def installation_in(folder: Path, settings: AccessSettings) -> Installation:
    nothing: Any = None
    return Installation(
        data=folder,
        database=None,
        pool=nothing,
        wakeup=nothing,
        events=nothing,
        accounts=nothing,
        dead_letters=nothing,
        log=nothing,
        access_settings=settings,
    )
