"""Where a command stands that was given before (A5.3)."""

from typing import Annotated, Literal

from fastapi import Path, Response
from pydantic import Field

from services.api.asking import OfAccount
from services.api.commanded import CHANGES_MAX, ChangeItem, changes_of
from services.api.resource import resource
from services.api.times import Instant
from services.application import operations
from services.application.refused import Refused
from services.web.faults import retry, say
from services.web.models import Output

router = resource("operations")

OperationId = Annotated[
    str,
    Path(
        pattern="^op-[0-9a-f]{32}$",
        description="As the answer to the command said.",
        examples=["op-5f0c7a3e9b1d4c265f0c7a3e9b1d4c26"],
    ),
]


class RefusalItem(Output):
    """Why the account said no."""

    code: str = Field(examples=["pause-not-yours"])
    detail: str = Field(description="The same in words.", examples=["The pause is not yours."])


class OperationBody(Output):
    """A command, and where it stands.

    Attributes:
        given_by: The principal who gave it.
        state: `accepted` until it is decided.
        version: Of the account, after it; null until it is decided.
        is_shown: Whether everything that is read shows it.
        refusal: Of the first part that was refused; the others took effect.
        changes: The first 1,000 events that followed, in their order.
        changes_count: How many followed.
    """

    operation_id: str = Field(examples=["op-5f0c7a3e9b1d4c265f0c7a3e9b1d4c26"])
    given_by: str = Field(examples=["key:a1b2"])
    given_at: Instant
    state: Literal["accepted", "decided", "refused"]
    version: int | None = Field(ge=0, examples=[1042])
    is_shown: bool
    refusal: RefusalItem | None
    changes: list[ChangeItem] = Field(max_length=CHANGES_MAX)
    changes_count: int = Field(ge=0, examples=[1])


@router.get(
    "/accounts/{account_id}/operations/{operation_id}",
    operation_id="get_operation",
    summary="Where does a command stand?",
)
async def get_operation(
    response: Response, visit: OfAccount, operation_id: OperationId
) -> OperationBody:
    """For whoever gave the command, and for those who may see who did what."""
    found = await operations.operation(
        visit.installation, visit.account, visit.principal, operation_id
    )
    response.headers["Cache-Control"] = "no-store"
    if not found.is_shown:
        response.headers.update(retry())
    changes, count = changes_of(found.events)
    refusal = None
    if found.refusal is not None:
        refused = Refused.of(found.refusal)
        refusal = RefusalItem(code=refused.code.replace("_", "-"), detail=say(refused.sentence))
    return OperationBody(
        operation_id=found.operation_id,
        given_by=found.given_by,
        given_at=found.given_at,
        state=found.standing,
        version=found.version,
        is_shown=found.is_shown,
        refusal=refusal,
        changes=changes,
        changes_count=count,
    )
