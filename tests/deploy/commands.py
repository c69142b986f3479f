"""Whether a command line is one that `fairlead` takes, without carrying it out."""

from collections.abc import Sequence
from typing import Any

import typer
from typer._click.exceptions import UsageError

from services.cli.main import app

__all__ = ["UsageError", "check"]


def check(words: Sequence[str]) -> list[str]:
    """The names of the command and the words it takes as a list.

    Raises:
        UsageError: There is no such command, or it does not take these words.
    """
    command: Any = typer.main.get_command(app)
    rest, path, context = [*words], [], None
    while hasattr(command, "resolve_command"):
        context = typer.Context(command, parent=context, info_name=command.name)
        name, command, rest = command.resolve_command(context, rest)
        path.append(str(name))
    values = command.make_context(path[-1], [*rest], parent=context).params.values()
    listed = [part for value in values if isinstance(value, list | tuple) for part in value]
    return [*path, *map(str, listed)]
