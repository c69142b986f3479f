"""Who may what in the account: people, their roles, links for new ones (W7, S8)."""

from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import Field

from services.access.grants import Grant
from services.access.invitations import Invitation
from services.access.people import NAME_MAX, Person
from services.access.roles import Role
from services.api.asking import AccountVisit, OfAccount, ToRead
from services.api.lists import ItemPage, UnversionedListing
from services.api.places import KommoId
from services.api.resource import problem, resource
from services.api.times import Instant
from services.application.people import holding, inviting
from services.web.models import Input, Output
from services.web.problems import HttpProblem

router = resource("people")

ROWID_MAX = 2**63 - 1
REFUSES: dict[int | str, dict[str, Any]] = {
    409: problem("It would give or take what the key does not have itself, or is over.")
}

PersonId = Annotated[int, Path(ge=1, le=ROWID_MAX, description="Ours.", examples=[7])]
InvitationId = Annotated[int, Path(ge=1, le=ROWID_MAX, description="Ours.", examples=[12])]


class GrantBody(Input):
    """A role in the account.

    Attributes:
        manager_id: Who they are in Kommo; the role `manager` needs it.
    """

    role: Role = Field(examples=["supervisor"])
    manager_id: KommoId | None = Field(default=None, examples=[501])


class InvitationBody(Input):
    """Whom a link is for, and what whoever uses it gets."""

    name: str = Field(
        default="", max_length=NAME_MAX, description="To know it again.", examples=["Ana Lima"]
    )
    grants: list[GrantBody] = Field(min_length=1, max_length=10)


class GrantItem(Output):
    """A role that somebody holds, or would get.

    Attributes:
        account_id: Where; null for every account.
    """

    account_id: int | None = Field(examples=[32000001])
    role: str = Field(examples=["supervisor"])
    manager_id: int | None = Field(description="Who they are in Kommo.", examples=[501])


class PersonItem(Output):
    """Somebody who may something in the account.

    Attributes:
        principal: As they are named in what they do.
        disabled_at: Since when they may nothing; null if they may.
        grants: As far as the key may know.
    """

    person_id: int = Field(examples=[7])
    principal: str = Field(examples=["person:7"])
    name: str = Field(examples=["Ana Lima"])
    login: str = Field(examples=["ana@example.com"])
    created_at: Instant
    disabled_at: Instant | None
    grants: list[GrantItem]


class PersonPage(ItemPage[PersonItem]):
    """Everybody who may something in the account, the oldest first."""


class InvitationItem(Output):
    """A link without its secret.

    Attributes:
        is_open: Whether it can still be used.
        used_by: The person that came of it.
    """

    invitation_id: int = Field(examples=[12])
    name: str = Field(examples=["Ana Lima"])
    grants: list[GrantItem]
    given_by: str = Field(examples=["key:a1b2"])
    given_at: Instant
    expires_at: Instant
    is_open: bool
    used_by: int | None = Field(examples=[7])


class MadeInvitation(InvitationItem):
    """A new link, which is told this once."""

    link: str = Field(examples=["https://leads.example.com/join#Zm9vYmFy"])


class InvitationPage(ItemPage[InvitationItem]):
    """The last links that give something in the account, the newest first."""


@router.get(
    "/accounts/{account_id}/people", operation_id="list_people", summary="Who may what here?"
)
async def list_people(response: Response, visit: ToRead, listing: UnversionedListing) -> PersonPage:
    """People, with their roles."""
    response.headers["Cache-Control"] = "no-store"
    account_id = visit.account.account_id
    found = await holding.people(visit.premises.access, visit.caller, account_id)
    return await listing.all_of(PersonPage, found, key=lambda each: (each.id,), shape=_person)


@router.post(
    "/accounts/{account_id}/people/{person_id}/grants",
    status_code=204,
    operation_id="grant_role",
    summary="Give somebody a role",
    responses=REFUSES,
)
async def grant_role(visit: OfAccount, person_id: PersonId, body: GrantBody) -> None:
    """In this account; it counts from their next request on. Given again it is one."""
    await _known(visit, person_id)
    await holding.grant(visit.premises.access, visit.caller, person_id, _grant(visit, body))


