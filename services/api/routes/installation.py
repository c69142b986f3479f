"""The installation itself, for whoever keeps it running."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from services.api.asking import OfInstallation
from services.api.cursors import Key
from services.api.filters import ID_MAX
from services.api.lists import InstallationListing, ItemPage, Piece
from services.api.resource import problem, resource
from services.api.times import Instant
from services.api.told import ToldSentence, told, words_of
from services.application import dead_letters, gaps
from services.application.doctor.examine import examine
from services.application.doctor.finding import Severity
from services.application.gaps import StoppedPartition
from services.application.installation_view import Consumption, ReadModel, read_models, sources
from services.application.projections import asked_rebuilds
from services.storage.asked_rebuilds import AskedRebuild
from services.storage.dead_letters import KeptLetter, State
from services.web.models import Output

router = resource("installation")

LetterId = Annotated[int, Path(ge=1, le=ID_MAX, description="Its number.", examples=[12])]


class FindingShape(Output):
    """Something that was looked at."""

    subject: ToldSentence
    found: ToldSentence
    severity: Severity = Field(
        description="passing: normal for a moment, a problem if it stays.", examples=["well"]
    )
    remedy: ToldSentence | None = Field(description="What to do; null: it is in order.")


class InstallationHealth(Output):
    """Everything that is looked at, the most basic first."""

    is_well: bool = Field(description="Whether nothing is a problem.")
    findings: list[FindingShape]


class LetterItem(Output):
    """Something that was not understood, without what it holds."""

    id: int = Field(examples=[12])
    account_id: int | None = Field(description="null: of nobody's account.", examples=[32000001])
    source: str = Field(description="Where it came from.", examples=["webhook"])
    position: int | None = Field(description="In a log; null: of a webhook.", examples=[812])
    received_at: Instant
    reason: str = Field(description="Why it was not understood.", examples=["unknown event"])
    content_type: str = Field(examples=["application/json"])
    size: int = Field(description="Bytes that came.", examples=[812])
    is_cut: bool = Field(description="Whether only its beginning is kept.")
    state: State = Field(examples=["kept"])


class LetterPage(ItemPage[LetterItem]):
    """What nobody has dealt with yet, the newest first."""


class LetterDetail(LetterItem):
    """One of them, with what it holds.

    Attributes:
        settled_by: Who dealt with it; null while nobody has.
        settled_why: Why it was set aside.
    """

    text: str = Field(
        description="As it came, what is no UTF-8 replaced; it may hold personal data.",
        examples=['{"event": "?"}'],
    )
    settled_by: str | None = Field(examples=["person:7"])
    settled_why: str | None = Field(examples=["a copy"])


class ReadModelItem(Output):
    """A read model.

    Attributes:
        asked_at: When somebody last wanted it made anew; null: nobody has.
        rebuilt_at: When that was done, or given up; null: it is under way.
        failure: Why it was given up; the live one was as before.
    """

    name: str = Field(examples=["decisions"])
    revision: int = Field(description="Of the code that made its rows.", examples=[5])
    accounts: int = Field(description="That it has.", examples=[1])
    behind: int = Field(description="Events that it has yet to take.", examples=[0])
    asked_at: Instant | None
    rebuilt_at: Instant | None
    failure: str | None = Field(examples=[None])


class ReadModelPage(ItemPage[ReadModelItem]):
    """Read models, by name."""


class GapItem(Output):
    """A partition of the inbound log that cannot be read on (F22)."""

    partition: int = Field(examples=[3])
    position: int = Field(description="Offset of the message wanted next.", examples=[812])
    earliest: int = Field(description="Offset that it begins with.", examples=[900])
    latest: int = Field(description="Offset behind its last message.", examples=[1000])
    accounts: int = Field(description="That it holds messages of.", examples=[2])
    unswept: int = Field(description="Of these not read in full yet.", examples=[0])


class GapPage(ItemPage[GapItem]):
    """Partitions that stand still, by number; empty if all go on."""


class SourceItem(Output):
    """How far somebody has consumed something."""

    consumer: str = Field(examples=["allocator"])
    source: str = Field(examples=["inbound/0"])
    position: int = Field(description="Of the next message.", examples=[812])


class SourcePage(ItemPage[SourceItem]):
    """Positions, by consumer and source."""


@router.get(
    "/installation/health",
    operation_id="get_installation_health",
    summary="Is all well?",
)
async def get_installation_health(visit: OfInstallation) -> InstallationHealth:
    """What `fairlead doctor` looks at, with what to do."""
    words = words_of(None)
    findings = [
        FindingShape(
            subject=told(words, each.subject),
            found=told(words, each.found),
            severity=each.severity,
            remedy=None if each.remedy is None else told(words, each.remedy),
        )
        async for each in examine(visit.installation, visit.principal)
    ]
    return InstallationHealth(
        is_well=all(each.severity != "problem" for each in findings), findings=findings
    )


@router.get(
    "/installation/dead-letters",
    operation_id="list_dead_letters",
    summary="What was not understood?",
)
async def list_dead_letters(
    visit: OfInstallation,
    listing: InstallationListing,
    reason: Annotated[
        str | None,
        Query(max_length=2_000, description="Only those not understood for exactly this."),
    ] = None,
) -> LetterPage:
    """What nobody has dealt with yet; without what it holds."""

    async def read(piece: Piece) -> Sequence[KeptLetter]:
        before, after = piece.newest_first()
        return await dead_letters.page(
            visit.installation,
            visit.principal,
            limit=piece.limit,
            before=before,
            after=after,
            reason=reason,
        )

    return await listing.page(LetterPage, read, key=_letter_key, shape=_letter)


@router.get(
    "/installation/dead-letters/{letter_id}",
    operation_id="get_dead_letter",
    summary="One that was not understood",
)
async def get_dead_letter(visit: OfInstallation, letter_id: LetterId) -> LetterDetail:
    """With what it holds; that somebody looked goes to the access log."""
    found = await dead_letters.get(visit.installation, visit.principal, letter_id)
    text = found.body.decode("utf-8", "replace")
    return LetterDetail(
        **dict(_letter(found)),
        text=text,
        settled_by=found.settled_by,
        settled_why=found.settled_why,
    )


@router.get(
    "/installation/projections",
    operation_id="list_projections",
    summary="How far are the read models?",
)
async def list_projections(visit: OfInstallation, listing: InstallationListing) -> ReadModelPage:
    """Each read model, and how many events it has yet to take."""
    found = await read_models(visit.installation, visit.principal)
    asked = await asked_rebuilds(visit.installation, visit.principal)

    def shape(each: ReadModel) -> ReadModelItem:
        return _read_model(each, asked.get(each.name))

    return await listing.all_of(ReadModelPage, found, key=lambda each: (each.name,), shape=shape)


@router.get(
    "/installation/gaps",
    operation_id="list_gaps",
    summary="What stands still?",
    responses={409: problem("This installation is not on Kafka: nothing is lost there.")},
)
async def list_gaps(visit: OfInstallation, listing: InstallationListing) -> GapPage:
    """Partitions of the inbound log that lost messages; only where it is on Kafka."""
    found = await gaps.stopped(visit.installation, visit.principal)
    return await listing.all_of(
        GapPage, found, key=lambda each: (each.place.partition,), shape=_gap
    )


@router.get(
    "/installation/sources", operation_id="list_sources", summary="How far is what consumed?"
)
async def list_sources(visit: OfInstallation, listing: InstallationListing) -> SourcePage:
    """Every consumer's position in every source."""
    found = await sources(visit.installation, visit.principal)
    return await listing.all_of(
        SourcePage, found, key=lambda each: (each.consumer, each.source), shape=_source
    )


def _letter(letter: KeptLetter) -> LetterItem:
    return LetterItem(
        id=letter.id,
        account_id=letter.account_id,
        source=letter.source,
        position=letter.position,
        received_at=letter.received_at,
        reason=letter.reason,
        content_type=letter.content_type,
        size=letter.size,
        is_cut=letter.is_cut,
        state=letter.state,
    )


def _letter_key(letter: KeptLetter) -> Key:
    return (letter.id,)


def _read_model(found: ReadModel, asked: AskedRebuild | None) -> ReadModelItem:
    return ReadModelItem(
        name=found.name,
        revision=found.revision,
        accounts=found.accounts,
        behind=found.behind,
        asked_at=None if asked is None else asked.asked_at,
        rebuilt_at=None if asked is None else asked.ended_at,
        failure=None if asked is None else asked.failure,
    )


def _gap(found: StoppedPartition) -> GapItem:
    return GapItem(
        partition=found.place.partition,
        position=found.place.position,
        earliest=found.place.held.earliest,
        latest=found.place.held.latest,
        accounts=found.accounts,
        unswept=found.unswept,
    )


def _source(found: Consumption) -> SourceItem:
    return SourceItem(consumer=found.consumer, source=found.source, position=found.position)
