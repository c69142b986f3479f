"""What the allocations log carries: every event of an account, in order, with its place.

A message tells everybody that an account has moved, and how far. The event store is the truth:
a reader that sees a gap, or hears nothing, reads there.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class StoredDocument(BaseModel):
    """An event as it lies in the store.

    Attributes:
        v: Version of the shape of `data`.
        cause: Id of the inbound message it answers.
        data: The event's fields.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    v: int = Field(ge=1)
    cause: str
    data: dict[str, Any]


class AllocationMessage(BaseModel):
    """One message of the allocations log, keyed by its account.

    It comes at least once: a reader drops what it has, by version.

    Attributes:
        v: Version of this envelope.
        account: Kommo's id of the account.
        version: The event's place in the account's log: 1, 2, 3, ...
        type: The event's stored name, such as `lead.assigned`; a newer release may know more.
        event: None when it is larger than the log takes: then the store alone has it.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    v: Literal[1] = 1
    account: int = Field(ge=1)
    version: int = Field(ge=1)
    type: str = Field(min_length=1)
    event: StoredDocument | None = None
