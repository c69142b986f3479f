"""`fairlead access`: who may use the installation, and what."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.group import group
from services.cli.opening import Desk, caller_here, for_installation
from services.cli.options import DATA, ID_MAX, AsJson, Data, Yes
from services.cli.output import ask, fail, say, show_table
from services.cli.who_may_told import (
    LINK_HEAD,
    PERSON_HEAD,
    link_row,
    may,
    person_row,
    show_link,
    when,
)

if TYPE_CHECKING:
    from services.access.grants import Grant
    from services.access.people import Person
    from services.access.wiring import Access

app = group("People who may use this installation, links that invite them, and keys of programs.")


class RoleName(StrEnum):
    """A role, as the table of roles has it; a test compares."""

    MANAGER = "manager"
    VIEWER = "viewer"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help="Their number, or what they sign in with.")
]
RoleOption = Annotated[RoleName | None, typer.Option("--role", help="What they may.")]
RoleArgument = Annotated[RoleName, typer.Argument(metavar="ROLE", help="What they may.")]
AccountOption = Annotated[
    int | None,
    typer.Option("--account", min=1, max=ID_MAX, help="Where; the only account, if there is one."),
]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="In every account, now and later.")]
ManagerOption = Annotated[
    int | None,
    typer.Option("--manager", min=1, max=ID_MAX, help="Kommo's id of the user they are."),
]


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="For whom, so that the list tells.")] = "",
    role: RoleOption = None,
    account: AccountOption = None,
    manager: ManagerOption = None,
    data: Data = DATA,
    *,
    everywhere: Everywhere = False,
) -> None:
    """Print a link by which somebody joins, once.

    Without a role, while nobody has joined yet: the link for the first one, who may do everything.
    Hand it over yourself; it is valid for 7 days, the first one for 15 minutes.
    """

    async def work(desk: Desk) -> None:
        from services.application.people import inviting

        access = desk.installation.who_may()
        if role is None:
            made = await inviting.first_link(access, caller_here().caller)
            if made is None:
                fail("--role: Expected what they may: somebody has joined already.")
        else:
            grant = await _grant(desk, role, account, manager, everywhere=everywhere)
            made = await inviting.invite(access, caller_here(), [grant], name=name)
        show_link(desk, *made)

    for_installation(data, work)


@app.command(name="list")
def list_people(data: Data = DATA, *, as_json: AsJson = False) -> None:
    """Show everybody who may something, and the links that are open."""

    async def work(desk: Desk) -> None:
        from datetime import UTC, datetime

        from services.application.people import holding, inviting
        from services.cli.documents import show_json

        access, here = desk.installation.who_may(), caller_here()
        found = await holding.people(access, here)
        now = datetime.now(UTC)
        links = [e for e in await inviting.invitations(access, here) if e.is_open(now)]
        if as_json:
            show_json({"people": found, "links": links})
            return
        if found:
            show_table(PERSON_HEAD, (person_row(desk, each) for each in found))
        else:
            say("Nobody has joined yet. Invite the first one: fairlead access invite")
        if links:
            show_table(LINK_HEAD, (link_row(desk, each) for each in links))

    for_installation(data, work)


@app.command()
def grant(
    person: PersonArgument,
    role: RoleArgument,
    account: AccountOption = None,
    manager: ManagerOption = None,
    data: Data = DATA,
    *,
    everywhere: Everywhere = False,
) -> None:
    """Give somebody a role."""

    async def work(desk: Desk) -> None:
        from services.application.people import holding

        access = desk.installation.who_may()
        whom = await _person(access, person)
        given = await _grant(desk, role, account, manager, everywhere=everywhere)
        is_new = await holding.grant(access, caller_here(), whom.id, given)
        say(f"{whom.name} is {may(given)}{'' if is_new else ', as before'}.")

    for_installation(data, work)


@app.command()
def revoke(
    person: PersonArgument,
    role: RoleOption = None,
    account: AccountOption = None,
    data: Data = DATA,
    *,
    everywhere: Everywhere = False,
    yes: Yes = False,
) -> None:
    """Take a role away from somebody, or let them in no more.

    Without a role: their sessions end, their keys rest, and links they gave out are over. Roles and
    keys are kept for `fairlead access enable`.
    """

    async def work(desk: Desk) -> None:
        from services.application.people import holding

        access, here = desk.installation.who_may(), caller_here()
        whom = await _person(access, person)
        if role is None:
            if yes or ask(f"Let {whom.name} ({whom.login}) in no more?"):
                await holding.disable(access, here, whom.id)
                say(f"{whom.name} is let in no more.")
            return
        taken = await _grant(desk, role, account, None, everywhere=everywhere, is_over=True)
        await holding.revoke(access, here, whom.id, taken)
        say(f"{whom.name} is no longer {may(taken)}.")

    for_installation(data, work)


@app.command()
def enable(person: PersonArgument, data: Data = DATA) -> None:
    """Let somebody in again."""

    async def work(desk: Desk) -> None:
        from services.application.people import holding

        access = desk.installation.who_may()
        whom = await _person(access, person)
        await holding.enable(access, caller_here(), whom.id)
        say(f"{whom.name} is let in again, with the roles of before.")

    for_installation(data, work)


@app.command()
def erase(person: PersonArgument, data: Data = DATA, *, yes: Yes = False) -> None:
    """Forget somebody: name, login, password, roles, keys.

    What they did stays, under their number alone.
    """

    async def work(desk: Desk) -> None:
        from services.application.people import holding

        access = desk.installation.who_may()
        whom = await _person(access, person)
        if yes or ask(f"Forget {whom.name} ({whom.login})? This cannot be undone."):
            await holding.erase(access, caller_here(), whom.id)
            say(f"person:{whom.id} is forgotten.")

    for_installation(data, work)


@app.command()
def reset(person: PersonArgument, data: Data = DATA) -> None:
    """Print a link that ends a lock-out, once.

    Whoever has it sets a new password; app, recovery codes and passkeys of before are gone by that.
    It is valid for a day.
    """

    async def work(desk: Desk) -> None:
        from services.application.people import inviting

        access = desk.installation.who_may()
        whom = await _person(access, person)
        show_link(desk, *await inviting.reset(access, caller_here(), whom.id))

    for_installation(data, work)


@app.command()
def withdraw(
    link: Annotated[int, typer.Argument(min=1, max=ID_MAX, help="Its number in the list.")],
    data: Data = DATA,
) -> None:
    """End a link that was not used."""

    async def work(desk: Desk) -> None:
        from services.application.people import inviting

        await inviting.withdraw(desk.installation.who_may(), caller_here(), link)
        say(f"Link {link} is over.")

    for_installation(data, work)


@app.command()
def sessions(
    person: PersonArgument,
    data: Data = DATA,
    *,
    end: Annotated[bool, typer.Option("--end", help="End all of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show where somebody is signed in, or end that."""

    async def work(desk: Desk) -> None:
        from services.application.people import holding
        from services.cli.documents import show_json

        access, here = desk.installation.who_may(), caller_here()
        whom = await _person(access, person)
        if end:
            ended = await holding.end_sessions(access, here, whom.id)
            say(f"{whom.name} is signed out: {ended} session{'' if ended == 1 else 's'} ended.")
            return
        found = await holding.sessions(access, here, whom.id)
        if as_json:
            show_json(found)
        elif found:
            show_table(
                ("signed in", "by", "from where", "last seen", "browser"),
                (
                    (
                        when(desk, each.begun_at),
                        each.how,
                        each.whence,
                        when(desk, each.seen_at),
                        each.agent,
                    )
                    for each in found
                ),
            )
        else:
            say(f"{whom.name} is not signed in.")

    for_installation(data, work)


