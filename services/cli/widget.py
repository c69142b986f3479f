"""`fairlead widget`: the archive that Kommo takes."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.group import group
from services.cli.output import fail, say

app = group("Build the widget for Kommo, and check its archive.")

Archive = Annotated[Path, typer.Argument(help="The zip.", exists=True, dir_okay=False)]


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
