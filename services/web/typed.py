"""A refusal repeats at a terminal what was typed; over HTTP it is never sent back (S19)."""

from collections.abc import Mapping

from contracts.sentences import Sentence

# Arguments of sentences that are what somebody sent.
TYPED = frozenset({"text", "rule", "ledger", "name", "operation", "request", "schedule"})
UNSAID = "..."
# Which field a refusal is about, where that follows from its code.
POINTERS: Mapping[str, str] = {
    "day_not_a_date": "path.day",
    # As `version`, or as the place in a stream from which to go on.
    "event_beyond_the_last": "query",
    "from_not_a_time": "query.from",
    "not_a_moment": "query.at",
    "span_empty": "query.from",
    "span_too_long": "query.from",
    "stage_not_ids": "query.stage",
    "to_not_a_time": "query.to",
}


def without_input(sentence: Sentence) -> Sentence:
    """The same without what was sent."""
    kept = {
        name: UNSAID if name in TYPED and isinstance(value, str) else value
        for name, value in sentence.arguments.items()
    }
    return Sentence(sentence.id, kept)
