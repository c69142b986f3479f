"""Commands that run roles until they are told to stop: up, run, the demo, and one to try."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.group import group
from services.cli.opening import complete, log_all
from services.cli.options import DATA, Data
from services.cli.output import fail, say

app = group()

# As the table of roles has them, without importing what they do; a test compares.
ROLES = ("ingress", "allocator", "projector", "gateway", "clock", "web")

GREETINGS = {
    "ingress": "Fairlead is up and receives webhooks at {address}",
    "web": "API and console are at {address}",
    "first": "Nobody has joined yet. Whoever opens this first, within 15 minutes, keeps the"
    " installation: {address}",
}

Host = Annotated[
    str | None,
    typer.Option(help="Address to receive webhooks at; default: FAIRLEAD_INGRESS_HOST."),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65_535,
        help="Port of the same, 0 for any free one; default: FAIRLEAD_INGRESS_PORT.",
    ),
]
# For whoever starts it as a part of something: it ends with them, however they end.
WhileStdin = Annotated[bool, typer.Option("--while-stdin-is-open", hidden=True)]
JsonLogs = Annotated[bool, typer.Option("--json-logs", help="Logs as JSON lines.")]


class Scenario(StrEnum):
    """What the demo plays."""

    LEADS = "leads"
    WEEK = "week"


@app.command()
def up(
    data: Data = DATA,
    host: Host = None,
    port: Port = None,
    *,
    new_key: Annotated[
        bool,
        typer.Option(
            "--new-key",
            help="Make a new master key if it is lost; every account has to be connected again.",
        ),
    ] = False,
    json_logs: JsonLogs = False,
    while_stdin_is_open: WhileStdin = False,
) -> None:
    """Run everything until stopped.

    All roles, on the embedded database of a folder; API and console in a process beside them.
    Ctrl-C or SIGTERM stops them.
    """
    from services.runtime.up import up

    log_all(as_json=json_logs)
    beside = ["--json-logs"] if json_logs else []
    complete(
        up(
            data,
            host=host,
            port=port,
            on_listening=_greet,
            new_key=new_key,
            beside=beside,
            with_stdin=while_stdin_is_open,
        )
    )


@app.command()
def run(
    roles: Annotated[
        list[str], typer.Argument(help=f"Some of: {', '.join(ROLES)}; or: all", metavar="ROLE...")
    ],
    data: Data = DATA,
    host: Host = None,
    port: Port = None,
    *,
    json_logs: JsonLogs = False,
    while_stdin_is_open: WhileStdin = False,
) -> None:
    """Run roles of the distributed installation.

    Until stopped, by Ctrl-C or SIGTERM.
    FAIRLEAD_DATABASE_URL, FAIRLEAD_KAFKA_SERVERS and FAIRLEAD_MASTER_KEY name it.
    `fairlead run web` works in the folder of a `fairlead up`, too.
    """
    from services.runtime.run import chosen, run

    async def work() -> None:
        await run(
            data,
            chosen(roles),
            host=host,
            port=port,
            on_listening=_greet,
            with_stdin=while_stdin_is_open,
        )

    log_all(as_json=json_logs)
    complete(work())


def _greet(role: str, address: str) -> None:
    say(GREETINGS[role].format(address=address))


@app.command()
def demo(  # noqa: PLR0913 - an option each
    leads: Annotated[int, typer.Option(min=1, max=100_000, help="How many leads.")] = 1_000,
    drop: Annotated[int, typer.Option(min=0, max=100, help="Percent of webhooks lost.")] = 0,
    batch: Annotated[
        int | None,
        typer.Option(min=1, max=250, help="Most leads in one PATCH; else 50, more if they wait."),
    ] = None,
    report: Annotated[Path, typer.Option(help="The page to write.")] = Path("demo-report.html"),
    scenario: Annotated[
        Scenario, typer.Option(help="`week` plays a working week in virtual time instead.")
    ] = Scenario.LEADS,
    keep: Annotated[
        Path | None,
        typer.Option(help="With `week`: a new folder for its account, to try commands on."),
    ] = None,
    kafka: Annotated[
        str | None,
        typer.Option(help="host:port of a broker without our topics: one process per role on it."),
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(
            help="A script of what goes wrong meanwhile, or the name of one that comes with it."
        ),
    ] = None,
    *,
    stay: Annotated[
        bool, typer.Option("--stay", help="Stay up, with console and API and a key for it.")
    ] = False,
) -> None:
    """Distribute leads of a local Kommo, and prove the result.

    On an installation of its own.
    """
    from services.demo.command import play_leads, play_week

    if keep is not None and scenario is not Scenario.WEEK:
        fail("--keep: Expected together with --scenario week.")
    if faults is not None and (scenario is Scenario.WEEK or kafka is not None):
        fail("--faults: Expected without --scenario week and --kafka.")
    if stay and (scenario is Scenario.WEEK or kafka is not None):
        fail("--stay: Expected without --scenario week and without --kafka.")
    is_kept = (
        play_week(keep)
        if scenario is Scenario.WEEK
        else play_leads(
            leads=leads,
            drop_percent=drop,
            batch=batch,
            report=report,
            kafka=kafka,
            faults=faults,
            stays=stay,
        )
    )
    raise typer.Exit(0 if is_kept else 1)


@app.command("try")
def try_out(
    every: Annotated[
        float, typer.Option(min=0.5, max=3_600, help="Seconds between two leads.")
    ] = 6.0,
    *,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in a browser, if there is one.")
    ] = True,
) -> None:
    """Click about in the console, with a made-up team and leads that keep coming.

    On an installation of its own, until Ctrl-C; nothing of it is left.
    """
    from services.demo.command import try_out

    try_out(every_s=every, opens_browser=browser)
