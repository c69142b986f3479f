"""Nobody gives, or takes, what they do not have themselves (S8)."""

from datetime import timedelta
from typing import Any

import pytest

from services.access.grants import Grant
from services.access.roles import ROLES
from services.access.wiring import Access
from services.application.people import holding, inviting
from services.application.refused import Refused
from tests.services.access.kit import grant, somebody
from tests.services.application.people.kit import ROOT, again, browser

FIRST = (grant("administrator", None), grant("operator", None))
STALE = "UPDATE sessions SET fresh_at = fresh_at - $1::interval WHERE person_id = $2"


@pytest.mark.parametrize("role", ["manager", "viewer", "supervisor", "operator"])
async def test_S8_whoever_decides_about_nobody_gives_nothing(access: Access, role: Any) -> None:
    where = None if role == "operator" else 1
    _, who, _ = await browser(access, Grant(account_id=where, role=role, manager_id=501))
    person = await somebody(access)

    with pytest.raises(Refused, match="not_allowed"):
        await holding.grant(access, who, person.id, grant("viewer"))
    with pytest.raises(Refused, match="not_allowed"):
        await inviting.invite(access, who, [grant("viewer")])
    with pytest.raises(Refused, match="not_allowed"):
        await holding.people(access, who)
    with pytest.raises(Refused, match="not_allowed"):
        await inviting.invitations(access, who)
    with pytest.raises(Refused, match="person_unknown"):
        await holding.disable(access, who, person.id)


@pytest.mark.parametrize("role", sorted({*ROLES} - {"operator", "manager"}))
async def test_S8_an_administrator_gives_every_role_of_their_account(
    access: Access, role: Any
) -> None:
    _, who, _ = await browser(access, grant("administrator"))
    person = await somebody(access)

    assert await holding.grant(access, who, person.id, grant(role))
    assert await holding.grant(access, who, person.id, grant("manager", 1, 501))
    await holding.revoke(access, who, person.id, grant(role))

    left = await access.people.get(person.id)
    assert left is not None
    assert left.grants == (grant("manager", 1, 501),)


async def test_S5_an_administrator_gives_nothing_elsewhere(access: Access) -> None:
    _, who, _ = await browser(access, grant("administrator"))
    person = await somebody(access, grant("viewer", 2))

    for given in (grant("viewer", 2), grant("viewer", None), grant("operator", None)):
        with pytest.raises(Refused, match="not_allowed"):
            await holding.grant(access, who, person.id, given)
        with pytest.raises(Refused, match="not_allowed"):
            await inviting.invite(access, who, [grant("viewer"), given])
        with pytest.raises(Refused, match="not_allowed"):
            await holding.revoke(access, who, person.id, given)


async def test_S8_an_administrator_of_all_accounts_makes_no_operator(access: Access) -> None:
    _, who, _ = await browser(access, grant("administrator", None))
    person = await somebody(access)

    with pytest.raises(Refused, match="grant_beyond_giver"):
        await holding.grant(access, who, person.id, grant("operator", None))
    assert await holding.grant(access, who, person.id, grant("administrator", None))


async def test_S8_whoever_holds_more_is_not_theirs_to_take_over(access: Access) -> None:
    _, who, _ = await browser(access, grant("administrator"))
    both = await somebody(access, grant("viewer"), grant("viewer", 2))
    foreign = await somebody(access, grant("viewer", 2))
    own = await somebody(access, grant("viewer"))

    for deed in (holding.disable, holding.erase, holding.enable, inviting.reset, holding.sessions):
        with pytest.raises(Refused, match="person_of_others"):
            await deed(access, who, both.id)
        with pytest.raises(Refused, match="person_unknown"):
            await deed(access, who, foreign.id)
        with pytest.raises(Refused, match="person_unknown"):
            await deed(access, who, 10**9)
    await inviting.reset(access, who, own.id)
    await holding.erase(access, who, own.id)


async def test_S9_an_administrator_sees_people_and_roles_of_their_account_alone(
    access: Access,
) -> None:
    me, who, _ = await browser(access, grant("administrator", 41))
    both = await somebody(access, grant("viewer", 41), grant("administrator", 42))
    foreign = await somebody(access, grant("viewer", 42))

    seen = {each.id: each.grants for each in await holding.people(access, who, 41)}

    assert seen == {me.id: me.grants, both.id: (grant("viewer", 41),)}
    all_of_them = {each.id for each in await holding.people(access, ROOT)}
    assert all_of_them > {me.id, both.id, foreign.id}
    with pytest.raises(Refused, match="not_allowed"):
        await holding.people(access, who, 42)


