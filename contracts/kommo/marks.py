"""The mark by which our own notes and tasks are known again, at the end of their text (D12.2)."""

import re

_MARK = re.compile(r"\[fl:([0-9]{1,20}\.[0-9]{1,20}/[0-9]{1,10})\]")
_PARTS = re.compile(r"[./]")


def marked(text: str, order_id: str) -> str:
    """The text with the mark of a decision."""
    return f"{text} [fl:{order_id}]"


def mark_of(text: object) -> str | None:
    """The decision whose mark a text has; None for others' texts, and for what is none."""
    found = _MARK.search(text) if isinstance(text, str) else None
    return None if found is None else found[1]


def is_earlier(order_id: str, other: str) -> bool:
    """Whether a decision was taken before the other one, of the same lead."""
    lead, *place = map(int, _PARTS.split(order_id))
    other_lead, *other_place = map(int, _PARTS.split(other))
    return lead == other_lead and place < other_place
