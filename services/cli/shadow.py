"""`fairlead shadow`: how fair another widget is, from what Kommo tells that it did."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.accounts import token_from
from services.cli.group import group
from services.cli.opening import AccountDesk, complete, for_account, whoever_is_here
from services.cli.options import DATA, AccountId, AsJson, Data, From, Html, To
from services.cli.output import fail, say, say_all, show_table
from services.cli.speech import words_with

if TYPE_CHECKING:
    from services.application.shadow.audit import ShadowAudit

app = group()


@app.command()
def shadow(
    address: Annotated[
        str, typer.Argument(help="Of an account that is not connected: https://acme.kommo.com")
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="With an address: a file with a token. Without it, you are asked for one."
        ),
    ] = None,
    from_: From = "",
    to: To = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Tell how fairly another widget gives out leads.

    Read from Kommo's own list of events: of the last 30 days, or of --from to --to. Nothing is
    installed in the account or written to it.
    """
    if token_file is not None and not address:
        fail("--token-file: Expected together with an address, like https://acme.kommo.com.")

    now = datetime.now(UTC)

    async def of_stranger(token: str) -> "ShadowAudit":
        from services.application.shadow.audit import client_with, shadow

        async with client_with(address, token) as client:
            return await shadow(client, address, whoever_is_here(), start=from_, end=to, now=now)

    async def of_connected(desk: AccountDesk) -> "ShadowAudit":
        from services.application.shadow.connected import shadow_of

        return await shadow_of(
            desk.installation, desk.account, desk.principal, start=from_, end=to, now=now
        )

    if address:
        found = complete(of_stranger(token_from(token_file)))
    else:
        found = for_account(data, account, of_connected)
    _show(found, as_json=as_json, html=html)


def _show(found: "ShadowAudit", *, as_json: bool, html: Path | None) -> None:
    from services.application.shadow.told import kinds, managers, said
    from services.cli.documents import show_json, write_page
    from services.cli.shadow_told import page_of

    spoken = words_with(found.names, found.timezone)
    if as_json:
        show_json(found)
    else:
        first, *others = said(found, spoken.say)
        say(first)
        show_table(*managers(found, spoken.say))
        show_table(*kinds(found, spoken.say))
        say_all(others)
    if html is not None:
        write_page(html, page_of(found, spoken.say))
