"""What the `Attributes:` of a docstring say, for documents that are made from classes."""

import inspect
import re

_BEGINS = re.compile(r"^    (\w+): (.*)$")


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """The docstring before its attributes, and what it says of each of them, in one line."""
    head, _, section = inspect.cleandoc(docstring).partition("Attributes:\n")
    found: dict[str, str] = {}
    name = None
    for line in section.splitlines():
        if (begins := _BEGINS.match(line)) is not None:
            name = begins[1]
            found[name] = begins[2]
        elif name is not None:
            found[name] += " " + line.strip()
    return head.strip(), found
