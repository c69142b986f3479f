"""REST shapes of what was done: the account's events, and the tasks of leads (D7.1).

Neither texts nor names are read.
"""

from typing import Annotated

from pydantic import (
    AliasPath,
    BeforeValidator,
    Field,
    WrapValidator,
)

from contracts.kommo.rest import Answer, Id, Instant, NextLink, UserId, or_none

Flag = Annotated[bool, BeforeValidator(lambda value: value or False)]


class Event(Answer):
    """One event of `GET /api/v4/events`.

    Attributes:
        type: Such as `lead_status_changed`.
        entity_type: `lead`, `contact`, ...; of a message to a client the lead, if there is one.
        created_by: 0 for robots and the system.
    """

    type: Annotated[str, Field(min_length=1, max_length=100)]
    entity_id: Id
    entity_type: Annotated[str, Field(max_length=100)]
    created_by: UserId
    created_at: Instant


class EventsPage(Answer):
    """A page of events.

    Attributes:
        elements: None in place of one that makes no sense: it does not hide the others.
    """

    elements: tuple[Annotated[Event | None, WrapValidator(or_none)], ...] = Field(
        validation_alias=AliasPath("_embedded", "events")
    )
    next_href: NextLink


class Task(Answer):
    """A task as `GET /api/v4/tasks` tells it.

    Attributes:
        entity_id: The lead, of a list that was filtered by leads.
        updated_by: Who changed it last; who completed it, if nobody has changed it since.
    """

    id: Id
    entity_id: Id
    created_by: UserId
    updated_by: UserId
    created_at: Instant
    updated_at: Instant
    is_completed: Flag = False


class TasksPage(Answer):
    """A page of tasks.

    Attributes:
        elements: None in place of one that makes no sense: it does not hide the others.
    """

    elements: tuple[Annotated[Task | None, WrapValidator(or_none)], ...] = Field(
        validation_alias=AliasPath("_embedded", "tasks")
    )
    next_href: NextLink
