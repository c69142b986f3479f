"""Signing in by a password, and by a code where one is asked for (S29).

Whatever is wrong, the answer and the work are the same: nobody learns which logins there are. Every
attempt is counted before it is looked at.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import SecretStr

from services.access.one_time_codes import CodeSecret
from services.access.people import Person, folded
from services.access.sessions import Session
from services.access.sign_in_log import Caller
from services.access.steps import Purpose
from services.access.wiring import Access
from services.application.people.proofs import need_codes, take_code
from services.application.refused import Refused

How = Literal["password", "passkey", "oidc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody is.

    Attributes:
        cookie: What their browser keeps.
        recovery_codes: Ten, of whoever has just set up their app; shown once.
    """

    person: Person
    session: Session
    cookie: SecretStr
    recovery_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The password was right, and is not enough.

    Attributes:
        token: Continues it, for five minutes.
        needs: A code of their app; or to set one up, which their role requires.
        secret: What their new app is to be given.
    """

    token: SecretStr
    needs: Literal["code", "enrol"]
    secret: CodeSecret | None = None


async def sign_in(
    access: Access, *, login: str, password: str, caller: Caller, agent: str
) -> SignedIn | NextStep:
    """Sign somebody in by a password.

    Raises:
        Refused: It is wrong, or has to wait.
        services.access.hashing.TooManyAtOnce: It was not looked at.
    """
    who = folded(login)
    await require_no_wait(access, who, caller)
    person = await access.people.find(login)
    is_right = await access.passwords.is_right(None if person is None else person.id, password)
    if person is None or not is_right or person.disabled_at is not None:
        await _note_failure(access, caller, person, "password")
        raise Refused("sign_in_wrong")
    await access.delays.succeeded(who, caller.whence)
    return await admit(access, person, how="password", caller=caller, agent=agent)


async def admit(
    access: Access, person: Person, *, how: How, caller: Caller, agent: str
) -> SignedIn | NextStep:
    """Let somebody in who has shown one thing; whoever needs two is asked for the other."""
    if how == "passkey":  # is two things by itself: what they have, and a finger or a number
        return await begin_session(access, person, how=how, caller=caller, agent=agent)
    if await access.codes.are_on(person.id):
        token = await access.steps.begin("code", person.id, how=how)
        return NextStep(token=SecretStr(token), needs="code")
    if need_codes(person.grants) and how == "password":
        secret = await access.codes.begin(person.id, person.login)
        token = await access.steps.begin("enrol", person.id, how=how)
        return NextStep(token=SecretStr(token), needs="enrol", secret=secret)
    return await begin_session(access, person, how=how, caller=caller, agent=agent)


async def sign_in_by_code(
    access: Access, token: str, code: str, *, caller: Caller, agent: str, at: datetime
) -> SignedIn:
    """The second step: a code of their app, or a recovery code.

    Raises:
        Refused: It is wrong or was taken before, has to wait, or the step is over.
    """
    person, how = await _of_step(access, "code", token)
    await require_no_wait(access, f"code {person.id}", caller)
    shown = await take_code(access, person.id, code, caller, at=at)
    if shown is None:
        await _note_failure(access, caller, person, "code")
        raise Refused("code_wrong")
    await access.delays.succeeded(f"code {person.id}", caller.whence)
    if await access.steps.take("code", token) is None:
        raise Refused("step_over")
    return await begin_session(
        access, person, how=how, caller=caller, agent=agent, about=f"{how}, {shown}"
    )


async def sign_in_by_enrolling(
    access: Access, token: str, code: str, *, caller: Caller, agent: str, at: datetime
) -> SignedIn:
    """The second step of whoever has to have an app: the first code of it.

    Raises:
        Refused: It is wrong, has to wait, or the step is over.
    """
    person, how = await _of_step(access, "enrol", token)
    await require_no_wait(access, f"code {person.id}", caller)
    if not await access.codes.confirm(person.id, code, at=at):
        await _note_failure(access, caller, person, "code")
        raise Refused("code_wrong")
    await access.delays.succeeded(f"code {person.id}", caller.whence)
    if await access.steps.take("enrol", token) is None:
        raise Refused("step_over")
    codes = await access.recovery.make(person.id)
    await access.log.note("one_time_codes_on", caller, person_id=person.id)
    return await begin_session(
        access, person, how=how, caller=caller, agent=agent, recovery_codes=codes
    )


async def begin_session(
    access: Access,
    person: Person,
    *,
    how: str,
    caller: Caller,
    agent: str,
    about: str = "",
    recovery_codes: tuple[str, ...] = (),
) -> SignedIn:
    """Give somebody who has shown enough their session."""
    session, cookie = await access.sessions.begin(
        person.id, how=how, whence=caller.whence, agent=agent
    )
    named = Caller(principal=person.principal, whence=caller.whence, request_id=caller.request_id)
    await access.log.note("signed_in", named, person_id=person.id, about=about or how)
    return SignedIn(
        person=person, session=session, cookie=SecretStr(cookie), recovery_codes=recovery_codes
    )


async def require_no_wait(access: Access, place: str, caller: Caller) -> None:
    """Count an attempt, and see that it may be looked at.

    Raises:
        Refused: It has to wait.
    """
    wait_s = await access.delays.attempt(place, caller.whence)
    if wait_s:
        raise Refused("sign_in_wait", count=wait_s)


async def _of_step(access: Access, purpose: Purpose, token: str) -> tuple[Person, str]:
    step = await access.steps.look(purpose, token)
    person = (
        None if step is None or step.person_id is None else await access.people.get(step.person_id)
    )
    if step is None or person is None or person.disabled_at is not None:
        raise Refused("step_over")
    return person, step.data["how"]


async def _note_failure(access: Access, caller: Caller, person: Person | None, about: str) -> None:
    """Of a login that nobody has, nothing but the address is kept: it may be a password."""
    person_id = None if person is None else person.id
    await access.log.note("sign_in_failed", caller, person_id=person_id, about=about)
