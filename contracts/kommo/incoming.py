"""What hooks tell of incoming leads: new ones, and those that were accepted or declined.

Kommo documents no `leads[add]` for a lead that was accepted, and some handlers get none. An item
that names no lead is read leniently, as everything the engine does not use.
"""

from typing import Literal

from contracts.kommo.items import Item
from contracts.kommo.notifications import IncomingNotification, Notification, OtherNotification


def read_incoming(item: Item, entity: str, action: str) -> Notification:
    """Read an incoming lead that came, or what became of it."""
    outcome = item.optional_text("action")
    if action == "add":
        lead_id = item.optional_id("lead_id") or _first(item.child("data"))
        if lead_id is not None:
            return _incoming("added", item, lead_id)
    elif outcome == "accept" and (lead_id := _first(item.child("accept_result"))) is not None:
        return _incoming("accepted", item, lead_id)
    elif outcome == "decline" and (lead_id := _first(item.child("decline_result"))) is not None:
        return _incoming("declined", item, lead_id)
    return OtherNotification(
        entity=entity, action=action, entity_id=item.optional_text("uid", "id")
    )


def _first(result: Item) -> int | None:
    """The first lead of a result: its id, or an object with one."""
    for _, value in result.children("leads"):
        fields = value if isinstance(value, dict) else {"id": value}
        return Item(fields).optional_id("id")
    return None


def _incoming(
    happened: Literal["added", "accepted", "declined"], item: Item, lead_id: int
) -> IncomingNotification:
    return IncomingNotification(
        happened=happened, lead_id=lead_id, account_id=item.optional_id("account_id")
    )
