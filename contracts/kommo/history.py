"""REST shapes of what was done: the account's events, and the tasks of leads (D7.1).

Neither texts nor names are read.
"""

from typing import Annotated

from pydantic import (
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from contracts.kommo.rest import Id, Instant, NextLink

_ID_MAX = 2**53 - 1


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> object:
    try:
        return read(value)
    except ValidationError:
        return None


UserId = Annotated[int, Field(ge=0, le=_ID_MAX)]
Flag = Annotated[bool, BeforeValidator(lambda value: value or False)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Event(_Answer):
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


class EventsPage(_Answer):
    """A page of events.

    Attributes:
        elements: None in place of one that makes no sense: it does not hide the others.
    """

    elements: tuple[Annotated[Event | None, WrapValidator(_or_none)], ...] = Field(
        validation_alias=AliasPath("_embedded", "events")
    )
    next_href: NextLink


class Task(_Answer):
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


class TasksPage(_Answer):
    """A page of tasks.

    Attributes:
        elements: None in place of one that makes no sense: it does not hide the others.
    """

    elements: tuple[Annotated[Task | None, WrapValidator(_or_none)], ...] = Field(
        validation_alias=AliasPath("_embedded", "tasks")
    )
    next_href: NextLink
