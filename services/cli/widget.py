"""`fairlead widget`: the archive that Kommo takes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.group import group
from services.cli.opening import AccountDesk, Desk, for_account, for_installation
from services.cli.options import DATA, AccountId, Data
from services.cli.output import fail, say

if TYPE_CHECKING:
    from pydantic import SecretStr

    from services.widget.packing.source import Build

app = group("Build the widget for Kommo, and check its archive.")

Archive = Annotated[Path, typer.Argument(help="The zip.", exists=True, dir_okay=False)]


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="File to write.", dir_okay=False)],
    support_email: Annotated[str, typer.Option(help="Where people ask for help.")],
    account: AccountId = None,
    url: Annotated[
        str, typer.Option(help="Where browsers reach this installation. Default: its own address.")
    ] = "",
    version: Annotated[
        str, typer.Option(help="Has to be higher with each upload, or browsers keep the former.")
    ] = "1.0.0",
    data: Data = DATA,
    *,
    public: Annotated[
        bool, typer.Option("--public", help="For everybody instead of one account.")
    ] = False,
) -> None:
    """Build the archive to upload to Kommo; the same answers give the same bytes."""

    def write(desk: Desk, kind: "Build", hook: "SecretStr") -> None:
        from services.application.people.inviting import address_of
        from services.widget.packing.building import WidgetBuild, archive

        origin = (url or address_of(desk.installation)).rstrip("/")
        if not (origin.startswith("https://") and hook.get_secret_value().startswith("https://")):
            fail(
                "Kommo opens and calls https addresses alone.",
                "Set FAIRLEAD_ACCESS_ADDRESS and FAIRLEAD_PUBLIC_URL to such addresses.",
            )
        wanted = WidgetBuild(
            build=kind,
            origin=origin,
            webhook_url=hook,
            version=version,
            support_link=f"{origin}/",
            support_email=support_email,
        )
        out.write_bytes(archive(wanted))
        say(f"{out}: {kind}, version {version}.")

    async def for_one(desk: AccountDesk) -> None:
        from services.application.widget.triggers import hook_address

        hook = await hook_address(desk.installation, desk.account, desk.principal)
        write(desk, "private", hook)

    async def for_everybody(desk: Desk) -> None:
        from pydantic import SecretStr

        from services.application.kommo import receives_at

        write(desk, "public", SecretStr(receives_at(desk.installation).rstrip("/") + "/dp/"))

    if not public:
        for_account(data, account, for_one)
    elif account is not None:
        fail("Either --account or --public: a published widget is no account's.")
    else:
        for_installation(data, for_everybody)


@app.command()
def check(
    file: Archive,
    after: Annotated[
        Path | None,
        typer.Option(
            help="The zip that was uploaded before; the version has to be higher.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    *,
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="By the rules for widgets that are published. Default: by them unless the"
            " location `everywhere` makes it a private one.",
        ),
    ] = False,
) -> None:
    """Check an archive by Kommo's rules: files, pictures, manifest, texts, scripts, styles.

    Exit status 1 if there is something that Kommo would not take.
    """
    try:
        from services.widget.checking.bundle import NotAnArchiveError
        from services.widget.checking.check import findings
    except ModuleNotFoundError as missing:
        fail(
            f"This needs {missing.name}, which is not installed.",
            "Install it with: pip install 'fairlead[widget]'",
        )
    try:
        found = findings(str(file), is_public=public, former=None if after is None else str(after))
    except NotAnArchiveError as error:
        fail(f"{file} is not checked: {error}.")
    for each in found:
        say(f"{each.place}: {each.said}.")
    say(f"{file}: {len(found) or 'nothing'} to mend.")
    raise typer.Exit(1 if found else 0)
