"""`fairlead integrations`: what accounts may let in by OAuth 2.0, each with an id and a secret."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.sentences import sentence
from services.cli.files import read
from services.cli.group import group
from services.cli.opening import Desk, for_installation
from services.cli.options import DATA, AsJson, Data
from services.cli.output import ask_secret, say, show_table

app = group("Integrations of Kommo that accounts may let in.")

SECRET_BYTES_MAX = 1_000

ClientId = Annotated[str, typer.Argument(help="The integration's id, as Kommo shows it.")]


@app.command("list")
def list_all(data: Data = DATA, *, as_json: AsJson = False) -> None:
    """List them, and what has to stand in Kommo."""

    async def work(desk: Desk) -> None:
        from services.application import integrations
        from services.cli.documents import show_json

        found = await integrations.integrations(desk.installation, desk.principal)
        if as_json:
            show_json(found)
            return
        if found:
            rows = ((each.client_id, each.name, each.redirect_uri) for each in found)
            show_table(("id", "name", "redirect"), rows)
        redirect = integrations.redirect_of(desk.installation)
        uninstall = integrations.uninstall_of(desk.installation)
        desk.tell(sentence("integrations.redirect", address=redirect))
        desk.tell(sentence("integrations.uninstall", address=uninstall))

    for_installation(data, work)


@app.command()
def add(
    client_id: ClientId,
    secret_file: Annotated[
        Path | None, typer.Option(help="File with its secret; else it is asked for.")
    ] = None,
    name: Annotated[str, typer.Option(help="For people.")] = "",
    redirect: Annotated[
        str, typer.Option(help="As it stands in Kommo; default: this installation's own.")
    ] = "",
    data: Data = DATA,
) -> None:
    """Make an integration known, or give it another secret."""
    secret = (
        ask_secret("Secret of the integration")
        if secret_file is None
        else read(secret_file, bytes_max=SECRET_BYTES_MAX).decode("utf-8", "replace")
    ).strip()

    async def work(desk: Desk) -> None:
        from pydantic import SecretStr

        from services.application.integrations import register_integration, uninstall_of

        found = await register_integration(
            desk.installation,
            desk.principal,
            client_id=client_id,
            secret=SecretStr(secret),
            name=name,
            redirect_uri=redirect,
        )
        desk.tell(sentence("integrations.added", name=found.name))
        desk.tell(sentence("integrations.redirect", address=found.redirect_uri))
        desk.tell(
            sentence("integrations.uninstall", address=uninstall_of(desk.installation)),
        )

    for_installation(data, work)


@app.command()
def remove(client_id: ClientId, data: Data = DATA) -> None:
    """Forget an integration with its secret; accounts must not be let in by it any more."""

    async def work(desk: Desk) -> None:
        from services.application.integrations import remove_integration

        await remove_integration(desk.installation, desk.principal, client_id)
        say(desk.text(sentence("integrations.removed", client=client_id)))

    for_installation(data, work)