@app.command()
def about(person: PersonArgument, data: Data = DATA) -> None:
    """Show what is kept about somebody, as JSON."""

    async def work(desk: Desk) -> None:
        from services.application.people.about import about_person
        from services.cli.documents import show_json

        access = desk.installation.who_may()
        whom = await _person(access, person)
        show_json(await about_person(access, caller_here(), whom.id))

    for_installation(data, work)


@app.command()
def log(
    person: PersonArgument,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000, help="How many lines, the newest ones.")
    ] = 50,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show somebody's sign-ins, and what was changed.

    Failures, roles, keys and links, too; kept for 400 days.
    """

    async def work(desk: Desk) -> None:
        from services.application.people import holding
        from services.cli.documents import show_json

        access = desk.installation.who_may()
        whom = await _person(access, person)
        found = await holding.deeds(access, caller_here(), whom.id, limit=limit)
        if as_json:
            show_json(found)
            return
        show_table(
            ("when", "what", "about", "account", "by", "from where", "request"),
            (
                (
                    when(desk, each.at),
                    each.what.replace("_", " "),
                    each.about,
                    each.account_id or "",
                    each.principal,
                    each.whence,
                    each.request_id,
                )
                for each in found
            ),
        )

    for_installation(data, work)


async def _person(access: "Access", said: str) -> "Person":
    """By number or login."""
    from services.application.refused import Refused

    is_number = said.isascii() and said.isdecimal() and int(said) <= ID_MAX
    found = await (access.people.get(int(said)) if is_number else access.people.find(said))
    if found is None:
        raise Refused("person_unknown")
    return found


async def _grant(
    desk: Desk,
    role: RoleName,
    account: int | None,
    manager: int | None,
    *,
    everywhere: bool,
    is_over: bool = False,
) -> "Grant":
    """The role, in the account that is named, or the only one; one to end may be of any."""
    from services.access.grants import Grant

    if everywhere and account is not None:
        fail("--everywhere: Expected without --account.")
    if role is RoleName.OPERATOR and account is None:
        everywhere = True
    if everywhere:
        where = None
    elif is_over and account is not None:
        where = account
    else:
        where = (await desk.installation.account(account)).account_id
    return Grant(account_id=where, role=role.value, manager_id=manager)
