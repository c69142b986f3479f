"""The mark by which our own notes and tasks are known again, at the end of their text (D12.2)."""

import re

_MARK = re.compile(r"\[fl:([0-9]{1,20}\.[0-9]{1,20}/[0-9]{1,10})\]")


def marked(text: str, order_id: str) -> str:
    """The text with the mark of a decision."""
    return f"{text} [fl:{order_id}]"


def mark_of(text: object) -> str | None:
    """The decision whose mark a text has; None for others' texts, and for what is none."""
    found = _MARK.search(text) if isinstance(text, str) else None
    return None if found is None else found[1]
