"""Sentences by id, one file for each language, read when the first one is said.

There is no step that compiles them, so there is none to forget.
"""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Self

from contracts.sentences import Sentence
from contracts.stage import Stage
from services.words.forms import MARKED
from services.words.kinds import Reader, words_for
from services.words.languages import ENGLISH
from services.words.names import Directory, Names
from services.words.reading import Spoken, read
from services.words.template import parts

LOCALE = Path(str(files(__package__) / "locale"))


def _unknown(_: object) -> None:
    """No name is known."""


class Words:
    """Puts sentences into words for one reader."""

    def __init__(
        self,
        *,
        language: str = ENGLISH,
        zone: tzinfo = UTC,
        name: Callable[[int], str | None] = _unknown,
        stage: Callable[[Stage | int], str | None] = _unknown,
        rule: Callable[[str], str | None] = _unknown,
        person: Callable[[str], str | None] = _unknown,
        folder: Path = LOCALE,
    ) -> None:
        """Speak a language.

        Args:
            language: One of `languages.LISTED`.
            zone: In which instants are told.
            name: Tells a manager's name by id; None if it is not known.
            stage: Tells a stage's, by its own id alone where no pipeline is told.
            rule: Tells a rule's by id, of those in force.
            person: Tells the name of whoever signs in, by principal.
            folder: With a file for each language.
        """
        self.language = language
        self._spoken = spoken(folder, language)
        self._reader = Reader(
            language=language,
            zone=zone,
            name=name,
            stage=stage,
            rule=rule,
            person=person,
            say=self.say,
        )

    @classmethod
    def of(cls, *directories: Directory, language: str = ENGLISH, zone: tzinfo = UTC) -> Self:
        """Speak of an account, or of several, with what Kommo calls their users and stages."""
        names = Names(directories)
        return cls(language=language, zone=zone, name=names.user, stage=names.stage)

    def knowing(
        self,
        *,
        person: Callable[[str], str | None] | None = None,
        rule: Callable[[str], str | None] | None = None,
    ) -> "Words":
        """The same, with the names of people who sign in, or of the rules in force."""
        before = self._reader
        return self._read_by(
            replace(before, person=person or before.person, rule=rule or before.rule)
        )

    @property
    def marked(self) -> "Words":
        """The same for a page: each instant a `<time>`, all else escaped."""
        return self._read_by(replace(self._reader, form=MARKED))

    def _read_by(self, reader: Reader) -> "Words":
        known = copy(self)
        known._reader = replace(reader, say=known.say)  # noqa: SLF001 - its own
        return known

    def say(self, sentence: Sentence) -> str:
        """The sentence.

        Raises:
            KeyError: There is no such sentence, or an argument of it is missing: a bug.
        """
        said: list[str] = []
        for part in parts(self._template(sentence)):
            said.append(self._reader.form.text(part.text))
            if part.argument:
                argument = sentence.arguments[part.argument]
                said.append(words_for(argument, part.kind, self._reader))
        return self._reader.form.whole("".join(said))

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
