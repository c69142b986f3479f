"""What people are told, as data: which sentence, and what to put into it.

The words are the catalogue's (`services/words`): a sentence is worded where it is read, in the
reader's language, with the names and the time zone that the reader knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence.

    Attributes:
        id: Its stable name, lower case and dotted: `explain.assigned`.
        arguments: By name, never formatted. `count` alone decides between singular and plural.
    """

    id: str
    arguments: Mapping[str, "Argument"]

    def __hash__(self) -> int:
        return hash((self.id, *self.arguments.items()))


# Ids, counts, seconds, credit units, instants; texts of strangers as they are; further sentences.
Argument = int | str | datetime | Sentence | tuple["Argument", ...]


def sentence(id_: str, /, **arguments: Argument) -> Sentence:
    """A sentence with its arguments; a literal id, which a test finds in the catalogue."""
    return Sentence(id_, arguments)
