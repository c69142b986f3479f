"""REST shapes of the notes and tasks that we write: made, and found again (D12.2).

Of texts only our own mark is read.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import AliasPath, BeforeValidator, Field

from contracts.kommo.marks import mark_of
from contracts.kommo.rest import Answer, Id, Instant, UserId

# Kommo's times are whole seconds, and it may finish what it makes in the next one.
MADE_WITHIN = timedelta(seconds=2)
Mark = Annotated[str | None, BeforeValidator(mark_of)]


class Made(Answer):
    """What Kommo says of a note or a task that it has made.

    Attributes:
        request_id: As we named it; empty when Kommo does not say.
    """

    id: Id
    request_id: Annotated[str, BeforeValidator(str)] = ""


class WrittenNote(Answer):
    """A note of a lead.

    Attributes:
        order_id: The decision whose mark it has; None if it is not ours.
    """

    id: Id
    entity_id: Id
    created_at: Instant
    order_id: Mark = Field(default=None, validation_alias=AliasPath("params", "text"))


class WrittenTask(Answer):
    """A task of a lead.

    Attributes:
        order_id: The decision whose mark it has; None if it is not ours.
    """

    id: Id
    entity_id: Id
    created_at: Instant
    order_id: Mark = Field(default=None, validation_alias="text")


class OpenTask(WrittenTask):
    """The same, with what tells whether anybody has changed it."""

    created_by: UserId
    updated_by: UserId
    updated_at: Instant
    is_completed: Annotated[bool, BeforeValidator(bool)] = False

    @property
    def is_changed(self) -> bool:
        """Whether it is not as it was made any more."""
        is_late = self.updated_at - self.created_at > MADE_WITHIN
        return is_late or self.updated_by != self.created_by
