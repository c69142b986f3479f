"""People to try things on."""

from itertools import count

from services.access.grants import Grant
from services.access.people import Person
from services.access.roles import Role
from services.access.wiring import Access
from services.storage.database import borrow

_numbers = count(1)


def grant(role: Role, account_id: int | None = 1, manager_id: int | None = None) -> Grant:
    """A role somewhere."""
    return Grant(account_id=account_id, role=role, manager_id=manager_id)


async def somebody(access: Access, *grants: Grant, login: str | None = None) -> Person:
    """A person of their own for a test, who holds these grants."""
    login = login or f"somebody{next(_numbers)}@example.com"
    async with borrow(access.pool) as connection, connection.transaction():
        person_id = await access.people.add(connection, name="Ana Lima", login=login, language="en")
    await access.people.grant(person_id, grants, given_by="cli:root")
    person = await access.people.get(person_id)
    assert person is not None
    return person
