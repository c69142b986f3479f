"""Who makes keys, and what they may (S8)."""

from typing import Any

import pytest

from services.access.roles import ROLES, SCOPES
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.keys import keys, make_key, revoke_key, rotate_key
from services.application.refused import Refused
from tests.services.access.kit import grant
from tests.services.application.people.kit import ROOT, again, browser, program

STALE = "UPDATE sessions SET fresh_at = fresh_at - interval '11 minutes' WHERE person_id = $1"


async def made(
    access: Access, who: Whoever, account_id: int | None, *scopes: Any, **others: Any
) -> str:
    wanted = {"label": "export at night", "account_id": account_id, "scopes": scopes, **others}
    _, text = await make_key(access, who, **wanted)
    return text.get_secret_value()


async def test_an_administrator_makes_keys_for_their_account(access: Access) -> None:
    person, who, _ = await browser(access, grant("administrator", 21))
    text = await made(access, who, 21, "read", "rules")

    caller = await program(access, text)
    principal = caller.in_account(21)
    assert principal is not None
    assert (principal.scopes, caller.person_id) == ({"read", "rules"}, person.id)
    (listed,) = await keys(access, who, 21)
    assert (listed.label, listed.made_by) == ("export at night", person.principal)
    (line, *_) = await access.log.of_account(21, limit=9)
    assert (line.what, line.about) == ("key_made", f"{listed.principal} read rules")


@pytest.mark.parametrize("role", ["manager", "viewer", "supervisor"])
async def test_S8_whoever_decides_about_nobody_makes_no_keys(access: Access, role: Any) -> None:
    _, who, _ = await browser(access, grant(role, 1, 501))

    for where in (1, 2, None):
        with pytest.raises(Refused, match="not_allowed"):
            await made(access, who, where, "read")
        with pytest.raises(Refused, match="not_allowed"):
            await keys(access, who, where)


async def test_S8_nobody_makes_a_key_that_has_more_than_they(access: Access) -> None:
    _, who, _ = await browser(access, grant("administrator", 1))

    with pytest.raises(Refused, match="key_beyond_maker") as refused:
        await made(access, who, 1, "read", "operate", "self")
    assert refused.value.sentence.arguments["scopes"] == ("operate", "self")
    for where in (2, None):
        with pytest.raises(Refused, match="not_allowed"):
            await made(access, who, where, "read")


async def test_S8_who_operates_the_installation_makes_keys_of_it(access: Access) -> None:
    _, who, _ = await browser(access, grant("operator", None))

    caller = await program(access, await made(access, who, None, "operate"))

    assert caller.at_large().scopes == {"operate"}
    assert caller.accounts() == frozenset()
    with pytest.raises(Refused, match="key_beyond_maker"):
        await made(access, who, None, "read")


async def test_a_key_of_the_installation_may_in_accounts_what_its_maker_may(
    access: Access,
) -> None:
    _, who, _ = await browser(access, grant("administrator", None), grant("operator", None))

    caller = await program(access, await made(access, who, None, "read", "operate"))

    assert caller.accounts() is None
    principal = caller.in_account(77)
    assert principal is not None
    assert principal.scopes == {"read", "operate"}


async def test_a_key_made_at_the_machine_is_bound_by_no_grant(access: Access) -> None:
    caller = await program(access, await made(access, ROOT, None, *SCOPES))

    assert caller.at_large().scopes == SCOPES
    assert caller.person_id is None


async def test_S8_a_key_makes_keys_of_its_account_that_make_none_and_end_with_it(
    access: Access,
) -> None:
    _, who, _ = await browser(access, grant("administrator", 1))
    text = await made(access, who, 1, "access", "read")
    key = await program(access, text)
    child_text = await made(access, key, 1, "access", "read")
    child = await program(access, child_text)
    root_key = await program(access, await made(access, ROOT, None, *SCOPES))
    of_kommo = Whoever(id="kommo:501", rights=who.rights, whence="", request_id="")

    with pytest.raises(Refused, match="key_beyond_maker"):
        await made(access, key, 1, "rules")
    for caller in (child, root_key, of_kommo):
        with pytest.raises(Refused, match="keys_by_people_only"):
            await made(access, caller, 1, "read")
    assert key.key is not None
    await revoke_key(access, who, key.key.id)
    assert await access.keys.resolve(child_text) is None


async def test_a_key_rotates_itself_and_no_other(access: Access) -> None:
    _, who, _ = await browser(access, grant("administrator", 1))
    mine = await program(access, await made(access, who, 1, *ROLES["administrator"]))
    other = await program(access, await made(access, who, 1, "read"))
    assert mine.key is not None
    assert other.key is not None

    _, text = await rotate_key(access, mine, mine.key.id)
    assert (await program(access, text.get_secret_value())).id == mine.id
    with pytest.raises(Refused, match="keys_by_people_only"):
        await rotate_key(access, mine, other.key.id)
    with pytest.raises(Refused, match="key_unknown"):
        await rotate_key(access, other, mine.key.id)
    await revoke_key(access, mine, other.key.id)
    await revoke_key(access, mine, mine.key.id)
    assert await access.keys.resolve(text.get_secret_value()) is None


async def test_S8_a_colleagues_key_is_ended_and_not_taken_over(access: Access) -> None:
    _, maker, _ = await browser(access, grant("administrator", 31))
    _, colleague, _ = await browser(access, grant("administrator", 31))
    _, stranger, _ = await browser(access, grant("administrator", 32))
    _, text = await make_key(access, maker, label="x", account_id=31, scopes=["read"])
    (key,) = await keys(access, colleague, 31)

    with pytest.raises(Refused, match="key_of_others"):
        await rotate_key(access, colleague, key.id)
    for deed in (rotate_key, revoke_key):
        with pytest.raises(Refused, match="key_unknown"):
            await deed(access, stranger, key.id)
        with pytest.raises(Refused, match="key_unknown"):
            await deed(access, stranger, "nosuchkey")
    assert (await revoke_key(access, colleague, key.id)).revoked_at is None
    assert (await revoke_key(access, colleague, key.id)).revoked_at is not None
    with pytest.raises(Refused, match="key_not_valid"):
        await rotate_key(access, maker, key.id)
    assert await access.keys.resolve(text.get_secret_value()) is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"label": " "}, "label_unusable"),
        ({"label": "x" * 101}, "label_unusable"),
        ({"label": "two\nlines"}, "label_unusable"),
        ({"days": 0}, "key_days_out_of_bounds"),
        ({"days": 401}, "key_days_out_of_bounds"),
        ({"scopes": []}, "scopes_unknown"),
        ({"scopes": ["read", "root"]}, "scopes_unknown"),
    ],
)
async def test_A9_1_a_key_that_makes_no_sense_is_refused(
    access: Access, wrong: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused, match=code):
        await made(access, ROOT, 1, "read", **wrong)


async def test_S32_keys_are_made_only_by_who_has_just_proved_who_they_are(
    access: Access, owner: Any
) -> None:
    person, who, cookie = await browser(access, grant("administrator", 1))
    operator, _, its = await browser(access, grant("operator", None))
    key = await program(access, await made(access, who, 1, "read"))
    for each in (person, operator):
        await owner.execute(STALE, each.id)
    stale = await again(access, cookie)

    with pytest.raises(Refused, match="proof_needed"):
        await made(access, stale, 1, "read")
    with pytest.raises(Refused, match="proof_needed"):
        await made(access, await again(access, its), None, "operate")
    assert key.key is not None
    with pytest.raises(Refused, match="proof_needed"):
        await revoke_key(access, stale, key.key.id)
