"""Leads distributed now, and an absent manager's leads handed over (D1.1, D9.3)."""

from typing import Annotated, Self

from fastapi import Response
from pydantic import Field, model_validator

from contracts.events import ManagerPaused
from contracts.stage import Stage
from domain.preview import Preview
from services.api.asking import AccountVisit, OfAccount
from services.api.commanded import CommandOutcome, command_answers, tell
from services.api.ordering import PostedUnlessPreview
from services.api.places import ID_MAX, KommoId, ManagerId, StageRef
from services.api.resource import resource
from services.application import orders
from services.application.commands import Asked, Once
from services.application.orders import GivenOrder, PlannedOrder
from services.web.models import Input, Output

router = resource("distributions")

LEADS_MAX = 5_000
SKIPPED_MAX = 1_000

Confirmed = Annotated[
    int | None,
    Field(
        ge=0,
        le=ID_MAX,
        description="How many leads the preview named. It has to be sent from so many leads on as"
        " the installation calls wide (100 by default); if it is another number by now, nothing"
        " is done.",
        examples=[120],
    ),
]


class DistributionBody(Input):
    """Which leads: exactly one of the three."""

    lead_ids: list[KommoId] = Field(
        default=[], max_length=LEADS_MAX, description="These.", examples=[[900016, 900017]]
    )
    stage: StageRef | None = Field(default=None, description="All open leads of a stage.")
    unassigned: bool = Field(
        default=False, description="All open leads whose newest request ended without a manager."
    )
    confirm_leads: Confirmed = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum((bool(self.lead_ids), self.stage is not None, self.unassigned)) != 1:
            raise ValueError("expected exactly one of lead_ids, stage, unassigned")
        return self

    @property
    def chosen(self) -> Stage | None:
        """The stage as the domain has it."""
        return None if self.stage is None else Stage(self.stage.pipeline_id, self.stage.stage_id)


class HandoverBody(Input):
    """How a manager's open leads are handed over."""

    rule_id: str | None = Field(
        default=None,
        max_length=200,
        description="The rule for leads in stages that no rule covers.",
        examples=["sales"],
    )
    confirm_leads: Confirmed = None


class GetsItem(Output):
    """What somebody gets of it."""

    manager_id: int = Field(examples=[501])
    leads: int = Field(ge=1, examples=[12])


class SkippedItem(Output):
    """A lead that is left alone, and why."""

    lead_id: int = Field(examples=[900016])
    reason: str = Field(
        description="unknown, closed, waiting, decided, taken, not_his or no_rule.",
        examples=["closed"],
    )


class OrderForecast(Output):
    """What an order comes to.

    Attributes:
        leads: How many it names.
        gets: By manager.
        waiting: Leads that nobody can take now.
        reading: Leads of which Kommo has to be read first.
        closed: Leads whose request ended at once.
        skipped: The first 1,000 that are left alone.
        skipped_count: How many are left alone.
        pauses: Whether the manager whose leads they are is paused by it.
    """

    leads: int = Field(ge=0, examples=[120])
    gets: list[GetsItem]
    waiting: int = Field(ge=0, examples=[3])
    reading: int = Field(ge=0, examples=[0])
    closed: int = Field(ge=0, examples=[0])
    skipped: list[SkippedItem] = Field(max_length=SKIPPED_MAX)
    skipped_count: int = Field(ge=0, examples=[1])
    pauses: bool


class OrderOutcome(Output):
    """What an order came to, or would.

    Attributes:
        is_preview: Nothing was changed: this is what it would come to now.
        command: Null in a preview.
        outcome: Null while it is not decided.
    """

    is_preview: bool
    command: CommandOutcome | None
    outcome: OrderForecast | None


ANSWERS = command_answers(OrderOutcome)


@router.post(
    "/accounts/{account_id}/distributions",
    operation_id="distribute_leads",
    summary="Distribute leads now",
    responses=ANSWERS,
)
async def distribute_leads(
    response: Response,
    visit: OfAccount,
    body: DistributionBody,
    once: PostedUnlessPreview,
) -> OrderOutcome:
    """Leads that have no manager by Fairlead in their stage, by the rules."""
    lead_ids = tuple(dict.fromkeys(body.lead_ids))
    asked = orders.asked_to_distribute(
        lead_ids=lead_ids, stage=body.chosen, is_unassigned=body.unassigned
    )
    if (before := await _given_before(response, visit, asked, once)) is not None:
        return before
    planned = await orders.plan_distribution(
        visit.installation,
        visit.account,
        visit.principal,
        lead_ids=lead_ids,
        stage=body.chosen,
        is_unassigned=body.unassigned,
    )
    return await _ordered(response, visit, planned, once, body.confirm_leads)


@router.post(
    "/accounts/{account_id}/managers/{manager_id}/handovers",
    operation_id="hand_over_leads",
    summary="Hand over a manager's open leads",
    responses=ANSWERS,
)
async def hand_over_leads(
    response: Response,
    visit: OfAccount,
    manager_id: ManagerId,
    body: HandoverBody,
    once: PostedUnlessPreview,
) -> OrderOutcome:
    """All of them, by the rules; a manager who is neither paused nor absent is paused by it."""
    asked = orders.asked_to_hand_over(manager_id, rule_id=body.rule_id)
    if (before := await _given_before(response, visit, asked, once)) is not None:
        return before
    planned = await orders.plan_handover(
        visit.installation, visit.account, visit.principal, manager_id, rule_id=body.rule_id
    )
    return await _ordered(response, visit, planned, once, body.confirm_leads)


async def _given_before(
    response: Response, visit: AccountVisit, asked: Asked, once: Once | None
) -> OrderOutcome | None:
    """What it came to if it was given before: its leads are not where they were."""
    if once is None:
        return None
    given = await orders.carried_out_before(
        visit.installation, visit.account, visit.principal, asked, once=once
    )
    return None if given is None else _outcome(response, visit, given)


async def _ordered(
    response: Response,
    visit: AccountVisit,
    planned: PlannedOrder,
    once: Once | None,
    confirmed: int | None,
) -> OrderOutcome:
    count = len(planned.lead_ids)
    if once is None:
        foreseen = _forecast(planned.outcome, count, pauses=planned.pauses)
        return OrderOutcome(is_preview=True, command=None, outcome=foreseen)
    given = await orders.carry_out(
        visit.installation,
        visit.account,
        visit.principal,
        planned,
        once=once,
        assent=visit.assent(confirmed),
    )
    return _outcome(response, visit, given)


def _outcome(response: Response, visit: AccountVisit, given: GivenOrder) -> OrderOutcome:
    found = given.outcome
    leads = 0 if found is None else found.leads + len(found.skipped)
    return OrderOutcome(
        is_preview=False,
        command=tell(response, visit, given.answer),
        outcome=None if found is None else _forecast(found, leads, pauses=_paused(given)),
    )


def _paused(given: GivenOrder) -> bool:
    return any(isinstance(event, ManagerPaused) for event in given.answer.events)


def _forecast(found: Preview, leads: int, *, pauses: bool) -> OrderForecast:
    skipped = found.skipped[:SKIPPED_MAX]
    return OrderForecast(
        leads=leads,
        gets=[GetsItem(manager_id=manager_id, leads=count) for manager_id, count in found.gets],
        waiting=found.waiting,
        reading=found.reading,
        closed=found.closed,
        skipped=[SkippedItem(lead_id=each.lead_id, reason=each.reason) for each in skipped],
        skipped_count=len(found.skipped),
        pauses=pauses,
    )
