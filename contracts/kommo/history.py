"""REST shapes of what was done: the account's events, and the tasks of leads (D7.1).

Neither names nor texts are read, but for our own mark in a text.
"""

from typing import Annotated

from pydantic import (
    AliasPath,
    BeforeValidator,
    Field,
)

from contracts.kommo.rest import Answer, Id, Instant, UserId
from contracts.kommo.told import Mark

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


class ResponsibleChange(Answer):
    """An event `entity_responsible_changed` of a lead: somebody became responsible for it.

    Attributes:
        created_by: Who changed it; 0 for robots.
        before_id: 0 for nobody.
        after_id: The same.
    """

    entity_id: Id
    created_by: UserId
    created_at: Instant
    before_id: UserId = Field(
        default=0, validation_alias=AliasPath("value_before", 0, "responsible_user", "id")
    )
    after_id: UserId = Field(validation_alias=AliasPath("value_after", 0, "responsible_user", "id"))


class Task(Answer):
    """A task as `GET /api/v4/tasks` tells it.

    Attributes:
        entity_id: The lead, of a list that was filtered by leads.
        updated_by: Who changed it last; who completed it, if nobody has changed it since.
        order_id: The decision whose mark it has: then we made it (D12.2).
        ended_by: The decision whose mark its result has: then we completed it.
    """

    id: Id
    entity_id: Id
    created_by: UserId
    updated_by: UserId
    created_at: Instant
    updated_at: Instant
    is_completed: Flag = False
    order_id: Mark = Field(default=None, validation_alias="text")
    ended_by: Mark = Field(default=None, validation_alias=AliasPath("result", "text"))
