"""Why a job failed: a sentence, as it is kept beside the job."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.sentences import Argument, Sentence

AT, SAID = "at", "id"


def kept(sentence: Sentence) -> dict[str, Any]:
    """As JSON."""
    arguments = {name: _plain(each) for name, each in sentence.arguments.items()}
    return {SAID: sentence.id, "arguments": arguments}


def told(reason: Mapping[str, Any]) -> Sentence:
    """What was kept."""
    arguments = {name: _argument(each) for name, each in reason["arguments"].items()}
    return Sentence(reason[SAID], arguments)


def _plain(argument: Argument) -> Any:  # noqa: ANN401 - what JSON has
    if isinstance(argument, Sentence):
        return kept(argument)
    if isinstance(argument, datetime):
        return {AT: argument.isoformat()}
    if isinstance(argument, tuple):
        return [_plain(each) for each in argument]
    return argument


def _argument(plain: Any) -> Argument:  # noqa: ANN401 - as above
    if isinstance(plain, dict):
        return told(plain) if SAID in plain else datetime.fromisoformat(plain[AT])
    if isinstance(plain, list):
        return tuple(_argument(each) for each in plain)
    found: int | str = plain
    return found
