"""What a one-time link is for: to join, or to be let in again (W7)."""

from services.access.invitations import Invitation, LinkNotValid
from services.access.passwords import forget_proofs, set_password_hash
from services.access.people import LoginTaken, Person, give
from services.access.sign_in_log import Caller, note_deed
from services.access.wiring import Access
from services.application.people.naming import usable_language, usable_login, usable_name
from services.application.people.proofs import require_usable
from services.application.refused import Refused
from services.storage.database import borrow


async def look_at_link(access: Access, token: str) -> Invitation:
    """What a link is for; it stays usable.

    Raises:
        Refused: It cannot be used.
    """
    try:
        return await access.invitations.look(token)
    except LinkNotValid as error:
        raise Refused("link_not_valid") from error


async def join(
    access: Access,
    token: str,
    *,
    name: str,
    login: str,
    password: str,
    language: str,
    caller: Caller,
) -> Person:
    """Become somebody, with the roles of the link, which is used up by it.

    They still have to sign in: whoever needs codes is asked for them there.

    Raises:
        Refused: Something cannot be used, and the link stays as it was; or it is not valid.
    """
    found = await look_at_link(access, token)
    if found.kind == "reset":
        raise Refused("link_not_valid")
    named, wanted, spoken = usable_name(name), usable_login(login), usable_language(language)
    require_usable(password, name=named, login=wanted)
    hashed = await access.hashing.hash(password)
    try:
        async with borrow(access.pool) as connection, connection.transaction():
            person_id = await access.people.add(
                connection, name=named, login=wanted, language=spoken
            )
            used = await access.invitations.use(connection, token, person_id)
            await set_password_hash(connection, person_id, hashed)
            await give(connection, person_id, used.grants, given_by=used.given_by)
            about = f"invitation:{used.id}"
            await note_deed(connection, "invitation_used", caller, person_id=person_id, about=about)
    except LoginTaken as error:
        raise Refused("login_taken") from error
    except LinkNotValid as error:
        raise Refused("link_not_valid") from error
    return await _there(access, person_id)


async def come_back(access: Access, token: str, *, password: str, caller: Caller) -> Person:
    """Be let in again by a link of `reset`, which is used up by it.

    Codes, recovery codes and passkeys of before are gone, all sessions end, waits are over.

    Raises:
        Refused: The password cannot be used, and the link stays as it was; or it is not valid.
    """
    found = await look_at_link(access, token)
    if found.person_id is None:
        raise Refused("link_not_valid")
    person = await _there(access, found.person_id)
    require_usable(password, name=person.name, login=person.login)
    hashed = await access.hashing.hash(password)
    try:
        async with borrow(access.pool) as connection, connection.transaction():
            used = await access.invitations.use(connection, token, person.id)
            await forget_proofs(connection, person.id)
            await set_password_hash(connection, person.id, hashed)
            about = f"invitation:{used.id}"
            await note_deed(connection, "invitation_used", caller, person_id=person.id, about=about)
    except LinkNotValid as error:
        raise Refused("link_not_valid") from error
    await access.delays.forget(person.login)
    return person


async def _there(access: Access, person_id: int) -> Person:
    person = await access.people.get(person_id)
    if person is None or person.disabled_at is not None:
        raise Refused("link_not_valid")
    return person
