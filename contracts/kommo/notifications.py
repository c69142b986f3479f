"""What a webhook of Kommo says, as typed facts. No names, phones or texts of people.

Ids lie between 1 and 2^53 - 1. None means that the body does not say, or says so unreadably.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LeadAction = Literal["add", "update", "status", "responsible", "restore"]
Deed = Literal["note", "call", "task_added", "task_completed", "message"]
TriggerEvent = Literal["entered", "left", "mail_in", "call_in", "site_visit", "chat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadNotification:
    """An account webhook about a lead that exists; every action carries its present fields.

    Attributes:
        old_status_id: May be left from an earlier move: no proof of a move now.
        old_responsible_user_id: May equal the present one.
        modified_at: `last_modified` or `updated_at`, UTC, to the second.
        created_at: `created_at` or `date_create`, UTC, to the second.
        modified_user_id: 0 for robots and integrations.
        created_user_id: 0 for robots and integrations.
        price: As Kommo writes it.
        tag_ids: In the order of the body.
    """

    action: LeadAction
    lead_id: int
    pipeline_id: int
    status_id: int
    responsible_user_id: int | None
    old_status_id: int | None
    old_responsible_user_id: int | None
    modified_at: datetime | None
    created_at: datetime | None
    modified_user_id: int | None
    created_user_id: int | None
    account_id: int | None
    price: str | None
    tag_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRemovedNotification:
    """An account webhook says that a lead was deleted; older bodies carry nothing but its id."""

    lead_id: int
    pipeline_id: int | None
    status_id: int | None
    account_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerNotification:
    """A Digital Pipeline trigger fired for a lead.

    Attributes:
        kind: `plain` for the action "API: send webhook", `widget` for a widget's trigger.
        event: `entered` for a lead that was created in the stage or came into it, `left` for
            one that went out of a trigger stretched over stages.
        event_type: The widget's number of the event; the plain action has none.
        occurred_at: UTC, to the second; the plain action carries no time.
        settings: The widget's settings of this trigger, in the order of the body. A value
            that is not text is JSON text.
    """

    kind: Literal["plain", "widget"]
    event: TriggerEvent
    event_type: int | None
    lead_id: int
    pipeline_id: int
    status_id: int
    old_pipeline_id: int | None
    old_status_id: int | None
    occurred_at: datetime | None
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedNotification:
    """Somebody worked on a lead: wrote a note, called, made or completed a task, sent a message.

    Attributes:
        by: 0 for robots and integrations.
        happened_at: UTC, to the second.
    """

    deed: Deed
    lead_id: int
    by: int
    happened_at: datetime
    account_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNotification:
    """An account webhook about a task: it was made or changed.

    Attributes:
        due_at: UTC, to the second.
        modified_at: The same.
        deed: What making or completing it was for its lead, if it has one.
    """

    task_id: int
    responsible_user_id: int | None
    is_open: bool
    due_at: datetime | None
    modified_at: datetime
    account_id: int | None
    deed: DeedNotification | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRemovedNotification:
    """An account webhook says that a task was deleted."""

    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingNotification:
    """A lead lies among the incoming ones, or was accepted or declined there.

    Where an accepted lead lies now is not told.
    """

    happened: Literal["added", "accepted", "declined"]
    lead_id: int
    account_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherNotification:
    """Something Kommo documents and the engine does not use.

    Attributes:
        entity: Top key of the body: `contacts`, `task`, `unsorted`, ...
        action: `add`, `update`, `note`, ...; the event's name for a widget's trigger.
        entity_id: As the body writes it; of a note, what the note belongs to.
    """

    entity: str
    action: str
    entity_id: str | None


Notification = (
    LeadNotification
    | LeadRemovedNotification
    | TriggerNotification
    | DeedNotification
    | TaskNotification
    | TaskRemovedNotification
    | IncomingNotification
    | OtherNotification
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A part of a body that was not understood.

    Attributes:
        path: `leads[add][3]` for a lost item; `leads[add][3][last_modified]` for a field
            without which the item is read all the same; empty for the whole body.
        reason: The field and what was expected, without the value.
        fragment: JSON text of the part in ASCII; its beginning as a JSON string when too
            long. May contain personal data.
    """

    path: str
    reason: str
    fragment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a body says.

    Attributes:
        account_id: From the account block, or the flat key of a widget's trigger. Not proof
            of anything: bodies carry no signature.
        subdomain: Of the same place.
        notifications: In the order of the body.
        rejected: In the order of the body.
        is_too_much: Whether nothing was read, because Kommo never sends as much.
    """

    account_id: int | None
    subdomain: str | None
    notifications: tuple[Notification, ...]
    rejected: tuple[Rejected, ...]
    is_too_much: bool = False
