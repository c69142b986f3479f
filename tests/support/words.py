"""Events in English, for tests that read what people read."""

from collections.abc import Callable, Iterable

from contracts.events import AllocationEvent
from contracts.sentences import Sentence
from domain.explain.kinds import NO_LEDGERS, Ledgers
from domain.explain.story import told
from services.rules_file.file import Problem
from services.words.catalogue import Words

Place = tuple[str | int, ...]


def in_words(
    event: AllocationEvent,
    name: Callable[[int], str | None] = lambda manager: f"M{manager}",
    ledgers: Ledgers = NO_LEDGERS,
) -> list[str]:
    """What an event says, a sentence a line."""
    return Words(name=name).lines(told(event, ledgers))


def with_places(problems: Iterable[tuple[Place, Sentence]]) -> list[tuple[Place, str]]:
    """Problems with their places, worded."""
    return [(path, Words().say(problem)) for path, problem in problems]


def with_lines(problems: Iterable[Problem]) -> list[str]:
    """Problems of a file with line and field, worded."""
    return [
        f"line {p.line}{f', {p.field}' if p.field else ''}: {Words().say(p.found)}"
        for p in problems
    ]
