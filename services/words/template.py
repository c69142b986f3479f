"""The form of a sentence: text with `{argument}` or `{argument:kind}` in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter


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


def parts(template: str) -> Iterator[Part]:
    """A sentence in pieces.

    Raises:
        ValueError: A brace is left open, or something other than a name stands in one: neither an
            attribute nor an index is ever looked up.
    """
    for text, argument, kind, conversion in Formatter().parse(template):
        if argument is not None and (conversion or not argument.isidentifier()):
            wrong = f"expected {{name}} or {{name:kind}} in {template!r}"
            raise ValueError(wrong)
        yield Part(text, argument or "", kind or "")
