"""Read a webhook of Kommo: account webhooks and both Digital Pipeline triggers, form or JSON.

Whatever the bytes are, reading them does not raise (F34), and every readable item survives its
neighbours (F32). Only documented paths reach a typed field (S33).
"""

import json
from typing import cast

from contracts.kommo.forms import decode_form
from contracts.kommo.items import Item, Unreadable, bracketed, entries, json_text
from contracts.kommo.notifications import (
    DeedNotification,
    LeadNotification,
    LeadRemovedNotification,
    Notification,
    OtherNotification,
    Reading,
    Rejected,
    TriggerNotification,
)
from contracts.kommo.readers import ENTITIES, LEAD_READERS, ItemReader, other_reader, widget_reader

__all__ = [
    "DeedNotification",
    "LeadNotification",
    "LeadRemovedNotification",
    "Notification",
    "OtherNotification",
    "Reading",
    "Rejected",
    "TriggerNotification",
    "read_body",
]

ENVELOPE = frozenset({"account", "action", "account_id", "subdomain"})
REJECTED_MAX = 1_000
FRAGMENT_LENGTH_MAX = 2_000


def read_body(body: bytes, content_type: str | None) -> Reading:
    """Read a body by its content type, or as the other one when that makes no sense.

    At most 1,000 rejected parts are told apart; one more entry then counts the rest. A body
    in which nothing is recognised has no notifications and one rejected part, itself.
    """
    tree, unread, unread_total = _decode(body, content_type)
    reader = _Reader()
    account_id, subdomain = reader.read_account(tree)
    if ENTITIES.isdisjoint(tree):
        # One entry for the whole says more than one for a bad account id in it.
        reader.rejected.clear()
    else:
        reader.read_entities(tree)
        for key in unread:
            reader.reject((key,), "key: expected at most 16 names in whole brackets", None)
        reader.unlisted += unread_total - len(unread)
    if not reader.notifications and not reader.rejected:
        beginning = body[:FRAGMENT_LENGTH_MAX].decode("utf-8", "replace")
        reader.reject((), "body: expected an entity of Kommo, as leads[add][0]", beginning)
    return Reading(
        account_id=account_id,
        subdomain=subdomain,
        notifications=tuple(reader.notifications),
        rejected=reader.all_rejected(),
    )


class _Reader:
    """Collects what one body says."""

    __slots__ = ("notifications", "rejected", "unlisted")

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.rejected: list[Rejected] = []
        self.unlisted = 0

    def read_account(self, tree: dict[str, object]) -> tuple[int | None, str | None]:
        flat = Item(tree)
        block = flat.child("account")
        account_id = block.optional_id("id") or flat.optional_id("account_id")
        self._report(flat, ())
        return account_id, block.optional_text("subdomain") or flat.optional_text("subdomain")

    def read_entities(self, tree: dict[str, object]) -> None:
        for entity, node in tree.items():
            if entity == "event":
                self._read(("event",), node, widget_reader(Item(tree)), "event", "")
            elif entity in ENTITIES:
                self._read_actions(entity, node)
            elif entity not in ENVELOPE and not isinstance(node, str):
                # A flat key may be a harmless addition of Kommo; a nested one hides items.
                self.reject((entity,), "entity: expected one that Kommo documents", node)

    def _read_actions(self, entity: str, actions: object) -> None:
        if not isinstance(actions, dict | list):
            self.reject((entity,), "actions: expected names and items", actions)
        for action, items in entries(actions):
            read = LEAD_READERS.get(action) if entity == "leads" else other_reader(entity, action)
            if read is None:
                self.reject((entity, action), "action: expected one that Kommo documents", items)
            elif not isinstance(items, dict | list):
                self.reject((entity, action), "items: expected indexes and fields", items)
            else:
                for index, fields in entries(items):
                    self._read((entity, action, index), fields, read, entity, action)

    def _read(
        self, path: tuple[str, ...], fields: object, read: ItemReader, entity: str, action: str
    ) -> None:
        if not isinstance(fields, dict):
            self.reject(path, "item: expected fields", fields)
            return
        item = Item(fields)
        try:
            self.notifications.append(read(item, entity, action))
        except Unreadable as error:
            self.reject(path, error, fields)
        else:
            self._report(item, path)

    def _report(self, item: Item, path: tuple[str, ...]) -> None:
        for names, expected, value in item.unread:
            self.reject((*path, *names), f"{bracketed(names)}: expected {expected}", value)

    def reject(self, path: tuple[str, ...], reason: str | Unreadable, node: object) -> None:
        # Texts are made after the check: a hostile body has a hundred thousand bad items.
        if len(self.rejected) >= REJECTED_MAX:
            self.unlisted += 1
            return
        self.rejected.append(
            Rejected(path=bracketed(path), reason=str(reason), fragment=_fragment(node))
        )

    def all_rejected(self) -> tuple[Rejected, ...]:
        if not self.unlisted:
            return tuple(self.rejected)
        reason = f"body: {self.unlisted} more parts were not understood"
        return (*self.rejected, Rejected(path="", reason=reason, fragment="null"))


def _decode(
    body: bytes, content_type: str | None
) -> tuple[dict[str, object], tuple[str, ...], int]:
    """Decode to a tree, with the keys of a form that fit into none."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type.endswith("json") and (tree := _decode_json(body)) is not None:
        return tree, (), 0
    form = decode_form(body)
    if ENTITIES.isdisjoint(form.tree) and body.lstrip()[:1] == b"{":
        tree = _decode_json(body)
        if tree is not None:
            return tree, (), 0
    return cast("dict[str, object]", form.tree), form.unread, form.unread_total


def _decode_json(body: bytes) -> dict[str, object] | None:
    """Decode a JSON object, numbers as the texts they are in a form; None for anything else."""
    try:
        tree = json.loads(
            body.decode("utf-8", "replace"),
            parse_int=str,
            parse_float=str,
            parse_constant=str,
            strict=False,
        )
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _fragment(node: object) -> str:
    text = json_text(node)
    if len(text) <= FRAGMENT_LENGTH_MAX:
        return text
    return json.dumps(text[:FRAGMENT_LENGTH_MAX])
