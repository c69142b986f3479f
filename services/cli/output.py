"""The one door to the terminal: whatever a command shows or asks goes through here (S20).

Names and texts come from Kommo, from files, from strangers' webhooks. Nothing in them may steer
the terminal, and a line break in them must not begin a line that looks like ours: a line is said
by `say`, a table's cells are one line each, and a document of our own is shown by `show_text`.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, NoReturn

import typer

from services.shared.plain_text import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console


# As a shell reports a program that SIGPIPE ended. The signal itself stays ignored: it would end a
# role for any connection that its peer closed.
UNREAD = 128 + 13
# How often work that takes long says how far it is, where nothing can be written over.
LINE_EVERY_S = 5.0


@cache
def out() -> "Console":
    """Where tables go."""
    from rich.console import Console

    class Terminal(Console):
        """Ends as `say` does when nobody reads any more."""

        def on_broken_pipe(self) -> None:
            _end_unread()

    # What was received is shown as it came: `:x:` is no picture.
    return Terminal(highlight=False, emoji=False)


def say(line: str) -> None:
    """One line: nothing in it steers the terminal or breaks it in two."""
    _write(one_line(line))


def say_all(lines: Iterable[str]) -> None:
    """Line after line."""
    for line in lines:
        say(line)


def say_paragraph(lines: Sequence[str]) -> None:
    """The first line, and what belongs to it, indented."""
    for number, line in enumerate(lines):
        say(f"  {line}" if number else line)


def show_text(text: str) -> None:
    """A document of ours, whose own line breaks are kept."""
    _write(printable(text))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; a cell is text as it is, on one line."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(one_line(str(cell))) for cell in row))
    out().print(table)


def note(line: str) -> None:
    """One line beside the answer, on standard error."""
    _write(one_line(line), err=True)


def ask(question: str) -> bool:
    """Whether the person says yes."""
    return typer.confirm(one_line(question))


def ask_number(question: str) -> int:
    """The number that the person types."""
    answer: int = typer.prompt(one_line(question), type=int)
    return answer


def ask_secret(prompt: str) -> str:
    """What the person types, unseen."""
    answer: str = typer.prompt(prompt, hide_input=True)
    return answer


def fail(*lines: str) -> NoReturn:
    """End the command with a message and exit status 1."""
    say_error(*lines)
    raise typer.Exit(1)


def say_error(*lines: str) -> None:
    """Say what went wrong, its first line marked as an error."""
    from services.shared.logs import masked

    first, *rest = (one_line(masked(line)) for line in lines)
    for line in (f"error: {first}", *rest):
        _write(typer.style(line, fg="red"), err=True)


def show_progress(text: str) -> None:
    """Write over what was shown before, on a terminal only; nothing takes it away."""
    if sys.stderr.isatty():
        # Echoing would add a line break.
        sys.stderr.write(f"\r\x1b[K{one_line(text)}")
        sys.stderr.flush()


@contextmanager
def watched() -> Iterator[Callable[[str], None]]:
    """Tell how far work has come whose end nobody knows: by a bar on a terminal, else by lines."""
    if not out().is_terminal:
        yield _now_and_then()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=out(), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda text: progress.update(task, description=one_line(text))


def _now_and_then() -> Callable[[str], None]:
    """Says a line that differs from the last one, and not too soon after it."""
    last, said_at = "", 0.0

    def tell(line: str) -> None:
        nonlocal last, said_at
        if line == last or (last and monotonic() - said_at < LINE_EVERY_S):
            return
        last, said_at = line, monotonic()
        say(line)

    return tell


def _write(text: str, *, err: bool = False) -> None:
    try:
        typer.echo(text, err=err)
    except BrokenPipeError:
        _end_unread()


def _end_unread() -> NoReturn:
    """End the command without a word: whoever read what it says has enough (`| head`)."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # What is still buffered would be written when the program ends.
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    raise typer.Exit(UNREAD)
