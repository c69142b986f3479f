"""What Kommo's notifications mean for the inbound log.

Only facts about leads and tasks can change an account. A mail, a call or a visit is no entry into
a stage, and contacts, companies and talks are no leads: these are answered 200 and not kept.
Neither is what robots do to a lead, which is never work on it (D7.1).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import blake2b

from contracts.inbound import (
    Inbound,
    LeadAnnounced,
    LeadRemoved,
    LeadReported,
    SeenTask,
    TaskRemoved,
    TaskReported,
    TouchReported,
    TriggerFired,
)
from contracts.kommo.notifications import (
    DeedNotification,
    IncomingNotification,
    LeadNotification,
    LeadRemovedNotification,
    Notification,
    TaskNotification,
    TaskRemovedNotification,
    TriggerNotification,
)
from contracts.stage import Stage
from services.ingress.triggers import Carried, command_of

ID_BYTES = 16

Fact = (
    TriggerFired
    | LeadReported
    | LeadRemoved
    | LeadAnnounced
    | TouchReported
    | TaskReported
    | TaskRemoved
)


def translate(
    notifications: Iterable[Notification],
    *,
    account_id: int,
    body_digest: bytes,
    at: datetime,
    carried: Carried | None = None,
) -> Iterator[Inbound]:
    """One message for each notification that can change the account, in their order.

    A repeated body gives the same ids. So does, with the plain trigger, a lead that comes back
    to a stage, because that body carries no time: an equal id alone is no proof of a repeat.

    Args:
        notifications: Of one body.
        account_id: Of the secret, not of the body.
        body_digest: Of the body.
        at: When it was received.
        carried: Revisions that triggers of the widget bring into force, before they count.
    """
    for notification in notifications:
        command = command_of(notification, carried or {})
        if command is not None:
            # The same for every copy: it takes effect once, and later ones change nothing.
            message_id = f"carry/{command.rule_id}/{command.revision}/{command.stage}"
            yield Inbound(account_id=account_id, message_id=message_id, at=at, body=command)
        for fact in facts_of(notification):
            message_id = _message_id(account_id, fact, body_digest)
            yield Inbound(account_id=account_id, message_id=message_id, at=at, body=fact)


def facts_of(notification: Notification) -> Iterator[Fact]:
    """What a notification tells: of a task both what was done to its lead and how it is now."""
    if isinstance(notification, TaskNotification):
        if notification.deed is not None and (deed := fact_of(notification.deed)) is not None:
            yield deed
        yield TaskReported(
            task=SeenTask(
                notification.task_id,
                notification.responsible_user_id or 0,
                notification.due_at,
                notification.modified_at,
            ),
            is_open=notification.is_open,
        )
    elif (fact := fact_of(notification)) is not None:
        yield fact


def fact_of(notification: Notification) -> Fact | None:  # noqa: PLR0911 - a case per kind
    """The fact in a notification, None when it tells nothing of a lead that matters."""
    match notification:
        case TriggerNotification(event="entered"):
            return TriggerFired(
                lead_id=notification.lead_id,
                stage=Stage(notification.pipeline_id, notification.status_id),
                source="dp_widget" if notification.kind == "widget" else "dp_hook",
                old_stage=_old_stage(notification),
                occurred_at=notification.occurred_at,
            )
        case LeadNotification():
            return LeadReported(
                lead_id=notification.lead_id,
                action=notification.action,
                stage=Stage(notification.pipeline_id, notification.status_id),
                responsible_id=notification.responsible_user_id,
                modified_at=notification.modified_at,
                created_at=notification.created_at,
                modified_by=notification.modified_user_id,
                old_status_id=notification.old_status_id,
            )
        case LeadRemovedNotification():
            return LeadRemoved(lead_id=notification.lead_id)
        case TaskRemovedNotification():
            return TaskRemoved(task_id=notification.task_id)
        case IncomingNotification(happened="declined"):
            return LeadRemoved(lead_id=notification.lead_id)
        case IncomingNotification():
            return LeadAnnounced(lead_id=notification.lead_id)
        case DeedNotification(by=by) if by:
            return TouchReported(
                lead_id=notification.lead_id,
                kind=notification.deed,
                by=by,
                happened_at=notification.happened_at,
            )
        case _:
            return None


def _old_stage(trigger: TriggerNotification) -> Stage | None:
    if trigger.old_pipeline_id is None or trigger.old_status_id is None:
        return None
    return Stage(trigger.old_pipeline_id, trigger.old_status_id)


def _message_id(account_id: int, fact: Fact, body_digest: bytes) -> str:
    content = f"{account_id} {fact!r} ".encode() + body_digest
    return blake2b(content, digest_size=ID_BYTES).hexdigest()
