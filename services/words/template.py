"""The form of a sentence: text with `{argument}` or `{argument:kind}` in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter

# All that there are, in a few languages.
TEMPLATES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Part:
    """Text, and the argument that follows it.

    Attributes:
        argument: Its name; empty where the sentence ends with text.
        kind: How the argument is put into words; empty for as it is.
    """

    text: str
    argument: str
    kind: str


@lru_cache(TEMPLATES_MAX)
def parts(template: str) -> tuple[Part, ...]:
    """A sentence in pieces; the same few are said again and again.

    Raises:
        ValueError: A brace is left open, or something other than a name stands in one: neither an
            attribute nor an index is ever looked up.
    """
    return tuple(_parts(template))


def _parts(template: str) -> Iterator[Part]:
    for text, argument, kind, conversion in Formatter().parse(template):
        if argument is not None and (conversion or not argument.isidentifier()):
            wrong = f"expected {{name}} or {{name:kind}} in {template!r}"
            raise ValueError(wrong)
        yield Part(text, argument or "", kind or "")
