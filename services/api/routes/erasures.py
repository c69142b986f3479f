"""What is kept about one person: written out, and erased (S21, S22)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from services.api.asking import OfAccount, ToRead
from services.api.cursors import Key, at_microseconds, microseconds
from services.api.lists import ItemPage, Piece, UnversionedListing
from services.api.resource import resource
from services.api.times import Instant
from services.application import erasure
from services.storage.erasures import Erasure, Kind
from services.web.models import Input, Output

router = resource("personal data")

KOMMO_ID_MAX = 2**53 - 1
PersonId = Annotated[
    int,
    Path(ge=1, le=KOMMO_ID_MAX, description="Kommo's, of user, lead or contact.", examples=[501]),
]


class ErasureBody(Input):
    """Whom or what to erase."""

    kind: Kind = Field(description="What the id is of.", examples=["manager"])
    id: int = Field(ge=1, le=KOMMO_ID_MAX, description="Kommo's.", examples=[501])


class ErasureOutcome(Output):
    """What an erasure came to; what was erased before stays erased."""

    kind: Kind = Field(examples=["manager"])
    id: int = Field(examples=[501])
    is_anew: bool = Field(description="It was erased before.", examples=[False])
    bodies: int = Field(description="Raw bodies of webhooks that are gone.", examples=[0])
    texts: int = Field(description="Texts for the record that are gone.", examples=[2])


class ErasureItem(Output):
    """Something that was erased."""

    kind: Kind = Field(examples=["manager"])
    id: int = Field(description="Kommo's.", examples=[501])
    erased_at: Instant
    erased_by: str = Field(examples=["person:7"])


class ErasurePage(ItemPage[ErasureItem]):
    """What was erased, the newest first."""


class PersonsText(Output):
    """What somebody wrote about them for the record."""

    text: str = Field(examples=["at the dentist"])
    lead_id: int | None = Field(description="About which lead, too; null: none.", examples=[None])
    written_at: Instant


class PersonsDecision(Output):
    """A decision about them: ids and an outcome."""

    version: int = Field(examples=[4711])
    at: Instant
    kind: str = Field(examples=["assigned"])
    lead_id: int = Field(examples=[900001])
    manager_id: int | None = Field(examples=[501])


class NamingBody(Output):
    """A raw body that names them; it may name others, too."""

    letter_id: int = Field(description="Of the dead letter.", examples=[17])
    received_at: Instant
    reason: str = Field(description="Why it is kept.", examples=["body too large"])


class PersonalDataShape(Output):
    """All that is kept about whoever has the id: as a manager, a lead, a contact."""

    id: int = Field(description="Kommo's.", examples=[501])
    user: dict[str, Any] | None = Field(
        description="As Kommo told of them last; null: no user.", examples=[{"id": 501}]
    )
    texts: list[PersonsText]
    decisions: list[PersonsDecision] = Field(description="At most 100,000, the newest first.")
    bodies: list[NamingBody]
    webhooks: list[Instant] = Field(
        description="When webhooks came that name the id, and were understood; kept for 14 days."
    )
    erased: list[ErasureItem]


@router.post(
    "/accounts/{account_id}/erasures",
    operation_id="erase_person",
    summary="Erase what is kept about somebody",
)
async def erase_person(visit: OfAccount, body: ErasureBody) -> ErasureOutcome:
    """For good; asked for twice, it is the same. Events stay, with ids and outcomes only."""
    done = await erasure.erase(
        visit.installation, visit.account, visit.principal, body.kind, body.id
    )
    return ErasureOutcome(
        kind=done.kind, id=done.id, is_anew=done.is_anew, bodies=done.bodies, texts=done.texts
    )


@router.get(
    "/accounts/{account_id}/erasures",
    operation_id="list_erasures",
    summary="What was erased?",
)
async def list_erasures(visit: ToRead, listing: UnversionedListing) -> ErasurePage:
    """By ids alone."""

    async def read(piece: Piece) -> Sequence[Erasure]:
        return await erasure.erased_lately(
            visit.installation,
            visit.account,
            visit.principal,
            beside=None if piece.key is None else _place(piece.key),
            is_back=piece.is_back,
            limit=piece.limit,
        )

    return await listing.page(ErasurePage, read, key=_key, shape=_erasure)


@router.get(
    "/accounts/{account_id}/personal-data/{person_id}",
    operation_id="export_person",
    summary="What is kept about somebody?",
)
async def export_person(visit: OfAccount, person_id: PersonId) -> PersonalDataShape:
    """Whoever it is of may ask for it (GDPR, article 15); that it was looked at is kept."""
    found = await erasure.personal_data(
        visit.installation, visit.account, visit.principal, person_id
    )
    return PersonalDataShape(
        id=found.id,
        user=found.user,
        texts=[
            PersonsText(text=each.text, lead_id=each.lead_id, written_at=each.written_at)
            for each in found.texts
        ],
        decisions=[
            PersonsDecision(
                version=each.version,
                at=each.at,
                kind=each.kind,
                lead_id=each.lead_id,
                manager_id=each.manager_id,
            )
            for each in found.decisions
        ],
        bodies=[
            NamingBody(letter_id=each.letter_id, received_at=each.received_at, reason=each.reason)
            for each in found.bodies
        ],
        webhooks=found.webhooks,
        erased=[_erasure(each) for each in found.erased],
    )


def _key(found: Erasure) -> Key:
    return (microseconds(found.erased_at), found.kind, found.id)


def _place(key: Key) -> tuple[datetime, str, int]:
    return at_microseconds(int(key[0])), str(key[1]), int(key[2])


def _erasure(found: Erasure) -> ErasureItem:
    return ErasureItem(
        kind=found.kind, id=found.id, erased_at=found.erased_at, erased_by=found.erased_by
    )