@router.delete(
    "/accounts/{account_id}/people/{person_id}/grants/{role}",
    status_code=204,
    operation_id="revoke_role",
    summary="Take a role from somebody",
    responses=REFUSES,
)
async def revoke_role(visit: OfAccount, person_id: PersonId, role: Role) -> None:
    """With effect from their next request."""
    await _known(visit, person_id)
    held = Grant(account_id=visit.account.account_id, role=role)
    await holding.revoke(visit.premises.access, visit.caller, person_id, held)


@router.get(
    "/accounts/{account_id}/invitations",
    operation_id="list_invitations",
    summary="Links by which people join",
)
async def list_invitations(
    response: Response, visit: ToRead, listing: UnversionedListing
) -> InvitationPage:
    """The last ones, used and over ones too."""
    response.headers["Cache-Control"] = "no-store"
    found = await inviting.invitations(visit.premises.access, visit.caller)
    return await listing.all_of(
        InvitationPage,
        [each for each in found if _is_of(visit, each)],
        key=lambda each: (-each.id,),
        shape=lambda each: _item(visit, each),
    )


@router.post(
    "/accounts/{account_id}/invitations",
    status_code=201,
    operation_id="invite",
    summary="A link by which somebody joins",
    responses=REFUSES,
)
async def invite(response: Response, visit: OfAccount, body: InvitationBody) -> MadeInvitation:
    """It is told this once; asked again there is another one. Valid for 7 days."""
    response.headers["Cache-Control"] = "no-store"
    grants = [_grant(visit, each) for each in body.grants]
    made, token = await inviting.invite(visit.premises.access, visit.caller, grants, name=body.name)
    link = inviting.link(inviting.address_of(visit.installation), token)
    return MadeInvitation(**_item(visit, made).model_dump(), link=link)


@router.delete(
    "/accounts/{account_id}/invitations/{invitation_id}",
    status_code=204,
    operation_id="withdraw_invitation",
    summary="End a link that was not used",
    responses=REFUSES,
)
async def withdraw_invitation(visit: OfAccount, invitation_id: InvitationId) -> None:
    """Nobody can join by it any more."""
    known = await inviting.invitations(visit.premises.access, visit.caller)
    if not any(each.id == invitation_id and _is_of(visit, each) for each in known):
        raise HttpProblem("not-found")
    await inviting.withdraw(visit.premises.access, visit.caller, invitation_id)


async def _known(visit: AccountVisit, person_id: int) -> None:
    """See that it is somebody whom they may know of: nobody can tell who else there is.

    Raises:
        HttpProblem: It is not.
    """
    account_id = visit.account.account_id
    found = await holding.people(visit.premises.access, visit.caller, account_id)
    if not any(each.id == person_id for each in found):
        raise HttpProblem("not-found")


def _grant(visit: AccountVisit, body: GrantBody) -> Grant:
    return Grant(account_id=visit.account.account_id, role=body.role, manager_id=body.manager_id)


def _is_of(visit: AccountVisit, invitation: Invitation) -> bool:
    account_id = visit.account.account_id
    return any(each.account_id == account_id for each in invitation.grants)


def _item(visit: AccountVisit, each: Invitation) -> InvitationItem:
    return InvitationItem(
        invitation_id=each.id,
        name=each.name,
        grants=[_granted(grant) for grant in each.grants],
        given_by=each.given_by,
        given_at=each.given_at,
        expires_at=each.expires_at,
        is_open=each.is_open(visit.premises.now()),
        used_by=each.used_by,
    )


def _person(each: Person) -> PersonItem:
    return PersonItem(
        person_id=each.id,
        principal=each.principal,
        name=each.name,
        login=each.login,
        created_at=each.created_at,
        disabled_at=each.disabled_at,
        grants=[_granted(grant) for grant in each.grants],
    )


def _granted(grant: Grant) -> GrantItem:
    return GrantItem(account_id=grant.account_id, role=grant.role, manager_id=grant.manager_id)
