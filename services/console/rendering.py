"""Templates and what they may use: words, addresses of files, numbers as people read them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
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
    made.globals |= {"static": static, "column": column, "new_key": new_key}
    return made


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table.

    Attributes:
        is_main: It stays on a phone; the others come when asked for (W3.8).
    """

    title: str
    is_number: bool
    is_main: bool


def column(title: str, *, number: bool = False, main: bool = False) -> Column:
    """How a template makes one."""
    return Column(title, number, main)


def new_key() -> str:
    """For a form: sent twice, it is one deed (A5)."""
    return token_hex(8)


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
        .render(
            t=speaker(words),
            timed=speaker(words.marked),
            say=words.say,
            lang=words.language.replace("_", "-"),
            **view,
        )
    )


def speaker(words: Words) -> Callable[..., str]:
    """How a template says a sentence of its own: by id and arguments."""

    def say(id_: str, /, **arguments: Argument) -> str:
        return words.say(Sentence(id_, arguments))

    return say
