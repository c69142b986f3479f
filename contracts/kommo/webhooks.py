"""Read a webhook of Kommo: account webhooks and both Digital Pipeline triggers, form or JSON.

Whatever the bytes are, reading them does not raise (F34), and every readable item survives its
neighbours (F32). Only documented paths reach a typed field (S33).
"""

import json
from typing import cast

from contracts.kommo.forms import Form, decoding
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
from contracts.kommo.steps import Steps, at_once

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
    "reading",
]

ENVELOPE = frozenset({"account", "action", "account_id", "subdomain"})
REJECTED_MAX = 1_000
FRAGMENT_LENGTH_MAX = 2_000
# What Kommo writes takes 30 bytes and 5 marks for a field, so the largest body has 120,000 marks;
# a stranger's of as many marks as bytes would take a quarter of a second (F34).
MARKS_MAX = 150_000
_MARKS = (b"&", b"[", b"%5B", b"%5b")
_MARKS_OF_JSON = (b",", b"[", b"{")
ITEMS_AT_ONCE = 100
# Most of the fields of a body, and most of the cost of decoding it. What a rule asks of them is
# read from Kommo, so no fact is made of them.
NEVER_READ = b"%5D%5Bcustom_fields%5D%5B"


def read_body(body: bytes, content_type: str | None) -> Reading:
    """Read a body by its content type, or as the other one when that makes no sense.

    At most 1,000 rejected parts are told apart; one more entry then counts the rest. A body
    in which nothing is recognised has no notifications and one rejected part, itself.
    """
    return at_once(reading(body, content_type))


def reading(body: bytes, content_type: str | None) -> Steps[Reading]:
    """The same a piece at a time."""
    reader = _Reader()
    account_id = subdomain = None
    decoded = yield from _decoding(body, content_type)
    if decoded is None:
        reader.reject(
            (), f"body: expected at most {MARKS_MAX} fields and brackets", _beginning(body)
        )
    else:
        tree, unread, unread_total = decoded
        account_id, subdomain = reader.read_account(tree)
        if ENTITIES.isdisjoint(tree):
            # One entry for the whole says more than one for a bad account id in it.
            reader.rejected.clear()
        else:
            yield from reader.read_entities(tree)
            for key in unread:
                reader.reject((key,), "key: expected at most 16 names in whole brackets", None)
            reader.unlisted += unread_total - len(unread)
    if not reader.notifications and not reader.rejected:
        reader.reject((), "body: expected an entity of Kommo, as leads[add][0]", _beginning(body))
    return Reading(
        account_id=account_id,
        subdomain=subdomain,
        notifications=tuple(reader.notifications),
        rejected=reader.all_rejected(),
        is_too_much=decoded is None,
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

    def read_entities(self, tree: dict[str, object]) -> Steps[None]:
        for entity, node in tree.items():
            if entity == "event":
                self._read(("event",), node, widget_reader(Item(tree)), "event", "")
            elif entity in ENTITIES:
                yield from self._read_actions(entity, node)
            elif entity not in ENVELOPE and not isinstance(node, str):
                # A flat key may be a harmless addition of Kommo; a nested one hides items.
                self.reject((entity,), "entity: expected one that Kommo documents", node)

    def _read_actions(self, entity: str, actions: object) -> Steps[None]:
        if not isinstance(actions, dict | list):
            self.reject((entity,), "actions: expected names and items", actions)
        for action, items in entries(actions):
            read = LEAD_READERS.get(action) if entity == "leads" else other_reader(entity, action)
            if read is None:
                self.reject((entity, action), "action: expected one that Kommo documents", items)
            elif not isinstance(items, dict | list):
                self.reject((entity, action), "items: expected indexes and fields", items)
            else:
                for number, (index, fields) in enumerate(entries(items), 1):
                    if number % ITEMS_AT_ONCE == 0:
                        yield
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


_Decoded = tuple[dict[str, object], tuple[str, ...], int]


def _decoding(body: bytes, content_type: str | None) -> Steps[_Decoded | None]:
    """Decode to a tree, with the keys of a form that fit into none; None is too much to read."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type.endswith("json"):
        if _has_too_many(body, _MARKS_OF_JSON):
            return None
        if (tree := _decode_json(body)) is not None:
            return tree, (), 0
    if _has_too_many(body, _MARKS):
        return None
    form: Form = yield from decoding(body, leaving_out=NEVER_READ)
    if ENTITIES.isdisjoint(form.tree) and body.lstrip()[:1] == b"{":
        if _has_too_many(body, _MARKS_OF_JSON):
            return None
        if (tree := _decode_json(body)) is not None:
            return tree, (), 0
    return cast("dict[str, object]", form.tree), form.unread, form.unread_total


def _has_too_many(body: bytes, marks: tuple[bytes, ...]) -> bool:
    return len(body) > MARKS_MAX and sum(map(body.count, marks)) > MARKS_MAX


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


def _beginning(body: bytes) -> str:
    return body[:FRAGMENT_LENGTH_MAX].decode("utf-8", "replace")


def _fragment(node: object) -> str:
    text = json_text(node)
    if len(text) <= FRAGMENT_LENGTH_MAX:
        return text
    return json.dumps(text[:FRAGMENT_LENGTH_MAX])
