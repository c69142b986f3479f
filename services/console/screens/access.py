"""Who may: people and their roles, links by which others join, held deeds (W4.14, S32)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from pydantic import SecretStr

from contracts.sentences import Sentence, sentence
from services.access.grants import Grant
from services.access.invitations import Invitation
from services.access.people import Person
from services.access.roles import Role
from services.application.people import holding, inviting
from services.application.refused import Refused
from services.console.moments import moment
from services.console.pages import account_page, went_to
from services.console.seeing import InAccount, SeeingAccount
from services.console.who_may import (
    EVERYWHERE,
    HERE,
    deed_line,
    invitation_line,
    names_of,
    person_line,
    roles_to_give,
    session_line,
)
from services.web.problems import HttpProblem

router = APIRouter()

LINES = 50
BASE = "/a/{account_id}/access"
PERSON = BASE + "/people/{person_id}"

Text = Annotated[str, Form(max_length=300)]
RoleField = Annotated[Role, Form()]
Where = Annotated[str, Form(pattern=f"^({HERE}|{EVERYWHERE})$")]
ManagerField = Annotated[str, Form(max_length=18, pattern="^[0-9]*$")]
TOLD: Mapping[str, Sentence] = {
    "granted": sentence("console.access.granted"),
    "held_before": sentence("console.access.held_before"),
    "revoked": sentence("console.access.revoked"),
    "withdrawn": sentence("console.access.withdrawn"),
    "disabled": sentence("console.access.disabled"),
    "enabled": sentence("console.access.enabled"),
    "erased": sentence("console.access.erased"),
    "ended": sentence("console.access.ended"),
    "ended_one": sentence("console.profile.told_ended"),
}


@router.get(BASE)
async def get_people(who: InAccount, told: str = "") -> Response:
    """Everybody who may something here, and the links; for who may only read, what is held."""
    if who.principal.may("audit") and not who.principal.may("access"):
        return RedirectResponse(f"{who.base}/access/held", status_code=303)
    return await _people_page(who, told=_said(who, told))


@router.post(f"{BASE}/invitations")
async def post_invitation(
    who: InAccount,
    role: RoleField,
    where: Where = HERE,
    name: Text = "",
    manager_id: ManagerField = "",
) -> Response:
    """A link for somebody, which the page shows this once."""
    grant = _grant(who, role, where, manager_id)
    made, token = await inviting.invite(who.premises.access, who.caller, [grant], name=name)
    return _link_page(who, made, token)


@router.post(BASE + "/invitations/{invitation_id}/withdraw")
async def post_withdraw(who: InAccount, invitation_id: int) -> Response:
    """End a link that was not used."""
    who.require("access")
    await inviting.withdraw(who.premises.access, who.caller, invitation_id)
    return went_to(f"{who.base}/access", "withdrawn")


@router.get(PERSON)
async def get_person(who: InAccount, person_id: int, told: str = "") -> Response:
    """One of them: what they may, where they are signed in, what was done about them."""
    access = who.premises.access
    people = await holding.people(access, who.caller, who.account.account_id)
    person = _of(people, person_id)
    names = names_of(people)
    try:
        sessions = await holding.sessions(access, who.caller, person.id)
        deeds = await holding.deeds(access, who.caller, person.id, limit=LINES)
        why_not = ""
    except Refused as refused:  # asks again who they are, or it is somebody who holds more
        sessions, deeds, why_not = [], [], refused.code
    return account_page(
        "person.html",
        who,
        here="access",
        part="people",
        told=_said(who, told),
        person=person_line(who, person),
        roles=roles_to_give(who),
        managers=managers_of(who),
        may_everywhere=_may_everywhere(who),
        sessions=[session_line(who, each) for each in sessions],
        deeds=[deed_line(who, each, names) for each in deeds],
        needs_proof=why_not == "proof_needed",
        is_of_others=why_not == "person_of_others",
    )


@router.post(f"{PERSON}/roles")
async def post_role(
    who: InAccount,
    person_id: int,
    role: RoleField,
    where: Where = HERE,
    manager_id: ManagerField = "",
) -> Response:
    """Give somebody a role."""
    person = await _known(who, person_id)
    grant = _grant(who, role, where, manager_id)
    is_new = await holding.grant(who.premises.access, who.caller, person.id, grant)
    return went_to(_place(who, person.id), "granted" if is_new else "held_before")


@router.post(f"{PERSON}/roles/take")
async def post_take(who: InAccount, person_id: int, role: RoleField, where: Where) -> Response:
    """Take a role away."""
    person = await _known(who, person_id)
    held = _grant(who, role, where, "")
    await holding.revoke(who.premises.access, who.caller, person.id, held)
    return went_to(_place(who, person.id), "revoked")


@router.post(f"{PERSON}/reset")
async def post_reset(who: InAccount, person_id: int) -> Response:
    """A link by which somebody who is locked out comes back."""
    person = await _known(who, person_id)
    made, token = await inviting.reset(who.premises.access, who.caller, person.id)
    return _link_page(who, made, token, name=person.name)


@router.post(f"{PERSON}/sessions/end")
async def post_end_sessions(who: InAccount, person_id: int) -> Response:
    """Sign somebody out everywhere."""
    person = await _known(who, person_id)
    await holding.end_sessions(who.premises.access, who.caller, person.id)
    return went_to(_place(who, person.id), "ended")


@router.post(PERSON + "/sessions/{session_id}/end")
async def post_end_session(who: InAccount, person_id: int, session_id: int) -> Response:
    """Sign somebody out of one browser."""
    person = await _known(who, person_id)
    await holding.end_session(who.premises.access, who.caller, person.id, session_id)
    return went_to(_place(who, person.id), "ended_one")


@router.post(f"{PERSON}/disable")
async def post_disable(who: InAccount, person_id: int) -> Response:
    """Let somebody in no more."""
    person = await _known(who, person_id)
    await holding.disable(who.premises.access, who.caller, person.id)
    return went_to(_place(who, person.id), "disabled")


@router.post(f"{PERSON}/enable")
async def post_enable(who: InAccount, person_id: int) -> Response:
    """Let somebody in again."""
    person = await _known(who, person_id)
    await holding.enable(who.premises.access, who.caller, person.id)
    return went_to(_place(who, person.id), "enabled")


@router.post(f"{PERSON}/erase")
async def post_erase(who: InAccount, person_id: int) -> Response:
    """Forget somebody; what they did stays, under their number."""
    person = await _known(who, person_id)
    await holding.erase(who.premises.access, who.caller, person.id)
    return went_to(f"{who.base}/access", "erased")


async def _people_page(who: SeeingAccount, *, told: str) -> Response:
    access = who.premises.access
    people = await holding.people(access, who.caller, who.account.account_id)
    links = await inviting.invitations(access, who.caller)
    names = names_of(people)
    return account_page(
        "people.html",
        who,
        here="access",
        part="people",
        told=told,
        people=[person_line(who, each) for each in people],
        links=[invitation_line(who, each, names) for each in links if _is_shown(who, each)],
        roles=roles_to_give(who),
        managers=managers_of(who),
        may_everywhere=_may_everywhere(who),
    )


def _link_page(
    who: SeeingAccount, made: Invitation, token: SecretStr, *, name: str = ""
) -> Response:
    return account_page(
        "handed_over.html",
        who,
        here="access",
        part="people",
        kind=made.kind,
        name=name or made.name,
        secret=inviting.link(inviting.address_of(who.installation), token),
        until=moment(who, made.expires_at),
        back=f"{who.base}/access",
    )


def managers_of(who: SeeingAccount) -> list[tuple[int, str]]:
    """Users of the account in Kommo, by name."""
    users = who.account.directory.get("users", [])
    return sorted(((user["id"], user["name"]) for user in users), key=lambda each: each[1])


def _is_shown(who: SeeingAccount, link: Invitation) -> bool:
    """Links of the account, and those that give something everywhere."""
    places = (None, who.account.account_id)
    return any(each.account_id in places for each in link.grants)


def _may_everywhere(who: SeeingAccount) -> bool:
    return "access" in who.caller.rights.scopes_at_large()


async def _known(who: SeeingAccount, person_id: int) -> Person:
    found = await holding.people(who.premises.access, who.caller, who.account.account_id)
    return _of(found, person_id)


def _of(people: list[Person], person_id: int) -> Person:
    """One of those whom they may know of.

    Raises:
        HttpProblem: It is none of them.
    """
    found = next((each for each in people if each.id == person_id), None)
    if found is None:
        raise HttpProblem("not-found")
    return found


def _grant(who: SeeingAccount, role: Role, where: str, manager_id: str) -> Grant:
    """What a form names; who somebody is in Kommo counts for a manager alone."""
    is_everywhere = where == EVERYWHERE or role == "operator"
    return Grant(
        account_id=None if is_everywhere else who.account.account_id,
        role=role,
        manager_id=int(manager_id) if manager_id and role == "manager" else None,
    )


def _place(who: SeeingAccount, person_id: int) -> str:
    return f"{who.base}/access/people/{person_id}"


def _said(who: SeeingAccount, told: str) -> str:
    return who.words.say(TOLD[told]) if told in TOLD else ""
