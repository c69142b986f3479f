"""Who holds what: seen, given, taken away."""

from dataclasses import replace

from services.access.grants import Grant
from services.access.people import Person
from services.access.sessions import Session
from services.access.sign_in_log import AccessDeed, SignInLine
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.authority import (
    is_known,
    note_look,
    require_access,
    require_grant,
    require_other_operator,
    require_person,
    scopes_where,
)
from services.application.people.naming import usable_language, usable_name
from services.application.people.proofs import need_codes
from services.application.refused import Refused


async def people(access: Access, who: Whoever, account_id: int | None = None) -> list[Person]:
    """Everybody whom they may decide about, the oldest first, with the roles that they may see.

    Args:
        access: Where.
        who: Who asks.
        account_id: Only those who may something in this account.

    Raises:
        Refused: They decide about nobody there.
    """
    held = scopes_where(who, account_id)
    if "access" not in held:
        raise Refused("not_allowed", scope="access")
    await note_look(access, who, account_id)
    found = [_as_seen(who, each) for each in await access.people.all() if is_known(who, each)]
    if account_id is None:
        return found
    return [each for each in found if any(g.account_id in (None, account_id) for g in each.grants)]


async def grant(access: Access, who: Whoever, person_id: int, role: Grant) -> bool:
    """Give somebody a role; whether they did not have it.

    Who needs codes from now on, and has shown nothing but a password, signs in again.

    Raises:
        Refused: There is no such person, or they may not give it, or have to prove who they are.
    """
    require_grant(who, role)
    if await access.people.get(person_id) is None:
        raise Refused("person_unknown")
    is_new = await access.people.grant(person_id, [role], given_by=who.id)
    if is_new:
        await _note(access, who, "granted", person_id, role)
        if need_codes((role,)) and not await access.codes.are_on(person_id):
            await access.sessions.end_by_password(person_id)
    return is_new


async def revoke(access: Access, who: Whoever, person_id: int, role: Grant) -> None:
    """Take a role away from somebody, with effect from their next request.

    Raises:
        Refused: They do not hold it, or it is the last one of its kind, or whoever asks may not,
            or has to prove who they are.
    """
    require_access(who, role.account_id)
    person = await access.people.get(person_id)
    if person is None:
        raise Refused("person_unknown")
    held = [e for e in person.grants if (e.account_id, e.role) == (role.account_id, role.role)]
    if not held:
        raise Refused("grant_not_held", role=role.role)
    require_grant(who, held[0])
    if role.role == "operator":
        await require_other_operator(access, person)
    await access.people.revoke(person_id, role)
    await _note(access, who, "revoked", person_id, role)


async def disable(access: Access, who: Whoever, person_id: int) -> None:
    """Let somebody in no more: sessions end, links they gave out are over, their keys rest.

    Raises:
        Refused: As `require_person`, or it is the last operator, or themselves.
    """
    person = await require_person(access, who, person_id)
    if person.principal == who.id:
        raise Refused("not_yourself")
    await require_other_operator(access, person)
    await access.people.disable(person_id)
    await access.invitations.withdraw_of(person.principal)
    await access.log.note("disabled", who.caller, person_id=person_id)


async def enable(access: Access, who: Whoever, person_id: int) -> None:
    """Let somebody in again.

    Raises:
        Refused: As `require_person`.
    """
    await require_person(access, who, person_id)
    await access.people.disable(person_id, is_disabled=False)
    await access.log.note("enabled", who.caller, person_id=person_id)


async def erase(access: Access, who: Whoever, person_id: int) -> None:
    """Forget somebody: what they did stays, under their number alone (S21).

    Raises:
        Refused: As `require_person`, or it is the last operator, or themselves.
    """
    person = await require_person(access, who, person_id)
    if person.principal == who.id:
        raise Refused("not_yourself")
    await require_other_operator(access, person)
    await access.invitations.withdraw_of(person.principal)
    await access.people.erase(person_id)
    await access.log.note("erased", who.caller, person_id=person_id)


async def sessions(access: Access, who: Whoever, person_id: int) -> list[Session]:
    """Where somebody is signed in, the last used first.

    Raises:
        Refused: As `require_person`.
    """
    person = await require_person(access, who, person_id)
    await note_look(access, who, None, [person.id])
    return await access.sessions.of(person.id)


async def end_sessions(access: Access, who: Whoever, person_id: int) -> int:
    """Sign somebody out everywhere; how many sessions ended.

    Raises:
        Refused: As `require_person`.
    """
    person = await require_person(access, who, person_id)
    ended = await access.sessions.end_all(person.id)
    await access.log.note("sessions_ended", who.caller, person_id=person.id, about=str(ended))
    return ended


async def end_session(access: Access, who: Whoever, person_id: int, session_id: int) -> None:
    """Sign somebody out of one browser.

    Raises:
        Refused: As `require_person`, or they are not signed in there.
    """
    person = await require_person(access, who, person_id)
    if not await access.sessions.end(person.id, session_id):
        raise Refused("session_unknown")
    await access.log.note("sessions_ended", who.caller, person_id=person.id, about="1")


async def deeds(access: Access, who: Whoever, person_id: int, *, limit: int) -> list[SignInLine]:
    """What somebody did about signing in, and what was done about them, the newest first.

    Raises:
        Refused: As `require_person`.
    """
    person = await require_person(access, who, person_id)
    await note_look(access, who, None, [person.id])
    return await access.log.of_person(person.id, limit=limit)


async def deeds_in(
    access: Access, who: Whoever, account_id: int, *, before: int | None = None, limit: int
) -> list[SignInLine]:
    """What was done about people and keys of an account, the newest first.

    Raises:
        Refused: They decide about nobody there.
    """
    if "access" not in scopes_where(who, account_id):
        raise Refused("not_allowed", scope="access")
    await note_look(access, who, account_id)
    return await access.log.of_account(account_id, before=before, limit=limit)


async def describe(access: Access, who: Whoever, *, name: str, language: str) -> None:
    """Change what they themselves are called, and read.

    Raises:
        Refused: It cannot be used, or they are nobody of ours.
    """
    if who.person_id is None:
        raise Refused("person_unknown")
    named, spoken = usable_name(name), usable_language(language)
    if not await access.people.describe(who.person_id, name=named, language=spoken):
        raise Refused("person_unknown")
    await access.log.note("described", who.caller, person_id=who.person_id)


def _as_seen(who: Whoever, person: Person) -> Person:
    """Without the roles in accounts that are none of theirs."""
    if "access" in who.rights.scopes_at_large():
        return person
    seen = (each for each in person.grants if "access" in scopes_where(who, each.account_id))
    return replace(person, grants=tuple(seen))


async def _note(
    access: Access, who: Whoever, what: AccessDeed, person_id: int, role: Grant
) -> None:
    await access.log.note(
        what, who.caller, person_id=person_id, account_id=role.account_id, about=role.role
    )
