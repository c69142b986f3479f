"""Managers: whether they take leads, when they work, what they are owed, why they got no more."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from domain.explain.why_not import Stood
from projections.fairness import Share
from projections.pauses import Pause
from services.api.asking import ToRead
from services.api.cursors import Key
from services.api.filters import ID_MAX, TEXT_MAX, InWeek
from services.api.lists import AccountListing, ItemPage
from services.api.places import ManagerId
from services.api.resource import resource
from services.api.routes.schedules import ShiftPage, shift_item, shift_key
from services.api.times import Instant
from services.application.shifts import shifts_of_manager
from services.application.team import TeamMember, member, team
from services.application.why_not import GivenLeads, Question, why_not
from services.web.models import Output

router = resource("managers")

LEADS_MAX = 100


class PauseShape(Output):
    """A pause in force."""

    by: str = Field(description="Who ordered it.", examples=["person:7"])
    by_administrator: bool = Field(
        description="Whether only an administrator lifts it.", examples=[False]
    )
    paused_at: Instant
    until: Instant | None = Field(description="null: without an end.")
    reason: str = Field(description="In their words; may be empty.", examples=["Training"])


class ShareShape(Output):
    """What a manager got in a ledger, and what would have been fair (D3)."""

    ledger: str = Field(examples=["account"])
    manager_id: int = Field(description="Kommo's id.", examples=[501])
    given: int = Field(description="Leads given to them and not withdrawn.", examples=[17])
    share_units: int = Field(
        description="What they would have got if leads could be cut; 10^9 are one lead.",
        examples=[16500000000],
    )
    credit_units: int = Field(
        description="Their balance: what they are owed, corrections included; 10^9 are one lead.",
        examples=[-500000000],
    )
    deviation_units: int = Field(
        description="How far they are above the fair share, negative below; 10^9 are one lead.",
        examples=[500000000],
    )


class ManagerItem(Output):
    """A manager."""

    manager_id: int = Field(description="Kommo's id of the user.", examples=[501])
    name: str | None = Field(
        description="In Kommo; null: it lists them no more.", examples=["Ana Lima"]
    )
    is_active: bool = Field(description="Whether Kommo lists them, as far as is known.")
    is_at_work: bool = Field(
        description="Whether hours, absences and pauses let them take leads now."
    )
    rule_ids: list[str] = Field(
        description="Rules in force that they take part in.", examples=[["new-leads"]]
    )
    open_leads: int = Field(description="In all stages.", examples=[12])
    pause: PauseShape | None = Field(description="null: not paused.")
    absent_until: Instant | None = Field(description="null: not absent now.")
    shares: list[ShareShape]


class ManagerPage(ItemPage[ManagerItem]):
    """Managers, by id."""


class GivenLeadItem(Output):
    """A lead that was given out."""

    version: int = Field(description="Of the decision.", examples=[4711])
    at: Instant
    lead_id: int = Field(description="Kommo's id.", examples=[900016])
    rule_id: str = Field(examples=["new-leads"])
    got_by: int | None = Field(
        description="Who got it; null: not for whoever asks.", examples=[502]
    )


class StoodItem(Output):
    """Leads to which the manager stood in one way."""

    stood: Stood = Field(description="How.", examples=["others_owed_more"])
    count: int = Field(description="How many leads.", ge=0, examples=[14])
    leads: list[GivenLeadItem] = Field(description="The newest of them.")
    next_before: int | None = Field(
        description="Ask with `before` of it for older ones; null: none.", examples=[4000]
    )


class WhyNotAnswer(Output):
    """How a manager stood to every lead that was given out."""

    manager_id: int = Field(examples=[501])
    start: Instant = Field(description="Of the range.")
    end: Instant = Field(description="Of the range, left out.")
    given: int = Field(description="Leads given to anybody.", examples=[40])
    got: int = Field(description="Of these to the manager.", examples=[17])
    lines: list[StoodItem] = Field(description="Their counts add up to `given`.")


@router.get(
    "/accounts/{account_id}/managers", operation_id="list_managers", summary="Who takes leads?"
)
async def list_managers(visit: ToRead, listing: AccountListing) -> ManagerPage:
    """Everybody whom Kommo lists, who is in a rule, or who ever got a lead."""
    found = await team(visit.installation, visit.account, visit.principal, now=visit.premises.now())
    return await listing.all_of(ManagerPage, found, key=_key, shape=_item)


@router.get(
    "/accounts/{account_id}/managers/{manager_id}",
    operation_id="get_manager",
    summary="One manager",
)
async def get_manager(visit: ToRead, manager_id: ManagerId) -> ManagerItem:
    """Whether they take leads, and what they have; for themselves `self` is enough."""
    found = await member(
        visit.installation, visit.account, visit.principal, manager_id, now=visit.premises.now()
    )
    return _item(found)


@router.get(
    "/accounts/{account_id}/managers/{manager_id}/shifts",
    operation_id="list_manager_shifts",
    summary="When does this manager work?",
)
async def list_manager_shifts(
    visit: ToRead, listing: AccountListing, manager_id: ManagerId, span: InWeek
) -> ShiftPage:
    """Their shifts for each rule, without absences; for themselves `self` is enough."""
    found = await shifts_of_manager(
        visit.installation, visit.account, visit.principal, manager_id, span=span
    )
    return await listing.all_of(ShiftPage, found, key=shift_key, shape=shift_item)


@router.get(
    "/accounts/{account_id}/managers/{manager_id}/why-not",
    operation_id="explain_manager",
    summary="Why did this manager not get more?",
)
async def explain_manager(
    visit: ToRead,
    manager_id: ManagerId,
    span: InWeek,
    rule: Annotated[
        str | None,
        Query(max_length=TEXT_MAX, description="Leads by this rule only.", examples=["new-leads"]),
    ] = None,
    line: Annotated[
        Stood | None,
        Query(description="The leads of this line only.", examples=["others_owed_more"]),
    ] = None,
    before: Annotated[
        int | None,
        Query(
            ge=1, le=ID_MAX, description="Only leads given before this version.", examples=[4000]
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=0, le=LEADS_MAX, description="The most leads of a line.", examples=[5])
    ] = 5,
) -> WhyNotAnswer:
    """Each lead that was given out is in one line: what kept it from them.

    That somebody looked at another one's goes to the access log.
    """
    found = await why_not(
        visit.installation,
        visit.principal,
        Question(visit.account, manager_id, span, rule_id=rule),
        line=line,
        limit=limit,
        before=before,
    )
    return WhyNotAnswer(
        manager_id=manager_id,
        start=span.start,
        end=span.end,
        given=found.given,
        got=found.got,
        lines=[
            _line(stood, count, found.leads.get(stood)) for stood, count in found.counts.items()
        ],
    )


def share_shape(share: Share) -> ShareShape:
    """A share as it is answered."""
    return ShareShape(
        ledger=share.ledger,
        manager_id=share.manager_id,
        given=share.assigned,
        share_units=share.share_units,
        credit_units=share.credit_units,
        deviation_units=share.deviation_units,
    )


def _item(found: TeamMember) -> ManagerItem:
    return ManagerItem(
        manager_id=found.manager_id,
        name=found.name,
        is_active=found.is_active,
        is_at_work=found.is_at_work,
        rule_ids=list(found.rule_ids),
        open_leads=found.open_leads,
        pause=None if found.pause is None else _pause(found.pause),
        absent_until=found.absent_until,
        shares=[share_shape(each) for each in found.shares],
    )


def _pause(pause: Pause) -> PauseShape:
    return PauseShape(
        by=pause.ordered_by,
        by_administrator=pause.by_administrator,
        paused_at=pause.paused_at,
        until=pause.until,
        reason=pause.reason,
    )


def _line(stood: Stood, count: int, leads: GivenLeads | None) -> StoodItem:
    return StoodItem(
        stood=stood,
        count=count,
        leads=[
            GivenLeadItem(
                version=each.version,
                at=each.at,
                lead_id=each.lead_id,
                rule_id=each.rule_id,
                got_by=each.got_by,
            )
            for each in ([] if leads is None else leads.leads)
        ],
        next_before=None if leads is None else leads.next_before,
    )


def _key(found: TeamMember) -> Key:
    return (found.manager_id,)
