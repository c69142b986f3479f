"""When people work: a schedule's shifts, who is there for a rule, who has duty."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from services.api.asking import ToRead
from services.api.cursors import Key
from services.api.filters import TEXT_MAX, InWeek
from services.api.lists import AccountListing, ItemPage
from services.api.resource import resource
from services.api.times import LocalInstant
from services.application.cover import Cover
from services.application.duty import on_duty
from services.application.shifts import Shift, coverage, shifts_of_schedule
from services.web.models import Output

router = resource("schedules")

ScheduleName = Annotated[
    str,
    Path(min_length=1, max_length=TEXT_MAX, description="As in the rules.", examples=["office"]),
]


class ShiftItem(Output):
    """An interval in which somebody works."""

    start: LocalInstant = Field(description="On the schedule's own clock.")
    end: LocalInstant = Field(description="Left out.")
    rule_id: str | None = Field(
        description="For which rule; null: of a schedule alone.", examples=["new-leads"]
    )


class ShiftPage(ItemPage[ShiftItem]):
    """Shifts, by their start."""


class CoverItem(Output):
    """An interval in which the same people are at work."""

    start: LocalInstant = Field(description="On the account's clock.")
    end: LocalInstant = Field(description="Left out.")
    manager_ids: list[int] = Field(
        description="On shift, neither absent nor paused as far as is known now.",
        examples=[[501, 502]],
    )
    is_covered: bool = Field(description="Whether anybody is.")


class CoverPage(ItemPage[CoverItem]):
    """Intervals without a gap, by their start."""


class DutyItem(Output):
    """Who has duty for a rule now."""

    rule_id: str = Field(examples=["new-leads"])
    manager_ids: list[int] = Field(
        description="Of the rota, in the order in which they are asked.", examples=[[501]]
    )
    fallback_id: int | None = Field(
        description="Who takes a lead whenever nobody of the rota has duty; null: nobody.",
        examples=[502],
    )


class DutyPage(ItemPage[DutyItem]):
    """Rules that name somebody for duty, by id."""


@router.get(
    "/accounts/{account_id}/schedules/{name}/shifts",
    operation_id="list_schedule_shifts",
    summary="When does this schedule work?",
)
async def list_schedule_shifts(
    visit: ToRead, listing: AccountListing, name: ScheduleName, span: InWeek
) -> ShiftPage:
    """The shifts of a schedule of the rules in force, cut to the range."""
    found = await shifts_of_schedule(
        visit.installation, visit.account, visit.principal, name, span=span
    )
    return await listing.all_of(ShiftPage, found, key=shift_key, shape=shift_item)


@router.get(
    "/accounts/{account_id}/coverage",
    operation_id="list_coverage",
    summary="Who is at work for a rule, when?",
)
async def list_coverage(
    visit: ToRead,
    listing: AccountListing,
    span: InWeek,
    rule: Annotated[
        str,
        Query(min_length=1, max_length=TEXT_MAX, description="Its id.", examples=["new-leads"]),
    ],
) -> CoverPage:
    """Intervals without a gap: those with nobody are where leads wait."""
    found = await coverage(visit.installation, visit.account, visit.principal, rule, span=span)
    return await listing.all_of(CoverPage, found, key=_cover_key, shape=_cover)


@router.get("/accounts/{account_id}/duty", operation_id="list_duty", summary="Who has duty now?")
async def list_duty(visit: ToRead, listing: AccountListing) -> DutyPage:
    """For each rule that names somebody for duty."""
    found = await on_duty(
        visit.installation, visit.account, visit.principal, now=visit.premises.now()
    )
    return await listing.all_of(
        DutyPage,
        found,
        key=lambda each: (each.rule_id,),
        shape=lambda each: DutyItem(
            rule_id=each.rule_id,
            manager_ids=list(each.manager_ids),
            fallback_id=each.fallback_id,
        ),
    )


def shift_item(shift: Shift) -> ShiftItem:
    """A shift as it is answered."""
    return ShiftItem(start=shift.start, end=shift.end, rule_id=shift.rule_id)


def shift_key(shift: Shift) -> Key:
    """By which shifts are in order."""
    return (round(shift.start.timestamp() * 1_000), shift.rule_id or "")


def _cover(cover: Cover) -> CoverItem:
    return CoverItem(
        start=cover.start,
        end=cover.end,
        manager_ids=list(cover.manager_ids),
        is_covered=bool(cover.manager_ids),
    )


def _cover_key(cover: Cover) -> Key:
    return (round(cover.start.timestamp() * 1_000),)
