"""`fairlead coverage`: who is at work for a rule, and when nobody is."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, AsJson, Data, From, To
from services.cli.output import show_table

if TYPE_CHECKING:
    from services.application.cover import Cover
    from services.application.span import Span

app = group()

DAYS = 7
NOBODY = "nobody"


@app.command("coverage")
def coverage_command(
    rule: Annotated[str, typer.Argument(help="Its id.")],
    from_: From = "",
    to: To = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show who is at work for a rule, in the next 7 days.

    On shift, neither absent nor paused, as far as is known now. Where nobody is, leads wait.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.shifts import coverage
        from services.cli.documents import show_json

        span = _span(desk, from_, to)
        found = await coverage(desk.installation, desk.account, desk.principal, rule, span=span)
        if as_json:
            show_json(found)
        else:
            show_table(("from", "to", "at work"), (_row(desk, each) for each in found))

    for_account(data, account, work)


def _span(desk: AccountDesk, from_: str, to: str) -> "Span":
    from services.application.span import Span

    if from_ or to:
        return desk.span(from_, to, days=DAYS)
    now = datetime.now(UTC)
    return Span(start=now, end=now + timedelta(days=DAYS))


def _row(desk: AccountDesk, cover: "Cover") -> tuple[str, ...]:
    people = (desk.text(sentence("cell.manager", manager=manager)) for manager in cover.manager_ids)
    return (
        desk.text(sentence("cell.instant", at=cover.start)),
        desk.text(sentence("cell.instant", at=cover.end)),
        ", ".join(people) or NOBODY,
    )
