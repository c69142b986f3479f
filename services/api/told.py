"""Sentences as an answer has them: the id and its arguments for programs, words for people."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from contracts.sentences import Argument, Sentence
from contracts.stage import Stage
from services.api import times
from services.storage.accounts import RegisteredAccount
from services.web.models import Output
from services.words.catalogue import Words


class ToldSentence(Output):
    """One sentence."""

    id: str = Field(description="Which one; never renamed.", examples=["explain.assigned"])
    arguments: dict[str, Any] = Field(
        description="What is put into it: ids, counts, credit units, instants, stages, sentences.",
        examples=[{"manager": 501}],
    )
    text: str = Field(description="In English, with names.", examples=["Given to Ana."])


def words_of(account: RegisteredAccount | None) -> Words:
    """English, with an account's names and in its zone."""
    if account is None:
        return Words()
    return Words.of(account.directory, zone=ZoneInfo(account.timezone))


def told(words: Words, sentence: Sentence) -> ToldSentence:
    """One sentence as it is answered."""
    return ToldSentence(
        id=sentence.id,
        arguments={name: _plain(each) for name, each in sentence.arguments.items()},
        text=words.say(sentence),
    )


def told_all(words: Words, sentences: Iterable[Sentence]) -> list[ToldSentence]:
    """Several."""
    return [told(words, each) for each in sentences]


def _plain(argument: Argument) -> Any:  # noqa: ANN401 - what JSON has
    if isinstance(argument, Sentence):
        inner = {name: _plain(each) for name, each in argument.arguments.items()}
        return {"id": argument.id, "arguments": inner}
    if isinstance(argument, datetime):
        return times.told(argument)
    if isinstance(argument, Stage):
        return {"pipeline": argument.pipeline_id, "stage": argument.status_id}
    if isinstance(argument, tuple):
        return [_plain(each) for each in argument]
    return argument
