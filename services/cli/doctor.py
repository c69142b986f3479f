"""`fairlead doctor`: everything that is looked at, and what to do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from services.cli.group import group
from services.cli.opening import Desk, for_installation
from services.cli.options import DATA, Data
from services.cli.output import show_table
from services.cli.speech import words_of_all

if TYPE_CHECKING:
    from services.application.doctor import Diagnosis

app = group()

# What helps at a terminal, by remedy, with the remedy's own arguments in it.
COMMANDS: Mapping[str, str] = {
    "remedy.connect": "fairlead connect ADDRESS",
    "remedy.connect_again": "fairlead connect {address}",
    "remedy.find_who_sends_letters": "fairlead dead list",
    "remedy.give_shifts": "fairlead rules apply FILE",
    "remedy.look_at_dead_letters": "fairlead dead list",
    "remedy.new_token": "fairlead connect {address}",
    "remedy.rebuild_fairness": "fairlead projections rebuild fairness",
    "remedy.report_unfairness": "fairlead statement {manager}",
    "remedy.resume_partition": "fairlead gaps resume {partition}",
    "remedy.start": "fairlead up",
    "remedy.start_more_allocators": "fairlead run allocator",
    "remedy.start_to_send": "fairlead up",
    "remedy.start_to_set_aside": "fairlead up",
}


@app.command()
def doctor(data: Data = DATA) -> None:
    """Look at everything and say what to do.

    Exit status 1 if something needs a person.
    """

    async def work(desk: Desk) -> bool:
        from services.application.doctor import examine

        found = [each async for each in examine(desk.installation, desk.principal)]
        desk = replace(desk, words=words_of_all(await desk.installation.accounts.all()))
        show_table(("what", "found", "to do"), (row_of(desk, each) for each in found))
        return all(each.severity == "well" for each in found)

    raise typer.Exit(0 if for_installation(data, work) else 1)


def row_of(desk: Desk, finding: "Diagnosis") -> tuple[str, str, str]:
    """What was looked at, what it looks like, what to do: by a command, where one helps."""
    return desk.text(finding.subject), desk.text(finding.found), _to_do(desk, finding)


def _to_do(desk: Desk, finding: "Diagnosis") -> str:
    remedy = finding.remedy
    if remedy is None:
        return ""
    text, command = desk.text(remedy), COMMANDS.get(remedy.id)
    return text if command is None else f"{text}: {command.format(**remedy.arguments)}"
