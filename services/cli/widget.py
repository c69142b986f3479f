"""`fairlead widget`: the archive that Kommo takes."""

import re
from collections.abc import Mapping
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

LINK = re.compile(r"https://[^\s'\"\\<>]+")
# What nobody who builds a published widget may find out from their customers.
NOT_SERVED = """\
Not served yet: its triggers. Kommo sends their hooks to {address}, which has no account's secret, \
so they count for nothing.
Until then its customers distribute by rules made in the console; or build for each account, with \
--account."""

Archive = Annotated[Path, typer.Argument(help="The zip.", exists=True, dir_okay=False)]


@app.command()
def build(  # noqa: PLR0913 - an option each
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
    support_link: Annotated[
        str, typer.Option(help="Where people find help. Default: the installation's own address.")
    ] = "",
    privacy_link: Annotated[
        str,
        typer.Option(
            help="Where people read what happens to their data, shown in the settings;"
            " {language} in it becomes en, es or pt."
        ),
    ] = "",
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="For everybody instead of one account: needs --support-link and --privacy-link,"
            " and its triggers are not served yet.",
        ),
    ] = False,
) -> None:
    """Build the archive to upload to Kommo; the same answers give the same bytes."""
    if public and account is not None:
        fail("Either --account or --public: a published widget is no account's.")
    _refuse_links({"--support-link": support_link, "--privacy-link": privacy_link}, public=public)

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
            support_link=support_link or f"{origin}/",
            support_email=support_email,
            privacy_link=privacy_link,
        )
        out.write_bytes(archive(wanted))
        say(f"{out}: {kind}, version {version}.")
        if kind == "public":
            _tell_published(out, hook.get_secret_value())
        else:
            _tell_private(out)

    async def for_one(desk: AccountDesk) -> None:
        from services.application.widget.triggers import hook_address

        hook = await hook_address(desk.installation, desk.account, desk.principal)
        write(desk, "private", hook)

    async def for_everybody(desk: Desk) -> None:
        from pydantic import SecretStr

        from services.application.kommo import receives_at

        write(desk, "public", SecretStr(receives_at(desk.installation).rstrip("/") + "/dp/"))

    if public:
        for_installation(data, for_everybody)
    else:
        for_account(data, account, for_one)


def _refuse_links(links: Mapping[str, str], *, public: bool) -> None:
    """What is no link; for a published widget also what is missing, all of it at once."""
    wrong = [name for name, link in links.items() if link and LINK.fullmatch(link) is None]
    missing = [name for name, link in links.items() if public and not link]
    if wrong:
        fail(f"{' and '.join(wrong)}: expected an address that begins with https://.")
    if missing:
        fail(
            f"A published widget needs {' and '.join(missing)}: Kommo's review asks where people"
            " find help, and what happens to their data, in each language.",
            "{language} in the privacy link becomes en, es or pt.",
        )


def _tell_published(out: Path, address: str) -> None:
    for line in NOT_SERVED.format(address=address).splitlines():
        say(line)
    say(
        f"Next: fairlead widget check {out} --public, then upload it to the public integration in"
        " your technical account, and ask Kommo for its review."
    )


def _tell_private(out: Path) -> None:
    say("It holds a secret of the account: treat it as a password.")
    say(
        f"Next: fairlead widget check {out}, then upload it to the account's private integration"
        " in Kommo."
    )


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
