"""Templates and what they may use: words, addresses of files, numbers as people read them."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contracts.sentences import Argument, Sentence
from services.words.catalogue import Words

HERE = Path(str(files(__package__)))
STATIC = HERE / "static"
VERSION_DIGITS = 12


@cache
def environment() -> Environment:
    """The templates; whatever is put into one is escaped, and what is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static
    return made


@cache
def static(name: str) -> str:
    """The address of a file, which changes with what is in it, so that it can be kept for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:VERSION_DIGITS]
    return f"/static/{name}?v={digest}"


def render(template: str, words: Words, **view: Any) -> str:  # noqa: ANN401 - whatever it shows
    """A page, or a part of one."""
    return (
        environment()
        .get_template(template)
        .render(t=speaker(words), say=words.say, instant=iso, **view)
    )


def speaker(words: Words) -> Callable[..., str]:
    """How a template says a sentence of its own: by id and arguments."""

    def say(id_: str, /, **arguments: Argument) -> str:
        return words.say(Sentence(id_, arguments))

    return say


def iso(at: datetime) -> str:
    """An instant for programs, and for whoever hovers over it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
