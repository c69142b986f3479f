"""What an operator does at night: letters tried again or set aside, read models made anew, gaps."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from services.api.asking import OfInstallation
from services.api.filters import ID_MAX
from services.api.lists import InstallationListing, ItemPage
from services.api.resource import problem, resource
from services.api.routes.installation import LetterId
from services.api.times import Instant
from services.application import dead_letters, gaps, projections
from services.application.reasons import CHARACTERS_MAX
from services.application.refused import Refused
from services.storage.dead_letters import LetterReason
from services.web.models import Input, Output

router = resource("installation")

REASON_MAX = 10_000
DEALT_WITH: dict[int | str, dict[str, Any]] = {
    409: problem("It was dealt with before, or is still not understood.")
}
NOT_NOW: dict[int | str, dict[str, Any]] = {409: problem("It is being done, or makes no sense.")}

ReadModelName = Annotated[
    str, Path(max_length=100, description="Of the read model.", examples=["decisions"])
]
Partition = Annotated[int, Path(ge=0, le=100_000, description="Its number.", examples=[3])]


class LetterReasonItem(Output):
    """Letters that nobody has dealt with, by why they were not understood."""

    reason: str = Field(examples=["unknown event"])
    letters: int = Field(ge=1, examples=[12])
    accounts: int = Field(ge=0, description="That they are of.", examples=[1])
    oldest_at: Instant
    newest_at: Instant


class LetterReasonPage(ItemPage[LetterReasonItem]):
    """Those of most letters first, 100 at most."""


class RetriedLetter(Output):
    """What a letter came to."""

    messages: int = Field(
        ge=0, description="That were published; 0 where nothing was missing.", examples=[1]
    )


class DropBody(Input):
    """Why it is set aside; kept with it."""

    reason: str = Field(
        min_length=1, max_length=CHARACTERS_MAX, description="For the record.", examples=["a copy"]
    )


class RetryLettersBody(Input):
    """Which letters are read again, the newest first."""

    reason: str | None = Field(
        default=None,
        max_length=REASON_MAX,
        description="Only those not understood for exactly this; null: all.",
        examples=["unknown event"],
    )
    before: int | None = Field(
        default=None, ge=1, le=ID_MAX, description="`next_before` of the answer before."
    )


class RetriedLetters(Output):
    """What became of them."""

    published: int = Field(ge=0, description="Letters understood now.", examples=[11])
    messages: int = Field(ge=0, description="That they came to.", examples=[11])
    still: int = Field(ge=0, description="Letters that stay.", examples=[1])
    failed: int = Field(
        ge=0,
        description="How many of those failed by a mistake of ours; the server's log says why.",
        examples=[0],
    )
    next_before: int | None = Field(
        description="Ask again with this for the older ones; null: these were all.", examples=[None]
    )


class DropLettersBody(Input):
    """Which letters are set aside, and why."""

    matching: str = Field(
        max_length=REASON_MAX,
        description="Those not understood for exactly this.",
        examples=["unknown event"],
    )
    reason: str = Field(
        min_length=1, max_length=CHARACTERS_MAX, description="For the record.", examples=["a copy"]
    )


class DroppedLetters(Output):
    """How many were set aside, 200 at most; ask again for more."""

    letters: int = Field(ge=0, examples=[12])


class AskedRebuildShape(Output):
    """A read model that is to be made anew."""

    name: str = Field(examples=["decisions"])
    asked_by: str = Field(examples=["key:a1b2"])


class ResumeBody(Input):
    """From where on a partition goes on."""

    position: int = Field(
        ge=0, description="As the list of gaps has it: nothing moved since.", examples=[812]
    )
    at: int | None = Field(
        default=None,
        ge=0,
        description="Offset of the message to go on with; null: the first that the log holds.",
        examples=[900],
    )


class ResumedPartition(Output):
    """What letting a partition go on comes to, or would.

    Attributes:
        is_preview: Nothing was changed.
        passed_over: Messages that the log holds and nobody decides.
        left: Messages that the log holds from there on.
        accounts: That are read in full; null in a preview.
    """

    is_preview: bool
    partition: int = Field(examples=[3])
    at: int = Field(examples=[900])
    passed_over: int = Field(ge=0, examples=[0])
    left: int = Field(ge=0, examples=[100])
    accounts: int | None = Field(examples=[2])


@router.get(
    "/installation/dead-letter-reasons",
    operation_id="list_dead_letter_reasons",
    summary="Why was what not understood?",
)
async def list_dead_letter_reasons(
    visit: OfInstallation, listing: InstallationListing
) -> LetterReasonPage:
    """Letters that nobody has dealt with, counted by reason."""
    found = await dead_letters.reasons(visit.installation, visit.principal)
    return await listing.all_of(
        LetterReasonPage, found, key=lambda each: (-each.letters, each.reason), shape=_reason
    )


@router.post(
    "/installation/dead-letters/{letter_id}/retry",
    operation_id="retry_dead_letter",
    summary="Read a letter again",
    responses=DEALT_WITH,
)
async def retry_dead_letter(visit: OfInstallation, letter_id: LetterId) -> RetriedLetter:
    """What is understood now is published; copies of what took effect are harmless."""
    count = await dead_letters.retry(visit.installation, visit.principal, letter_id)
    return RetriedLetter(messages=count)


@router.post(
    "/installation/dead-letters/{letter_id}/drop",
    status_code=204,
    operation_id="drop_dead_letter",
    summary="Set a letter aside",
    responses=DEALT_WITH,
)
async def drop_dead_letter(visit: OfInstallation, letter_id: LetterId, body: DropBody) -> None:
    """For good; it stays in the table with who did so and why."""
    await dead_letters.drop(visit.installation, visit.principal, letter_id, why=body.reason)


@router.post(
    "/installation/dead-letters/retry",
    operation_id="retry_dead_letters",
    summary="Read all letters again that match",
)
async def retry_dead_letters(visit: OfInstallation, body: RetryLettersBody) -> RetriedLetters:
    """At most 200 at once; one that is still not understood keeps no other from being tried."""
    tried = await dead_letters.retry_all(
        visit.installation, visit.principal, reason=body.reason, before=body.before
    )
    return RetriedLetters(
        published=tried.published,
        messages=tried.messages,
        still=tried.still,
        failed=tried.failed,
        next_before=tried.next_before,
    )


@router.post(
    "/installation/dead-letters/drop",
    operation_id="drop_dead_letters",
    summary="Set all letters aside that match",
)
async def drop_dead_letters(visit: OfInstallation, body: DropLettersBody) -> DroppedLetters:
    """At most 200 at once."""
    count = await dead_letters.drop_all(
        visit.installation, visit.principal, reason=body.matching, why=body.reason
    )
    return DroppedLetters(letters=count)


@router.post(
    "/installation/projections/{projection}/rebuild",
    status_code=202,
    operation_id="rebuild_projection",
    summary="Have a read model made anew",
    responses=NOT_NOW,
)
async def rebuild_projection(visit: OfInstallation, projection: ReadModelName) -> AskedRebuildShape:
    """The projector makes it beside the live one, and swaps; readers go on meanwhile."""
    await projections.ask_rebuild(visit.installation, visit.principal, projection)
    return AskedRebuildShape(name=projection, asked_by=visit.principal.id)


@router.post(
    "/installation/gaps/{partition}/resume",
    operation_id="resume_partition",
    summary="Let a partition go on",
    responses=NOT_NOW,
)
async def resume_partition(
    visit: OfInstallation,
    partition: Partition,
    body: ResumeBody,
    *,
    preview: Annotated[
        bool, Query(description="Change nothing, and say what it would come to.")
    ] = False,
) -> ResumedPartition:
    """Behind what it lost, within half a minute; its accounts are read in full."""
    planned = await gaps.plan(visit.installation, visit.principal, partition, at=body.at)
    place = planned.place
    if place.position != body.position:
        raise Refused("partition_moved", partition=partition, position=body.position)
    accounts = None
    if not preview:
        accounts = await gaps.resume(visit.installation, visit.principal, planned)
    return ResumedPartition(
        is_preview=preview,
        partition=partition,
        at=planned.position,
        passed_over=max(0, planned.passed_over),
        left=max(0, planned.left),
        accounts=accounts,
    )


def _reason(each: LetterReason) -> LetterReasonItem:
    return LetterReasonItem(
        reason=each.reason,
        letters=each.letters,
        accounts=each.accounts,
        oldest_at=each.oldest_at,
        newest_at=each.newest_at,
    )
