"""How long a pause is, as a button says it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.sentences import Sentence, sentence
from services.application.pauses import end_from
from services.console.seeing import SeeingAccount
from services.web.problems import FieldError, HttpProblem
from services.words.catalogue import Words

OPEN, TYPED = "open", "until"


@dataclass(frozen=True, slots=True)
class PauseChoice:
    """A length to choose.

    Attributes:
        lasts: None where somebody ends it, or where the time is typed.
    """

    value: str
    title: Sentence
    lasts: timedelta | None = None


CHOICES = (
    PauseChoice("30m", sentence("console.pause.half_hour"), timedelta(minutes=30)),
    PauseChoice("1h", sentence("console.pause.hour"), timedelta(hours=1)),
    PauseChoice(TYPED, sentence("console.pause.until")),
    PauseChoice(OPEN, sentence("console.pause.open")),
)


@dataclass(frozen=True, slots=True)
class NamedChoice:
    """The same in words."""

    value: str
    name: str


def choices(words: Words) -> list[NamedChoice]:
    """All of them, the usual one first."""
    return [NamedChoice(each.value, words.say(each.title)) for each in CHOICES]


def end_of(who: SeeingAccount, length: str, until: str) -> datetime | None:
    """When a pause ends; None when somebody ends it.

    Raises:
        Refused: What was typed is no time.
        HttpProblem: It is none of the choices.
    """
    if length == OPEN:
        return None
    if length == TYPED:
        return end_from(until.strip(), who.now, who.account.timezone)
    lasts = next((each.lasts for each in CHOICES if each.value == length), None)
    if lasts is None:
        expected = ", ".join(each.value for each in CHOICES)
        wrong = FieldError(pointer="/length", code="enum", detail=f"Expected one of: {expected}.")
        raise HttpProblem("unprocessable", errors=[wrong])
    return who.now + lasts
