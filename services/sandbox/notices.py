"""What account webhooks tell besides changes of leads: one item of one body."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One item, and who has asked for it.

    Attributes:
        settings: Any of these events in a subscription asks for it.
        section: Top key of the body.
        action: The key below it.
        item: The fields.
        lead_id: The lead it belongs to, with whose hooks it is lost; None for none.
        is_alone: Whether it has a body of its own whatever else happened with it.
    """

    settings: frozenset[str]
    section: str
    action: str
    item: Mapping[str, Any]
    lead_id: int | None = None
    is_alone: bool = False


def bodies_of(notices: Sequence[Notice], *, most: int) -> Iterator[Sequence[Notice]]:
    """Cut notices into bodies of one section and action, in their order.

    Args:
        notices: Those that a subscriber asked for.
        most: Items in a body.
    """
    kept = [[notice] for notice in notices if notice.is_alone]
    together = [notice for notice in notices if not notice.is_alone]
    for _, group in groupby(together, key=lambda notice: (notice.section, notice.action)):
        part = list(group)
        kept.extend(part[start : start + most] for start in range(0, len(part), most))
    yield from kept