async def test_S8_the_last_operator_stays(access: Access, owner: Any) -> None:
    await owner.execute("DELETE FROM people")
    first, who, cookie = await browser(access, *FIRST)

    with pytest.raises(Refused, match="last_operator"):
        await holding.revoke(access, who, first.id, grant("operator", None))
    for deed in (holding.disable, holding.erase):
        with pytest.raises(Refused, match="not_yourself"):
            await deed(access, who, first.id)
        with pytest.raises(Refused, match="last_operator"):
            await deed(access, ROOT, first.id)

    second = await somebody(access)
    await holding.grant(access, who, second.id, grant("operator", None))
    await holding.disable(access, ROOT, second.id)
    with pytest.raises(Refused, match="last_operator"):
        await holding.revoke(access, who, first.id, grant("operator", None))
    await holding.enable(access, ROOT, second.id)
    await holding.revoke(access, await again(access, cookie), first.id, grant("operator", None))


async def test_S32_who_may_is_changed_only_by_who_has_just_proved_who_they_are(
    access: Access, owner: Any
) -> None:
    me, _, cookie = await browser(access, grant("administrator"))
    person = await somebody(access, grant("viewer"))
    await owner.execute(STALE, timedelta(minutes=11), me.id)
    who = await again(access, cookie)

    assert await holding.people(access, who, 1) != []
    with pytest.raises(Refused, match="proof_needed"):
        await holding.grant(access, who, person.id, grant("supervisor"))
    with pytest.raises(Refused, match="proof_needed"):
        await inviting.invite(access, who, [grant("viewer")])
    with pytest.raises(Refused, match="proof_needed"):
        await holding.disable(access, who, person.id)


async def test_S29_whoever_becomes_an_administrator_shows_more_than_a_password(
    access: Access,
) -> None:
    person, _, cookie = await browser(access, grant("viewer"))
    _, by_passkey = await access.sessions.begin(person.id, how="passkey", whence="", agent="")

    await holding.grant(access, ROOT, person.id, grant("supervisor"))
    assert await access.sessions.resolve(cookie) is not None
    await holding.grant(access, ROOT, person.id, grant("administrator"))

    assert await access.sessions.resolve(cookie) is None
    assert await access.sessions.resolve(by_passkey) is not None


async def test_looks_at_people_are_kept(access: Access, owner: Any) -> None:
    person, who, _ = await browser(access, grant("administrator", 43))
    await holding.people(access, who, 43)
    await holding.sessions(access, who, person.id)

    rows = await owner.fetch(
        "SELECT account_id, what, ids, whence, request_id FROM access_log WHERE principal = $1"
        " ORDER BY id",
        who.id,
    )
    assert [tuple(row) for row in rows] == [
        (43, "people", [], "192.0.2.7", "r1"),
        (None, "people", [person.id], "192.0.2.7", "r1"),
    ]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (grant("operator", 1), "role_of_installation"),
        (grant("manager", None), "manager_missing"),
        (grant("manager", 1), "manager_missing"),
    ],
)
async def test_a_role_that_makes_no_sense_is_refused(
    access: Access, given: Grant, code: str
) -> None:
    person = await somebody(access)

    with pytest.raises(Refused, match=code):
        await holding.grant(access, ROOT, person.id, given)


async def test_what_is_done_about_people_is_told(access: Access) -> None:
    person = await somebody(access)
    await holding.grant(access, ROOT, person.id, grant("viewer", 51))
    assert not await holding.grant(access, ROOT, person.id, grant("viewer", 51))
    await holding.revoke(access, ROOT, person.id, grant("viewer", 51))
    with pytest.raises(Refused, match="grant_not_held"):
        await holding.revoke(access, ROOT, person.id, grant("viewer", 51))
    await holding.disable(access, ROOT, person.id)

    lines = await holding.deeds(access, ROOT, person.id, limit=10)

    told = [(each.what, each.principal, each.account_id, each.about) for each in lines]
    assert told == [
        ("disabled", "cli:root", None, ""),
        ("revoked", "cli:root", 51, "viewer"),
        ("granted", "cli:root", 51, "viewer"),
    ]
    of_account = await access.log.of_account(51, limit=10)
    assert [each.id for each in of_account] == [each.id for each in lines[1:]]
    assert await access.log.of_account(51, before=of_account[-1].id, limit=10) == []
