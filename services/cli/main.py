"""`fairlead COMMAND`: everything a person orders, and the embedded installation itself.

A file for each group of commands; what a command needs is imported when it is given, so that
`fairlead --help` answers at once.
"""

import os
import sys
from typing import Annotated

import typer

from services.cli import (
    access,
    access_keys,
    accounts,
    api,
    audit,
    bodies,
    coverage,
    database,
    dead,
    doctor,
    gaps,
    history,
    integrations,
    jobs,
    leads,
    loads,
    offers,
    operation,
    operations,
    people,
    personal,
    proof,
    rules,
    running,
    shadow,
    speed,
    webhooks,
    whatif,
    who_may,
    why_not,
    widget,
)
from services.cli.group import group
from services.cli.output import say, say_error

app = group()
for module in (
    running,
    accounts,
    people,
    leads,
    offers,
    loads,
    coverage,
    audit,
    history,
    why_not,
    speed,
    whatif,
    shadow,
    proof,
    access,
    doctor,
    operation,
    operations,
):
    app.add_typer(module.app)
app.add_typer(who_may.app, name="access")
who_may.app.add_typer(access_keys.app, name="keys")
app.add_typer(api.app, name="api")
app.add_typer(rules.app, name="rules")
app.add_typer(jobs.app, name="jobs")
app.add_typer(integrations.app, name="integrations")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(widget.app, name="widget")
app.add_typer(operations.projections, name="projections")
app.add_typer(bodies.app, name="bodies")
app.add_typer(dead.app, name="dead")
app.add_typer(dead.app, name="quarantine")
app.add_typer(personal.erase, name="erase")
app.add_typer(personal.export, name="export")
app.add_typer(operations.topics, name="topics")
app.add_typer(gaps.app, name="gaps")
app.add_typer(database.database, name="database")


def _tell_version(is_wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if is_wanted:
        from importlib.metadata import version

        say(f"fairlead {version('fairlead')}")
        raise typer.Exit


@app.callback()
def fairlead(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_tell_version)
    ] = False,
) -> None:
    """Distributes the leads of Kommo accounts among their managers, fairly and traceably."""


def run() -> None:
    """The console command."""
    from services.shared.failpoints import FailpointsRefused, arm

    try:
        arm(os.environ)
    except FailpointsRefused as error:
        say_error(str(error))
        sys.exit(1)  # no command runs yet that could be ended
    app()
