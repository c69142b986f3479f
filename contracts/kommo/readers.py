"""What each documented entity of a body becomes: one small function for each kind of item."""

from collections.abc import Callable
from typing import cast

from contracts.kommo.deeds import read_message, read_note, read_removed_task, read_task
from contracts.kommo.incoming import read_incoming
from contracts.kommo.items import Item, Unreadable, json_text, storable
from contracts.kommo.notifications import (
    LeadAction,
    LeadNotification,
    LeadRemovedNotification,
    Notification,
    OtherNotification,
    TriggerEvent,
    TriggerNotification,
)

ItemReader = Callable[[Item, str, str], Notification]

OTHER_ENTITIES = frozenset(
    {"contacts", "task", "unsorted", "talk", "message", "outgoing_message"}
) | {"catalogs", "customers"}
OTHER_ACTIONS = frozenset(
    {"add", "update", "delete", "restore", "status", "responsible", "note"}
) | {"period", "mail_in", "call_in", "site_visit", "chat"}
ENTITIES = OTHER_ENTITIES | {"leads", "event"}

# Keys that every account webhook of a lead carries and the plain action never does.
ACCOUNT_WEBHOOK_MARKS = ("last_modified", "updated_at", "account_id")

WIDGET_EVENTS: dict[int, TriggerEvent] = {
    1: "entered",
    14: "entered",
    15: "entered",
    16: "mail_in",
    17: "call_in",
    18: "site_visit",
    19: "chat",
}
WIDGET_CODES = {
    "lead_added": 1,
    "lead_status_changed": 14,
    "lead_appeared_in_status": 15,
    "mail_in": 16,
    "call_in": 17,
    "site_visit": 18,
    "chat": 19,
}
CUSTOMER_EVENTS = (20, 21, 22)
LEAD_ELEMENT = "2"
CUSTOMER_ELEMENT = "12"


def _lead(item: Item, _entity: str, action: str) -> Notification:
    return LeadNotification(
        action=cast("LeadAction", action),
        lead_id=item.id("id"),
        pipeline_id=item.id("pipeline_id"),
        status_id=item.id("status_id"),
        responsible_user_id=item.optional_id("responsible_user_id"),
        old_status_id=item.optional_id("old_status_id"),
        old_responsible_user_id=item.optional_id("old_responsible_user_id"),
        modified_at=item.latest_instant("last_modified", "updated_at"),
        created_at=item.optional_instant("created_at", "date_create"),
        modified_user_id=item.optional_author("modified_user_id"),
        created_user_id=item.optional_author("created_user_id"),
        account_id=item.optional_id("account_id"),
        price=item.optional_text("price"),
        tag_ids=_tag_ids(item),
    )


def _lead_or_trigger(item: Item, entity: str, action: str) -> Notification:
    if item.has_any(*ACCOUNT_WEBHOOK_MARKS):
        return _lead(item, entity, action)
    return _plain_trigger(item, "entered")


def _lead_event(item: Item, _entity: str, action: str) -> Notification:
    return _plain_trigger(item, cast("TriggerEvent", action))


def _plain_trigger(item: Item, event: TriggerEvent) -> TriggerNotification:
    return TriggerNotification(
        kind="plain",
        event=event,
        event_type=None,
        lead_id=item.id("id"),
        pipeline_id=item.id("pipeline_id"),
        status_id=item.id("status_id"),
        old_pipeline_id=item.optional_id("old_pipeline_id"),
        old_status_id=item.optional_id("old_status_id"),
        occurred_at=None,
        settings=(),
    )


def _removed_lead(item: Item, _entity: str, _action: str) -> Notification:
    return LeadRemovedNotification(
        lead_id=item.id("id"),
        pipeline_id=item.optional_id("pipeline_id"),
        status_id=item.optional_id("status_id"),
        account_id=item.optional_id("account_id"),
    )


def _other(item: Item, entity: str, action: str) -> Notification:
    entity_id = (
        item.child("note").optional_text("element_id")
        if action == "note"
        else item.optional_text("id", "uid", "talk_id", "message_id")
    )
    return OtherNotification(entity=entity, action=action, entity_id=entity_id)


DEED_READERS: dict[tuple[str, str], ItemReader] = {
    ("task", "add"): read_task,
    ("task", "update"): read_task,
    ("task", "delete"): read_removed_task,
    ("outgoing_message", "add"): read_message,
    ("unsorted", "add"): read_incoming,
    ("unsorted", "delete"): read_incoming,
}
LEAD_READERS: dict[str, ItemReader] = {
    "add": _lead_or_trigger,
    "status": _lead_or_trigger,
    "update": _lead,
    "responsible": _lead,
    "restore": _lead,
    "delete": _removed_lead,
    "note": read_note,
    "mail_in": _lead_event,
    "call_in": _lead_event,
    "site_visit": _lead_event,
    "chat": _lead_event,
}


def other_reader(entity: str, action: str) -> ItemReader | None:
    """Find the reader for an entity besides leads; None for an unknown action."""
    if action not in OTHER_ACTIONS:
        return None
    return DEED_READERS.get((entity, action), _other)


def widget_reader(body: Item) -> ItemReader:
    """Make the reader of `event`, whose settings stand beside it in the body."""

    def read(event: Item, _entity: str, _action: str) -> Notification:
        data = event.child("data")
        number = event.optional_id("type") or WIDGET_CODES.get(
            event.optional_text("type_code") or ""
        )
        element = data.optional_text("element_type") or LEAD_ELEMENT
        if number in CUSTOMER_EVENTS or element == CUSTOMER_ELEMENT:
            customer_id = data.optional_text("id")
            return OtherNotification(entity="customers", action="trigger", entity_id=customer_id)
        if number is None or number not in WIDGET_EVENTS:
            raise Unreadable(("type",), "1 or 14 to 22, or its code")
        if element != LEAD_ELEMENT:
            raise Unreadable(("data", "element_type"), "2 or 12")
        name = WIDGET_EVENTS[number]
        if data.optional_text("direction_of_movement") == "went_from_trigger":
            name = "left"
        return TriggerNotification(
            kind="widget",
            event=name,
            event_type=number,
            lead_id=data.id("id"),
            pipeline_id=data.id("pipeline_id"),
            status_id=data.id("status_id"),
            old_pipeline_id=data.optional_id("old_pipeline_id"),
            old_status_id=data.optional_id("old_status_id"),
            occurred_at=event.optional_instant("time"),
            settings=_widget_settings(body),
        )

    return read


def _widget_settings(body: Item) -> tuple[tuple[str, str], ...]:
    widget = body.child("action").child("settings").child("widget")
    return tuple(
        (storable(key), storable(value) if isinstance(value, str) else json_text(value))
        for key, value in widget.children("settings")
    )


def _tag_ids(item: Item) -> tuple[int, ...]:
    tags = (Item(tag) for _, tag in item.children("tags") if isinstance(tag, dict))
    return tuple(tag_id for tag in tags if (tag_id := tag.optional_id("id")) is not None)
