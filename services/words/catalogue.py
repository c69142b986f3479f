"""Sentences by id, one file for each language, read when the first one is said.

There is no step that compiles them, so there is none to forget.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from functools import cache
from importlib.resources import files
from pathlib import Path

from contracts.sentences import Sentence
from services.words.kinds import Reader, words_for
from services.words.languages import ENGLISH
from services.words.reading import Spoken, read
from services.words.template import parts

LOCALE = Path(str(files(__package__) / "locale"))


def _unknown(_: int) -> None:
    """Nobody's name is known."""


class Words:
    """Puts sentences into words for one reader."""

    def __init__(
        self,
        *,
        language: str = ENGLISH,
        zone: tzinfo = UTC,
        name: Callable[[int], str | None] = _unknown,
        folder: Path = LOCALE,
    ) -> None:
        """Speak a language.

        Args:
            language: One of `languages.LISTED`.
            zone: In which instants are told.
            name: Tells a manager's name by id; None if it is not known.
            folder: With a file for each language.
        """
        self.language = language
        self._spoken = spoken(folder, language)
        self._reader = Reader(language=language, zone=zone, name=name, say=self.say)

    def say(self, sentence: Sentence) -> str:
        """The sentence.

        Raises:
            KeyError: There is no such sentence, or an argument of it is missing: a bug.
        """
        said: list[str] = []
        for part in parts(self._template(sentence)):
            said.append(part.text)
            if part.argument:
                argument = sentence.arguments[part.argument]
                said.append(words_for(argument, part.kind, self._reader))
        return "".join(said)

    def lines(self, sentences: Iterable[Sentence]) -> list[str]:
        """A sentence in each line."""
        return [self.say(sentence) for sentence in sentences]

    def _template(self, sentence: Sentence) -> str:
        forms, count = self._spoken.forms[sentence.id], sentence.arguments.get("count")
        if isinstance(count, int) and len(forms) > 1:
            return forms[self._spoken.plural(count)]
        return forms[0]


@cache
def spoken(folder: Path, language: str) -> Spoken:
    """The sentences of a language."""
    return read(folder / f"{language}.po")
