"""`fairlead operation`: where a command stands that was not answered in time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, Data

if TYPE_CHECKING:
    from services.application.operations import Operation

app = group()


@app.command("operation")
def show(
    operation: Annotated[str, typer.Argument(help="Id of the operation, as the command named it.")],
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Tell where a command stands.

    Accepted, decided or refused; kept for a week.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.operations import operation as look_up

        found = await look_up(desk.installation, desk.account, desk.principal, operation)
        told = [*_told(found)]
        (await desk.knowing(told)).tell(*told)

    for_account(data, account, work)


def _told(found: "Operation") -> Iterator[Sentence]:
    from domain.explain.refusals import refusal

    yield sentence("operation.given", by=found.given_by, at=found.given_at)
    if found.refusal is not None:
        yield sentence("operation.refused", why=refusal(found.refusal))
    elif found.version is None:
        yield sentence("operation.accepted")
    elif found.is_shown:
        yield sentence("operation.decided", version=found.version)
    else:
        yield sentence("operation.decided_not_shown", version=found.version)
