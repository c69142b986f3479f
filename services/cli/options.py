"""What several commands take."""

from pathlib import Path
from typing import Annotated

import typer

# The database's largest number; what is beyond names nothing.
ID_MAX = 2**63 - 1
DATA = Path("fairlead-data")

Data = Annotated[
    Path,
    typer.Option(
        envvar="FAIRLEAD_DATA",
        help="Folder of the installation.",
        show_default=True,
        file_okay=False,
    ),
]
AccountId = Annotated[
    int | None,
    typer.Option("--account", help="Kommo's id of the account, if several are connected."),
]
UserId = Annotated[int, typer.Argument(min=1, max=ID_MAX, help="Kommo's id of the user.")]
LeadId = Annotated[int, typer.Argument(min=1, max=ID_MAX, help="Kommo's id of the lead.")]
Key = Annotated[
    str,
    typer.Option(
        "--key",
        help="A word of your own: a command repeated with the same one takes effect once.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Confirm = Annotated[
    int | None,
    typer.Option(
        "--confirm",
        min=0,
        max=ID_MAX,
        help="How many leads it is about, as it was shown: has to be said where they are many.",
    ),
]
Note = Annotated[str, typer.Option("--note", help="Why; it is kept with the revision.")]
From = Annotated[
    str,
    typer.Option("--from", help="A day like 2026-11-02, a time like 2026-11-02T09:00, or -7d."),
]
To = Annotated[
    str, typer.Option("--to", help="The same; a day counts to its end. Without it: until now.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Html = Annotated[
    Path | None, typer.Option("--html", help="Write a page to this file.", dir_okay=False)
]
