"""Links that are handed over: no mail server is needed (W7)."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from services.access.grants import Grant
from services.access.invitations import FIRST, Invitation
from services.access.roles import ROLES
from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.installation import WEB_FILE, Installation
from services.application.people.authority import (
    may_decide,
    note_look,
    require_fresh,
    require_grant,
    require_person,
    scopes_where,
)
from services.application.people.naming import usable_name
from services.application.refused import Refused

GRANTS_MAX = 100
PATH = "/join"
HERE = "http://localhost:8090"


async def is_claimed(access: Access) -> bool:
    """Whether somebody keeps the installation; until then the site says only that nobody does."""
    return await access.people.has_operator()


async def first_link(access: Access, caller: Caller) -> tuple[Invitation, SecretStr] | None:
    """A link for whoever claims the installation; None if it is claimed.

    Each start gives another one, and the one of before is over.
    """
    if await is_claimed(access):
        return None
    made = await access.invitations.make("first", given_by=caller.principal, grants=FIRST)
    await access.log.note("invited", caller, about="first")
    return made


async def invite(
    access: Access, who: Whoever, grants: Sequence[Grant], *, name: str = ""
) -> tuple[Invitation, SecretStr]:
    """A link by which somebody joins, with these roles; what goes behind its `#` is told once.

    Args:
        access: Where.
        who: Who invites.
        grants: What the one who joins gets: at least one role.
        name: For whom it is, so that it is known again in the list.

    Raises:
        Refused: They may not give one of the roles, or have to prove who they are.
    """
    if not grants or len(grants) > GRANTS_MAX:
        raise Refused("grants_out_of_bounds", most=GRANTS_MAX)
    for each in grants:
        require_grant(who, each)
    named = usable_name(name) if name.strip() else ""
    made = await access.invitations.make("invited", given_by=who.id, grants=grants, name=named)
    for each in grants:
        await access.log.note(
            "invited", who.caller, account_id=each.account_id, about=_about(made[0], each)
        )
    return made


async def invitations(access: Access, who: Whoever) -> list[Invitation]:
    """The last links that they may know of, the newest first.

    Raises:
        Refused: They decide about nobody.
    """
    if not _decides_anywhere(who):
        raise Refused("not_allowed", scope="access")
    await note_look(access, who, None)
    is_everywhere = "access" in who.rights.scopes_at_large()
    found = await access.invitations.last(None if is_everywhere else who.accounts())
    return [each for each in found if _is_known(who, each)]


async def withdraw(access: Access, who: Whoever, invitation_id: int) -> Invitation:
    """End a link that was not used.

    Raises:
        Refused: There is no such open link that they may end, or they have to prove who they are.
    """
    found = await access.invitations.get(invitation_id)
    if found is None or not _is_known(who, found):
        raise Refused("invitation_unknown")
    require_fresh(who)
    if not all(may_decide(who, each) for each in found.grants):
        raise Refused("person_of_others")
    if not await access.invitations.revoke(invitation_id):
        raise Refused("invitation_over")
    await access.log.note("invitation_revoked", who.caller, about=f"invitation:{found.id}")
    return found


async def reset(access: Access, who: Whoever, person_id: int) -> tuple[Invitation, SecretStr]:
    """A link by which somebody who is locked out sets everything they sign in with anew.

    Nothing changes until it is used.

    Raises:
        Refused: They may not decide about that person, or have to prove who they are.
    """
    person = await require_person(access, who, person_id)
    if person.disabled_at is not None:
        raise Refused("person_disabled")
    made = await access.invitations.make("reset", given_by=who.id, person_id=person.id)
    await access.log.note("reset", who.caller, person_id=person.id)
    return made


def address_of(installation: Installation) -> str:
    """Where people reach the console: as the settings say, else where it is served here."""
    return installation.access_settings.address or _served_at(installation.data / WEB_FILE) or HERE


def link(address: str, token: SecretStr) -> str:
    """The link as it is handed over; what is behind the `#` reaches no log of a server."""
    return f"{address}{PATH}#{token.get_secret_value()}"


def _served_at(file: Path) -> str | None:
    """As a browser on this machine names it: passkeys are for a name, not for a number."""
    try:
        address = str(json.loads(file.read_text(encoding="utf-8"))["address"])
        port = urlsplit(address).port
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if port is None else f"http://localhost:{port}"


def _decides_anywhere(who: Whoever) -> bool:
    if "access" in who.rights.scopes_at_large():
        return True
    accounts = who.accounts()
    return accounts is None or any("access" in scopes_where(who, each) for each in accounts)


def _is_known(who: Whoever, invitation: Invitation) -> bool:
    if "access" in who.rights.scopes_at_large():
        return True
    return any("access" in scopes_where(who, each.account_id) for each in invitation.grants)


def _about(invitation: Invitation, grant: Grant) -> str:
    assert grant.role in ROLES, "only roles of the table are given"  # noqa: S101
    return f"invitation:{invitation.id} {grant.role}"
