"""Cards of leads, as many as are wanted, in as few calls as it takes."""

from collections.abc import Sequence
from typing import TypeVar

from contracts.kommo.cards import LeadCard
from contracts.stage import CLOSED_STATUSES
from services.kommo.client import PAGE_MAX, Found, KommoClient
from services.kommo.limiter import Priority

T = TypeVar("T")


async def lead_cards(
    client: KommoClient, lead_ids: Sequence[int], priority: Priority
) -> Found[LeadCard]:
    """The leads by id."""
    by_id: dict[int, LeadCard] = {}
    unread: set[int] = set()
    for part in parts(list(dict.fromkeys(lead_ids)), PAGE_MAX):
        read = await client.lead_cards(part, priority=priority)
        by_id |= read.by_id
        unread |= read.unread
    return Found(by_id=by_id, unread=frozenset(unread))


def is_active(lead: LeadCard) -> bool:
    """Whether it is neither won, lost nor deleted."""
    return not lead.is_deleted and lead.status_id not in CLOSED_STATUSES


def parts(things: Sequence[T], size: int) -> list[Sequence[T]]:
    """The same in pieces."""
    return [things[start : start + size] for start in range(0, len(things), size)]
