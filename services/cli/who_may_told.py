"""What `fairlead access` shows: people, links, and what each may."""

from typing import TYPE_CHECKING

from contracts.sentences import sentence
from services.cli.output import say

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

    from services.access.grants import Grant
    from services.access.invitations import Invitation
    from services.access.people import Person
    from services.cli.opening import Desk

PERSON_HEAD = ("person", "name", "signs in as", "may", "since", "")
LINK_HEAD = ("link", "for", "may", "given by", "until")


def show_link(desk: "Desk", made: "Invitation", token: "SecretStr") -> None:
    """A new link; nobody can see it again."""
    from services.application.people.inviting import address_of, link

    say(f"Link {made.id}, valid once, until {when(desk, made.expires_at)}:")
    say(link(address_of(desk.installation), token))


def person_row(desk: "Desk", person: "Person") -> tuple[object, ...]:
    """Their line in the list."""
    return (
        person.id,
        person.name,
        person.login,
        ", ".join(map(may, person.grants)),
        when(desk, person.created_at),
        "" if person.disabled_at is None else "let in no more",
    )


def link_row(desk: "Desk", link: "Invitation") -> tuple[object, ...]:
    """The line of a link."""
    return (
        link.id,
        link.name or ("" if link.person_id is None else f"person {link.person_id}"),
        ", ".join(map(may, link.grants)) or "a new password",
        link.given_by,
        when(desk, link.expires_at),
    )


def may(grant: "Grant") -> str:
    """A role, and where it is held."""
    if grant.role == "operator":
        return grant.role
    where = "everywhere" if grant.account_id is None else f"in {grant.account_id}"
    as_whom = "" if grant.manager_id is None else f" as {grant.manager_id}"
    return f"{grant.role} {where}{as_whom}"


def when(desk: "Desk", at: "datetime") -> str:
    """An instant, in UTC."""
    return desk.text(sentence("cell.instant", at=at))
