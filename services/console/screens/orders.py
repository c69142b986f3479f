"""Leads that somebody has distributed now, or again: foreseen, then ordered (W4.7, D1.6)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from contracts.sentences import sentence
from contracts.stage import CLOSED_STATUSES, Stage
from services.application.commands import Asked, Once
from services.application.confirmation import Assent
from services.application.orders import (
    PlannedOrder,
    asked_to_distribute,
    carried_out_before,
    carry_out,
    plan_distribution,
    stage_from,
)
from services.application.orders_told import foreseen, question
from services.application.refused import Refused
from services.application.rules import stages_of
from services.console.pages import account_page
from services.console.receipts import Key, told_at
from services.console.seeing import InAccount, SeeingAccount

router = APIRouter()

TEXT_MAX = 40_000
LEADS_MAX = 5_000
LEAD = re.compile(r"[1-9][0-9]{0,15}")
# What whoever typed it can mend; the rest is a page of its own.
TYPED = (
    "leads_or_stage",
    "stage_not_ids",
    "no_leads_in_stage",
    "no_unassigned_leads",
    "confirmation_missing",
    "confirmation_differs",
)

# Both in an address and in a form: leads by their ids, or a stage, or all without a manager.
Leads = Annotated[str, Query(max_length=TEXT_MAX)]
LeadsForm = Annotated[str, Form(max_length=TEXT_MAX)]
StageText = Annotated[str, Query(max_length=40)]
StageForm = Annotated[str, Form(max_length=40)]
Ended = Annotated[str, Query(pattern="^(yes)?$")]
EndedForm = Annotated[str, Form(pattern="^(yes)?$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedOrder:
    """What somebody wants distributed, as it was typed."""

    leads: str
    stage: str
    ended: str

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was typed yet."""
        return not (self.leads.strip() or self.stage or self.ended)

    @property
    def is_readable(self) -> bool:
        """Whether what was typed are ids, and not too many."""
        return len(self._parts) <= LEADS_MAX and all(map(LEAD.fullmatch, self._parts))

    def lead_ids(self) -> tuple[int, ...]:
        """The leads, each once; to be asked of what is readable."""
        return tuple(dict.fromkeys(map(int, self._parts)))

    @property
    def _parts(self) -> list[str]:
        return [part.lstrip("#") for part in re.split(r"[\s,;]+", self.leads) if part]

    def of_stage(self) -> Stage | None:
        """The stage; None for none.

        Raises:
            Refused: It is none.
        """
        return stage_from(self.stage) if self.stage else None

    def asked(self) -> Asked:
        """What makes it the same order again."""
        return asked_to_distribute(
            lead_ids=self.lead_ids(), stage=self.of_stage(), is_unassigned=bool(self.ended)
        )


@router.get("/a/{account_id}/distribute")
async def get_distribute(
    who: InAccount, leads: Leads = "", stage: StageText = "", ended: Ended = ""
) -> Response:
    """What to distribute; once that is said, what it would come to."""
    who.require("activity")
    wanted = WantedOrder(leads=leads, stage=stage, ended=ended)
    if wanted.is_nothing:
        return _page(who, wanted)
    if not wanted.is_readable:
        return _unreadable(who, wanted)
    try:
        planned = await _planned(who, wanted)
    except Refused as refused:
        return _refused(who, wanted, refused)
    return _page(who, wanted, planned=planned)


@router.post("/a/{account_id}/distribute")
async def post_distribute(
    who: InAccount,
    key: Key,
    leads: LeadsForm = "",
    stage: StageForm = "",
    ended: EndedForm = "",
    confirm: Annotated[str, Form(max_length=10, pattern="^[0-9]*$")] = "",
) -> Response:
    """Order it, once whatever becomes of the answer."""
    who.require("activity")
    wanted, once = WantedOrder(leads=leads, stage=stage, ended=ended), Once(key=key)
    where = f"{who.base}/waiting"
    if not wanted.is_readable:
        return _unreadable(who, wanted)
    before = await carried_out_before(
        who.installation, who.account, who.principal, wanted.asked(), once=once
    )
    if before is not None:
        return told_at(where, before.answer)
    planned: PlannedOrder | None = None
    try:
        planned = await _planned(who, wanted)
        given = await carry_out(
            who.installation,
            who.account,
            who.principal,
            planned,
            once=once,
            assent=Assent(
                access=who.premises.access,
                who=who.caller,
                confirmed=int(confirm) if confirm else None,
            ),
        )
    except Refused as refused:
        return _refused(who, wanted, refused, planned=planned)
    return told_at(where, given.answer)


async def _planned(who: SeeingAccount, wanted: WantedOrder) -> PlannedOrder:
    return await plan_distribution(
        who.installation,
        who.account,
        who.principal,
        lead_ids=wanted.lead_ids(),
        stage=wanted.of_stage(),
        is_unassigned=bool(wanted.ended),
    )


def _unreadable(who: SeeingAccount, wanted: WantedOrder) -> Response:
    told = who.words.say(sentence("console.distribute.not_ids", limit=LEADS_MAX))
    return _page(who, wanted, wrong=told, status=422)


def _refused(
    who: SeeingAccount,
    wanted: WantedOrder,
    refused: Refused,
    *,
    planned: PlannedOrder | None = None,
) -> Response:
    """The page once more, with the reason, where typing something else helps."""
    if refused.code not in TYPED:
        raise refused
    told = who.words.say(refused.sentence)
    return _page(who, wanted, planned=planned, wrong=told, status=422)


def _page(
    who: SeeingAccount,
    wanted: WantedOrder,
    *,
    planned: PlannedOrder | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    leads = 0 if planned is None else len(planned.lead_ids)
    return account_page(
        "distribute.html",
        who,
        here="waiting",
        status=status,
        wanted=wanted,
        wrong=wrong,
        stages=_stages(who),
        question="" if planned is None else who.words.say(question(planned)),
        lines=[] if planned is None else who.words.lines(foreseen(planned.outcome)),
        has_effect=planned is not None and planned.outcome.leads > 0,
        leads=leads,
        is_wide=who.premises.access.wide_deeds.is_wide(leads),
    )


def _stages(who: SeeingAccount) -> Sequence[tuple[str, str]]:
    """Open stages to choose from: ids and name."""
    return [
        (f"{stage.pipeline_id}/{stage.status_id}", name)
        for stage, name in (stages_of(who.account) or {}).items()
        if stage.status_id not in CLOSED_STATUSES
    ]
