"""`fairlead erase` and `fairlead export`: what is kept about one person."""

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, ID_MAX, AccountId, Data, Yes
from services.cli.output import ask

if TYPE_CHECKING:
    from services.storage.erasures import Kind

erase = group("Erase what is kept about somebody, for good.")
export = group("Write out what is kept about somebody.")

KommosId = Annotated[int, typer.Argument(min=1, max=ID_MAX, metavar="ID", help="Kommo's.")]


@erase.command()
def lead(id_: KommosId, account: AccountId = None, data: Data = DATA, *, yes: Yes = False) -> None:
    """Erase a lead: raw bodies that name it, and what was written about it; asks first.

    Its events stay, which hold ids and outcomes only.
    """
    _erase("lead", id_, account, data, yes=yes)


@erase.command()
def contact(
    id_: KommosId, account: AccountId = None, data: Data = DATA, *, yes: Yes = False
) -> None:
    """Erase a contact: raw bodies that name it; asks first."""
    _erase("contact", id_, account, data, yes=yes)


@erase.command()
def manager(
    id_: KommosId, account: AccountId = None, data: Data = DATA, *, yes: Yes = False
) -> None:
    """Erase a manager: their name, and what was written about them; asks first.

    Decisions stay, under their number.
    """
    _erase("manager", id_, account, data, yes=yes)


@export.command()
def person(id_: KommosId, account: AccountId = None, data: Data = DATA) -> None:
    """Show as JSON what is kept about a person, as a manager, a lead or a contact."""

    async def work(desk: AccountDesk) -> None:
        from services.application.erasure import personal_data
        from services.cli.documents import show_json

        show_json(await personal_data(desk.installation, desk.account, desk.principal, id_))

    for_account(data, account, work)


def _erase(kind: "Kind", id_: int, account: int | None, data: Data, *, yes: bool) -> None:
    async def work(desk: AccountDesk) -> None:
        from services.application import erasure

        if not (yes or ask(f"Erase {kind} {id_}? This cannot be undone.")):
            return
        done = await erasure.erase(desk.installation, desk.account, desk.principal, kind, id_)
        desk.tell(sentence("erase.done", kind=kind, id=id_, bodies=done.bodies, texts=done.texts))
        if kind == "manager":
            desk.tell(sentence("erase.login_stays"))
        desk.tell(sentence("erase.in_kommo"))

    for_account(data, account, work)
