"""What people change about how they themselves sign in, and the sessions they have open."""

from datetime import datetime

from services.access.one_time_codes import CodeSecret
from services.access.passwords import set_password_hash
from services.access.people import Person
from services.access.sessions import Session
from services.access.sign_in_log import SignInLine
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.authority import require_fresh
from services.application.people.proofs import need_codes, require_usable, take_code
from services.application.refused import Refused
from services.storage.database import borrow

LINES_MAX = 200


async def prove_again(
    access: Access, who: Whoever, cookie: str, proof: str, *, at: datetime
) -> str:
    """Show again who they are: a code of their app if they have one, else their password.

    Returns:
        The next cookie of their session.

    Raises:
        Refused: It is wrong, or has to wait.
    """
    person = await myself(access, who)
    place = f"proof {person.id}"
    wait_s = await access.delays.attempt(place, who.whence)
    if wait_s:
        raise Refused("sign_in_wait", count=wait_s)
    if await access.codes.are_on(person.id):
        how = await take_code(access, person.id, proof.replace(" ", ""), who.caller, at=at)
        if how is None:
            await access.log.note("sign_in_failed", who.caller, person_id=person.id, about="code")
            raise Refused("code_wrong")
    elif not await access.passwords.is_right(person.id, proof):
        await access.log.note("sign_in_failed", who.caller, person_id=person.id, about="password")
        raise Refused("sign_in_wrong")
    await access.delays.succeeded(place, who.whence)
    return await proved(access, who, cookie)


async def proved(access: Access, who: Whoever, cookie: str) -> str:
    """Count somebody as having shown who they are at this moment; their next cookie.

    Raises:
        Refused: The cookie is not that of their session any more.
    """
    renewed = await access.sessions.renew(cookie, is_fresh=True)
    if renewed is None:
        raise Refused("session_unknown")
    await access.log.note("proved_again", who.caller, person_id=who.person_id)
    return renewed


async def change_password(access: Access, who: Whoever, password: str) -> None:
    """Set another password; their other sessions end.

    Raises:
        Refused: It cannot be used, or they have to prove first who they are.
    """
    person = await myself(access, who)
    require_fresh(who)
    require_usable(password, name=person.name, login=person.login)
    hashed = await access.hashing.hash(password)
    async with borrow(access.pool) as connection:
        await set_password_hash(connection, person.id, hashed)
    await _end_others(access, who, person)
    await access.log.note("password_set", who.caller, person_id=person.id)


async def begin_codes(access: Access, who: Whoever) -> CodeSecret:
    """A secret for an app of theirs, which counts from its first code on.

    Raises:
        Refused: They have one, or have to prove first who they are.
    """
    person = await myself(access, who)
    require_fresh(who)
    secret = await access.codes.begin(person.id, person.login)
    if secret is None:
        raise Refused("codes_are_on")
    return secret


async def confirm_codes(
    access: Access, who: Whoever, code: str, *, at: datetime
) -> tuple[str, ...]:
    """The first code of the app; ten recovery codes, shown once.

    Raises:
        Refused: It is wrong, or has to wait.
    """
    person = await myself(access, who)
    require_fresh(who)
    place = f"code {person.id}"
    wait_s = await access.delays.attempt(place, who.whence)
    if wait_s:
        raise Refused("sign_in_wait", count=wait_s)
    if not await access.codes.confirm(person.id, code, at=at):
        raise Refused("code_wrong")
    await access.delays.succeeded(place, who.whence)
    await access.log.note("one_time_codes_on", who.caller, person_id=person.id)
    return await access.recovery.make(person.id)


async def end_codes(access: Access, who: Whoever) -> None:
    """Ask for no codes any more.

    Raises:
        Refused: Their role requires them, or they have to prove first who they are.
    """
    person = await myself(access, who)
    require_fresh(who)
    if need_codes(person.grants):
        raise Refused("codes_required")
    if await access.codes.end(person.id):
        await access.recovery.drop(person.id)
        await access.log.note("one_time_codes_off", who.caller, person_id=person.id)


async def new_recovery_codes(access: Access, who: Whoever) -> tuple[str, ...]:
    """Ten new ones, shown once; none of before is taken any more.

    Raises:
        Refused: They have no app, or have to prove first who they are.
    """
    person = await myself(access, who)
    require_fresh(who)
    if not await access.codes.are_on(person.id):
        raise Refused("codes_are_off")
    await access.log.note("recovery_codes_made", who.caller, person_id=person.id)
    return await access.recovery.make(person.id)


async def own_sessions(access: Access, who: Whoever) -> list[Session]:
    """Their browsers that are signed in, the last used first.

    Raises:
        Refused: They are nobody of ours.
    """
    return await access.sessions.of((await myself(access, who)).id)


async def end_session(access: Access, who: Whoever, session_id: int) -> None:
    """End one of theirs.

    Raises:
        Refused: It is none of theirs.
    """
    person = await myself(access, who)
    if not await access.sessions.end(person.id, session_id):
        raise Refused("session_unknown")
    await access.log.note("sessions_ended", who.caller, person_id=person.id, about="1")


async def end_other_sessions(access: Access, who: Whoever) -> int:
    """End all of theirs but the one they ask by; how many.

    Raises:
        Refused: They are nobody of ours.
    """
    return await _end_others(access, who, await myself(access, who))


async def sign_out(access: Access, who: Whoever, cookie: str) -> None:
    """End the session they ask by."""
    await access.sessions.end_by_cookie(cookie)
    await access.log.note("signed_out", who.caller, person_id=who.person_id)


async def own_deeds(access: Access, who: Whoever) -> list[SignInLine]:
    """What they did about signing in, and what was done about them, the newest first.

    Raises:
        Refused: They are nobody of ours.
    """
    return await access.log.of_person((await myself(access, who)).id, limit=LINES_MAX)


async def myself(access: Access, who: Whoever) -> Person:
    """Themselves, in a browser: a program is nobody's self.

    Raises:
        Refused: They are nobody of ours.
    """
    if who.session is None:
        raise Refused("person_unknown")
    person = await access.people.get(who.session.session.person_id)
    if person is None:
        raise Refused("person_unknown")
    return person


async def _end_others(access: Access, who: Whoever, person: Person) -> int:
    present = 0 if who.session is None else who.session.session.id
    ended = await access.sessions.end_all(person.id, but=present)
    if ended:
        await access.log.note("sessions_ended", who.caller, person_id=person.id, about=str(ended))
    return ended
