"""What a command came to, as it is told: the change, or where to ask for it later (A5.3)."""

from collections.abc import Iterable
from typing import Any, Literal

from fastapi import Response
from pydantic import Field

from contracts.events import AllocationEvent, CommandReceived
from services.api.asking import AccountVisit
from services.api.resource import PREFIX, problem
from services.application.commands import Answer
from services.shared.codec import EVENT_NAMES
from services.shared.failpoints import failpoint
from services.web.faults import retry
from services.web.models import Output

CHANGES_MAX = 1_000
ACCEPTED = 202

COMMANDED = {
    409: "The account refuses, or the same command is under way.",
    413: "The body is too large.",
}


class ChangeItem(Output):
    """An event that followed, by its stored name and what it is about."""

    event: str = Field(examples=["manager.paused"])
    lead_id: int | None = Field(description="Kommo's id of the lead.", examples=[900016])
    manager_id: int | None = Field(description="Kommo's id of the user.", examples=[501])


class CommandOutcome(Output):
    """What a command came to.

    Attributes:
        operation_id: By which it can be asked later where it stands.
        state: `accepted`: it is recorded and not decided yet.
        effect: `unchanged`: it was so before; null while it is not decided.
        version: Of the account, after the change; null while it is not decided.
        changes: The first 1,000 events that followed, in their order.
        changes_count: How many followed.
    """

    operation_id: str = Field(examples=["op-5f0c7a3e9b1d4c265f0c7a3e9b1d4c26"])
    state: Literal["accepted", "decided"]
    effect: Literal["done", "unchanged"] | None
    version: int | None = Field(ge=0, examples=[1042])
    changes: list[ChangeItem] = Field(max_length=CHANGES_MAX)
    changes_count: int = Field(ge=0, examples=[1])


def command_answers(model: type[Output] = CommandOutcome) -> dict[int | str, dict[str, Any]]:
    """What else a command may be answered with, for the document.

    Args:
        model: Of its answer.
    """
    accepted: dict[str, Any] = {
        "description": "It is recorded and not decided, or not shown yet: ask at `Location`.",
        "model": model,
        "headers": {
            "Location": {
                "description": "Where it is told how the command stands.",
                "schema": {"type": "string"},
            },
            "Retry-After": {"description": "In so many seconds.", "schema": {"type": "integer"}},
        },
    }
    return {ACCEPTED: accepted, **{status: problem(text) for status, text in COMMANDED.items()}}


def tell(response: Response, visit: AccountVisit, answer: Answer) -> CommandOutcome:
    """Say what it came to, and in status and headers whether to ask again."""
    failpoint("api.after_commit")
    response.headers["Cache-Control"] = "no-store"
    if answer.is_replayed:
        response.headers["Idempotency-Replayed"] = "true"
    if answer.is_shown and answer.version is not None:
        response.headers["Fairlead-Version"] = str(max(visit.version, answer.version))
    else:
        response.status_code = ACCEPTED
        account_id = visit.account.account_id
        place = f"{PREFIX}/accounts/{account_id}/operations/{answer.operation_id}"
        response.headers["Location"] = place
        response.headers.update(retry())
    is_decided = answer.effect in {"done", "unchanged"}
    changes, count = changes_of(answer.events)
    return CommandOutcome(
        operation_id=answer.operation_id,
        state="decided" if is_decided else "accepted",
        effect=("done" if answer.effect == "done" else "unchanged") if is_decided else None,
        version=answer.version,
        changes=changes,
        changes_count=count,
    )


def changes_of(events: Iterable[AllocationEvent]) -> tuple[list[ChangeItem], int]:
    """The first of what followed, and how many there are; that it was received is no change."""
    told = [event for event in events if not isinstance(event, CommandReceived)]
    return [_change(event) for event in told[:CHANGES_MAX]], len(told)


def _change(event: AllocationEvent) -> ChangeItem:
    return ChangeItem(
        event=EVENT_NAMES[type(event)],
        lead_id=getattr(event, "lead_id", None),
        manager_id=getattr(event, "manager_id", None),
    )
