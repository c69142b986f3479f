"""Notes on leads, contacts and companies, calls among them; and their hook.

Only the numbers of text, file and call notes are seen in captures; those of the other kinds are
the old version's, from memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

from services.sandbox.instants import HOURS_AHEAD_S, as_text
from services.sandbox.notices import Notice

Owner = Literal["leads", "contacts", "companies"]
OWNERS: Final[Mapping[str, int]] = {"contacts": 1, "leads": 2, "companies": 3}
SINGULAR: Final[Mapping[str, str]] = {
    "leads": "lead",
    "contacts": "contact",
    "companies": "company",
    "tasks": "task",
}
NUMBERS: Final[Mapping[str, int]] = {
    "common": 4,
    "attachment": 5,
    "call_in": 10,
    "call_out": 11,
    "geolocation": 16,
    "message_cashier": 17,
    "service_message": 25,
    "extended_service_message": 26,
    "sms_in": 102,
    "sms_out": 103,
}
EVENTS: Final[Mapping[str, str]] = {
    "common": "common_note_added",
    "attachment": "attachment_note_added",
    "call_in": "incoming_call",
    "call_out": "outgoing_call",
    "geolocation": "geo_note_added",
    "message_cashier": "message_to_cashier_note_added",
    "service_message": "service_note_added",
    "extended_service_message": "service_note_added",
    "sms_in": "incoming_sms",
    "sms_out": "outgoing_sms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note, with its fields under the names of REST v4."""

    id: int
    entity_type: Owner
    entity_id: int
    note_type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    responsible_user_id: int
    created_at: int
    updated_at: int
    created_by: int = 0
    updated_by: int = 0
    is_pinned: bool = False
    is_deleted: bool = False


def note_notice(account_id: int, note: Note) -> Notice:
    """Tell that a note was written; a body never has two."""
    is_lead = note.entity_type == "leads"
    kind = SINGULAR[note.entity_type]
    item: dict[str, Any] = {"note": note_item(account_id, note)}
    if not is_lead:
        item["type"] = kind
    return Notice(
        settings=frozenset({f"note_{kind}"}),
        section="leads" if is_lead else "contacts",
        action="note",
        item=item,
        lead_id=note.entity_id if is_lead else None,
        is_alone=True,
    )


def note_item(account_id: int, note: Note) -> dict[str, Any]:
    """Write a note as an account webhook has it: its texts of times are three hours ahead."""
    return {
        "text": _text(note),
        "attachement": note.params.get("file_name", "") if note.note_type == "attachment" else "",
        "date_create": as_text(note.created_at + HOURS_AHEAD_S),
        "note_type": NUMBERS[note.note_type],
        "element_type": OWNERS[note.entity_type],
        "element_id": note.entity_id,
        "catalog_id": "",
        "group_id": 0,
        "timestamp_x": as_text(note.updated_at + HOURS_AHEAD_S),
        "account_id": account_id,
        "metadata": '{"event_source":{"id":1,"author_name":"","type":1}}',
        "created_by": note.created_by,
        "modified_by": note.updated_by,
        "main_user_id": note.responsible_user_id,
        "id": note.id,
        "created_at": note.created_at,
        "updated_at": note.updated_at,
    }


def _text(note: Note) -> str:
    """The text of a plain note; of any other kind what it says, as JSON."""
    if note.note_type == "common":
        return str(note.params.get("text", ""))
    if note.note_type in {"call_in", "call_out"}:
        told = {key.upper(): value for key, value in note.params.items()}
        return orjson.dumps({"UNIQ": told.pop("UNIQ", str(note.id)), **told}).decode()
    return orjson.dumps(dict(note.params)).decode()
