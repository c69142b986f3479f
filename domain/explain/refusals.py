"""What forbade a command (A5.4)."""

from contracts.events import CommandRefused
from contracts.sentences import Sentence, sentence


def refusal(event: CommandRefused) -> Sentence:
    """Why the answer was no."""
    if event.reason == "in_words":
        return sentence("refused.in_words", words=event.arguments["words"])
    return Sentence(f"refused.{event.reason}", event.arguments)
