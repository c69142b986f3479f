"""From Kommo's page to the console without a password: a code for a minute, good once.

Whoever comes so is a person of their own, who holds in this account what the widget lets them do,
and nothing anywhere else: an integration's owner can name any user of their account. Deeds that
ask again who it is are not for them (S32).
"""

from datetime import datetime, timedelta

from pydantic import SecretStr

from services.access.grants import Grant
from services.access.outer import settle_grants
from services.access.people import NAME_MAX
from services.access.roles import Role
from services.access.sign_in_log import Caller, note_deed
from services.access.widget_sessions import WidgetRole, WidgetSession
from services.access.wiring import Access
from services.application.refused import Refused
from services.application.rules import users_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow
from services.words.languages import ENGLISH

PATH = "/from-kommo"
VALID = timedelta(seconds=60)
ISSUER = "kommo"
HOW = "kommo"
ROLES: dict[WidgetRole, Role] = {"supervisor": "supervisor", "administrator": "administrator"}


async def code_for(
    access: Access, session: WidgetSession, account: RegisteredAccount, *, to: str, now: datetime
) -> SecretStr:
    """A code by which a browser is let into the console.

    Raises:
        Refused: They may nothing there.
    """
    if session.role == "none":
        raise Refused("not_allowed", scope="self")
    name = (users_of(account) or {}).get(session.user_id, "")
    code = await access.steps.begin(
        "kommo",
        account=session.account_id,
        user=session.user_id,
        role=session.role,
        name=name,
        to=f"/a/{session.account_id}/{to}".rstrip("/"),
        until=(now + VALID).timestamp(),
    )
    return SecretStr(code)


async def enter_by_code(
    access: Access, code: str, *, caller: Caller, agent: str, now: datetime
) -> tuple[SecretStr, str]:
    """Use a code up: the cookie of their session, and where they wanted to go.

    Raises:
        Refused: It was used, or is over, or never was.
    """
    step = await access.steps.take("kommo", code)
    if step is None or step.data["until"] < now.timestamp():
        raise Refused("step_over")
    data = step.data
    person_id = await _person(access, data["account"], data["user"], data["role"], data["name"])
    named = Caller(
        principal=f"person:{person_id}", whence=caller.whence, request_id=caller.request_id
    )
    _, cookie = await access.sessions.begin(
        person_id, how=HOW, whence=caller.whence, agent=agent, is_fresh=False
    )
    await access.log.note("signed_in", named, person_id=person_id, about=HOW)
    return SecretStr(cookie), data["to"] if data["role"] in ROLES else f"/a/{data['account']}/me"


async def _person(
    access: Access, account_id: int, user_id: int, role: WidgetRole, name: str
) -> int:
    """Who it is here, with the roles of this moment; somebody new if nobody is."""
    wanted = [Grant(account_id=account_id, role="manager", manager_id=user_id)]
    if role in ROLES:
        wanted.append(Grant(account_id=account_id, role=ROLES[role]))
    subject = f"{account_id}/{user_id}"
    known = await access.outer.find(ISSUER, subject)
    async with borrow(access.pool) as connection, connection.transaction():
        person_id = known
        if person_id is None:
            person_id = await access.people.add(
                connection,
                name=(name or f"Kommo {user_id}")[:NAME_MAX],
                login=f"kommo/{subject}",
                language=ENGLISH,
            )
            await access.outer.add(connection, issuer=ISSUER, subject=subject, person_id=person_id)
        await settle_grants(connection, person_id, wanted, given_by=ISSUER)
        if known is None:
            here = Caller(principal=f"kommo:{user_id}", whence="", request_id="")
            await note_deed(connection, "provider_added", here, person_id=person_id)
    person = await access.people.get(person_id)
    if person is None or person.disabled_at is not None:
        raise Refused("step_over")
    return person_id
