"""Deeds that move many leads and wait for a second person (S32)."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.access.wide_deeds import WideDeed
from services.api.asking import OfAccount, ToRead
from services.api.lists import ItemPage, UnversionedListing
from services.api.resource import problem, resource
from services.api.times import Instant
from services.application.people import wide
from services.web.models import Output

router = resource("held deeds")

ROWID_MAX = 2**63 - 1
DeedId = Annotated[int, Path(ge=1, le=ROWID_MAX, description="Ours.", examples=[3])]


class HeldDeed(Output):
    """One; agreed to, whoever asked for it asks again, and it passes."""

    deed_id: int = Field(examples=[3])
    what: str = Field(description="Which kind.", examples=["handover"])
    leads: int = Field(description="How many it moves.", examples=[400])
    asked_by: str = Field(examples=["person:7"])
    asked_at: Instant


class HeldDeedPage(ItemPage[HeldDeed]):
    """Those that are held, the oldest first; for a day at most."""


@router.get(
    "/accounts/{account_id}/held-deeds",
    operation_id="list_held_deeds",
    summary="What waits for a second person?",
)
async def list_held_deeds(visit: ToRead, listing: UnversionedListing) -> HeldDeedPage:
    """More leads were to be moved than pass in an hour."""
    found = await wide.held_deeds(visit.premises.access, visit.caller, visit.account.account_id)
    return await listing.all_of(HeldDeedPage, found, key=lambda each: (each.id,), shape=_held)


@router.put(
    "/accounts/{account_id}/held-deeds/{deed_id}/agreement",
    operation_id="agree_to_deed",
    summary="Agree to somebody else's deed",
    responses={409: problem("It is their own, or not held any more.")},
)
async def agree_to_deed(visit: OfAccount, deed_id: DeedId) -> HeldDeed:
    """Whoever is behind a key does not agree to what it asked."""
    agreed = await wide.agree(
        visit.premises.access, visit.caller, visit.account.account_id, deed_id
    )
    return _held(agreed)


@router.put(
    "/accounts/{account_id}/held-deeds/{deed_id}/refusal",
    operation_id="refuse_deed",
    summary="Say no to a deed",
)
async def refuse_deed(visit: OfAccount, deed_id: DeedId) -> HeldDeed:
    """Asked for again within a day, it does not pass."""
    refused = await wide.refuse(
        visit.premises.access, visit.caller, visit.account.account_id, deed_id
    )
    return _held(refused)


def _held(deed: WideDeed) -> HeldDeed:
    return HeldDeed(
        deed_id=deed.id,
        what=deed.what,
        leads=deed.leads,
        asked_by=deed.principal,
        asked_at=deed.asked_at,
    )
