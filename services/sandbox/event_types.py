"""The types of events, as `GET /api/v4/events/types` lists them.

Only the numbers of leads made and binned are documented; the others are counted up from there.
"""

from typing import Final

TYPES: Final = {
    "lead_added": ("New lead", 1),
    "contact_added": ("New contact", 2),
    "lead_status_changed": ("Sales stage changed", 3),
    "company_added": ("New company", 4),
    "lead_deleted": ("Lead deleted", 7),
    "lead_restored": ("Lead restored", 8),
    "contact_deleted": ("Contact deleted", 9),
    "contact_restored": ("Contact restored", 10),
    "company_deleted": ("Company deleted", 11),
    "company_restored": ("Company restored", 12),
    "entity_responsible_changed": ("Responsible user changed", 13),
    "entity_linked": ("Link added", 14),
    "entity_unlinked": ("Link removed", 15),
    "entity_tag_added": ("Tags added", 16),
    "entity_tag_deleted": ("Tags removed", 17),
    "name_field_changed": ("Name changed", 18),
    "sale_field_changed": ("Price changed", 19),
    "custom_field_value_changed": ("Field changed", 20),
    "task_added": ("New task", 21),
    "task_completed": ("Task completed", 22),
    "task_deleted": ("Task deleted", 23),
    "task_text_changed": ("Text of a task changed", 24),
    "task_type_changed": ("Type of a task changed", 25),
    "task_deadline_changed": ("Due date of a task changed", 26),
    "task_result_added": ("Result of a task added", 27),
    "common_note_added": ("New note", 28),
    "attachment_note_added": ("New file", 29),
    "geo_note_added": ("New note with a place", 30),
    "service_note_added": ("New system note", 31),
    "message_to_cashier_note_added": ("Message to the cashier", 32),
    "incoming_call": ("Incoming call", 33),
    "outgoing_call": ("Outgoing call", 34),
    "incoming_sms": ("Incoming SMS", 35),
    "outgoing_sms": ("Outgoing SMS", 36),
    "incoming_chat_message": ("Incoming message", 37),
    "outgoing_chat_message": ("Outgoing message", 38),
}
