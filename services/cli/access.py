"""`fairlead access-log`: who looked at what."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, Desk, for_account, for_installation
from services.cli.options import DATA, AccountId, AsJson, Data, From, To
from services.cli.output import say, show_table

if TYPE_CHECKING:
    from services.application.span import Span
    from services.storage.access_log import AccessLine

app = group()

DAYS = 30
LINES_MAX = 1_000


@app.command(name="access-log")
def access_log(
    from_: From = "",
    to: To = "",
    by: Annotated[
        str, typer.Option("--by", help="Only what this one looked at, like cli:root.")
    ] = "",
    limit: Annotated[
        int, typer.Option(min=1, max=LINES_MAX, help="How many lines, the newest ones.")
    ] = 50,
    account: AccountId = None,
    data: Data = DATA,
    *,
    installation: Annotated[
        bool, typer.Option("--installation", help="Looks that belong to no account instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show who looked at what in the last 30 days.

    At explanations, statements, states, exports, simulations, proofs, and at this log itself.
    """

    async def of_account(desk: AccountDesk) -> None:
        from services.application.access import accesses

        span = _span(from_, to, desk.account.timezone)
        place = (desk.installation, desk.account, desk.principal)
        tell(desk, await accesses(*place, span, by=by, limit=limit))

    async def at_large(desk: Desk) -> None:
        from services.application.access import accesses_at_large

        span = _span(from_, to, "UTC")
        tell(
            desk,
            await accesses_at_large(desk.installation, desk.principal, span, by=by, limit=limit),
        )

    def tell(desk: Desk, found: "list[AccessLine]") -> None:
        from services.cli.documents import show_json

        if as_json:
            show_json(found)
        elif found:
            show_table(
                ("when", "who", "from where", "what", "of", "request"),
                (_row(desk, each) for each in found),
            )
        else:
            say("Nobody looked in this time.")

    if installation:
        for_installation(data, at_large)
    else:
        for_account(data, account, of_account)


def _span(from_: str, to: str, timezone: str) -> "Span":
    from services.application.span import span_from

    return span_from(from_, to, now=datetime.now(UTC), timezone=timezone, days=DAYS)


def _row(desk: Desk, look: "AccessLine") -> tuple[str, ...]:
    return (
        desk.text(sentence("cell.instant", at=look.at)),
        look.principal,
        look.whence,
        desk.text(sentence(f"access.what.{look.what}")),
        ", ".join(map(str, look.ids)),
        look.request_id,
    )
