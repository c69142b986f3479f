"""What commands print: tables and words for people, errors with an exit status."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console

from services.cli.installation import Wrong
from services.embedded import EmbeddedDatabaseError
from services.errors import Unavailable
from services.log.kafka import TopicRefused
from services.logs import masked, printable
from services.secrets import MasterKeyRefused, Unsealable
from services.storage.migrate import SchemaRefused

T = TypeVar("T")

# What was received is shown as it came: `:x:` is no picture.
out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)

EXPECTED = (
    Wrong,
    EmbeddedDatabaseError,
    SchemaRefused,
    TopicRefused,
    MasterKeyRefused,
    Unsealable,
    Unavailable,
    OSError,
)


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a command to its end; what a person can mend is one line and exit status 1."""
    try:
        if sys.platform == "win32":
            return asyncio.run(work)
        import uvloop  # noqa: PLC0415 - not on Windows

        return uvloop.run(work)
    except EXPECTED as error:
        fail(_said(error))
    except ExceptionGroup as group:  # of roles that ran side by side
        expected, bugs = group.split(EXPECTED)
        if expected is None or bugs is not None:
            raise
        fail(_said(_first(expected)))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _said(error: BaseException) -> str:
    """The error's words; the system's own without their number; its kind if it has none."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or type(error).__name__
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def fail(message: str) -> NoReturn:
    """End with a message and exit status 1."""
    err.print("error:", printable(masked(message)), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def say(message: str) -> None:
    """Plain lines; nothing in them is markup or steers the terminal."""
    out.print(printable(message), markup=False, soft_wrap=True)


def show_progress(text: str) -> None:
    """Write over what was shown before, on a terminal only; nothing takes it away."""
    if err.is_terminal:
        # Printing would drop the carriage return.
        err.file.write(f"\r\x1b[K{text}")
        err.file.flush()
