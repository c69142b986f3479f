"""A lead's story: what each event of it says."""

from contracts.events import (
    AllocationEvent,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    NoticeLeft,
    NoticeWritten,
    ReadingRequested,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
)
from contracts.sentences import Sentence
from domain.explain import notices
from domain.explain.assigned import assigned
from domain.explain.kinds import NO_LEDGERS, Ledgers
from domain.explain.linked import changed, left, put_back
from domain.explain.passes import lapsed, touched
from domain.explain.requests import (
    asked,
    closed,
    deferred,
    prepared,
    read_first,
    reserved,
    seen,
    withdrawn,
)


def told(  # noqa: C901, PLR0911, PLR0912 - a case per event
    event: AllocationEvent, ledgers: Ledgers = NO_LEDGERS
) -> list[Sentence]:
    """What was decided, then why; nothing for an event that a lead's story does not tell.

    Args:
        event: What happened.
        ledgers: What leads were told apart in by the rules of then.
    """
    match event:
        case LeadAssigned():
            return assigned(event, ledgers)
        case LeadSeen():
            return [seen(event)]
        case RequestOpened():
            return [asked(event)]
        case ReadingRequested():
            return [read_first(event)]
        case RequestPrepared():
            return prepared(event)
        case RequestReserved():
            return reserved(event)
        case RequestDeferred():
            return deferred(event)
        case AssignmentWithdrawn():
            return [withdrawn(event)]
        case RequestClosed():
            return [closed(event)]
        case LeadTouched():
            return [touched(event)]
        case LeadLapsed():
            return lapsed(event)
        case LinkedDecided():
            return [put_back(event)]
        case LinkedChanged():
            return [changed(event)]
        case LinkedLeft():
            return [left(event)]
        case NoticeWritten():
            return [notices.written(event)]
        case NoticeLeft():
            return [notices.left(event)]
        case _:
            return []
