"""People as they lie in the database (S17, S21)."""

from typing import Any

import pytest

from services.access.people import LoginTaken
from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.shared.secrets import Unsealable, Vault
from services.storage.database import borrow
from tests.services.access.kit import grant, somebody
from tests.support.vault import VAULT


async def test_S21_names_and_logins_lie_sealed_and_are_found_in_any_case(
    access: Access, owner: Any
) -> None:
    person = await somebody(access, grant("viewer"), login="Ana.Lima@Example.com")

    (row,) = await owner.fetch("SELECT people::text FROM people WHERE id = $1", person.id)
    for text in ("Ana", "Lima", "example"):
        assert text.encode().hex() not in row[0].lower()
        assert text not in row[0]
    assert await access.people.find(" ANA.LIMA@example.COM ") == person
    assert (person.name, person.login) == ("Ana Lima", "Ana.Lima@Example.com")
    assert person.grants == (grant("viewer"),)
    assert await access.people.find("ana@example.com") is None


async def test_two_people_never_have_one_login(access: Access) -> None:
    await somebody(access, login="twice@example.com")

    with pytest.raises(LoginTaken):
        await somebody(access, login="Twice@Example.com")


async def test_S17_a_name_moved_to_another_person_does_not_open(access: Access, owner: Any) -> None:
    mine, other = await somebody(access), await somebody(access)
    await owner.execute(
        "UPDATE people SET name_sealed = (SELECT name_sealed FROM people WHERE id = $1)"
        " WHERE id = $2",
        mine.id,
        other.id,
    )

    with pytest.raises(Unsealable):
        await access.people.get(other.id)
    await owner.execute("DELETE FROM people WHERE id = $1", other.id)


async def test_S17_another_master_key_seals_people_anew(pool: Any) -> None:
    before = Access(pool, VAULT, AccessSettings())
    person = await somebody(before, login="ana@example.com")
    new = Vault((b"n" * 32, *VAULT.keys))
    both = Access(pool, new, AccessSettings())

    assert (await both.people.reseal(), await both.digests.reseal()) == (1, 1)
    assert (await both.people.reseal(), await both.digests.reseal()) == (0, 0)

    after = Access(pool, Vault(new.keys[:1]), AccessSettings())
    assert await after.people.find("ana@example.com") == person


async def test_S21_who_is_erased_leaves_nothing_but_what_they_did(
    access: Access, owner: Any
) -> None:
    person = await somebody(access, grant("administrator"))
    await access.sessions.begin(person.id, how="password", whence="", agent="")

    assert await access.people.erase(person.id)
    assert not await access.people.erase(person.id)

    for table in ("people", "grants", "sessions"):
        column = "id" if table == "people" else "person_id"
        left = f"SELECT count(*) FROM {table} WHERE {column} = $1"  # noqa: S608
        assert await owner.fetchval(left, person.id) == 0


async def test_a_person_is_called_as_they_wish(access: Access) -> None:
    person = await somebody(access)

    assert await access.people.describe(person.id, name="Ана", language="ru")
    assert not await access.people.describe(10**9, name="x", language="en")

    found = await access.people.get(person.id)
    assert found is not None
    assert (found.name, found.language) == ("Ана", "ru")


async def test_a_grant_given_twice_is_one_and_who_gives_none_changes_nothing(
    access: Access,
) -> None:
    person = await somebody(access, grant("manager", 1, 501))
    moved = grant("manager", 1, 502)

    assert not await access.people.grant(person.id, person.grants, given_by="cli:root")
    assert await access.people.grant(person.id, [moved], given_by="cli:root")
    assert not await access.people.revoke(person.id, grant("viewer"))
    found = await access.people.get(person.id)
    assert found is not None
    assert found.grants == (moved,)


async def test_S5_grants_of_an_account_are_behind_the_wall(access: Access) -> None:
    await somebody(access, grant("viewer", 61))
    seen = "SELECT count(*) FROM grants"

    async with borrow(access.pool) as connection:
        assert await connection.fetchval(seen) == 0
        async with connection.transaction():
            await connection.execute("SELECT set_config('fairlead.account_id', '61', true)")
            assert await connection.fetchval(seen) == 1
