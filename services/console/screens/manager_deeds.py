"""What is done about one manager besides pauses: a handover, a correction (D9.3, D3.8)."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from contracts.sentences import sentence
from domain.configuration import ACCOUNT_LEDGER
from services.application import corrections, orders
from services.application.commands import Once
from services.application.confirmation import Assent
from services.application.orders_told import foreseen, question
from services.console.deeds import Foretold, deed_page, foretold
from services.console.receipts import Key, told_at
from services.console.seeing import InAccount, SeeingAccount

router = APIRouter()
Leads = Annotated[str, Query(max_length=40)]
Reason = Annotated[str, Query(max_length=500)]
Ledger = Annotated[str, Query(min_length=1, max_length=100)]
Confirm = Annotated[int | None, Form(ge=0)]


@router.get("/a/{account_id}/managers/{manager_id}/handover")
async def get_handover(who: InAccount, manager_id: int) -> Response:
    """Who would get their open leads."""
    who.require("activity")

    async def look() -> Foretold:
        planned = await orders.plan_handover(
            who.installation, who.account, who.principal, manager_id
        )
        lines, count = foreseen(planned.outcome), len(planned.lead_ids)
        return foretold(who, lines, question(planned), leads=count)

    return await deed_page(
        who,
        look,
        title=sentence("console.handover.title", manager=manager_id),
        action=_at(who, manager_id, "/handover"),
        button=sentence("console.handover.go"),
        back=_at(who, manager_id),
        here="today",
    )


@router.post("/a/{account_id}/managers/{manager_id}/handover")
async def post_handover(
    who: InAccount, manager_id: int, key: Key, confirm: Confirm = None
) -> Response:
    """Hand over all of them."""
    once, place = Once(key=key), (who.installation, who.account, who.principal)
    asked = orders.asked_to_hand_over(manager_id, rule_id=None)
    given = await orders.carried_out_before(*place, asked, once=once)
    if given is None:
        planned = await orders.plan_handover(*place, manager_id)
        assent = Assent(access=who.premises.access, who=who.caller, confirmed=confirm)
        given = await orders.carry_out(*place, planned, once=once, assent=assent)
    return told_at(_at(who, manager_id), given.answer)


@router.get("/a/{account_id}/managers/{manager_id}/correction")
async def get_correction(
    who: InAccount,
    manager_id: int,
    leads: Leads = "",
    reason: Reason = "",
    ledger: Ledger = ACCOUNT_LEDGER,
) -> Response:
    """What everybody's part of it would be."""
    who.require("ledger")
    typed = leads.strip().replace(",", ".")

    async def look() -> Foretold:
        moved = await corrections.foresee(
            who.installation,
            who.account,
            who.principal,
            manager_id,
            corrections.units_from(typed),
            ledger=ledger,
            reason=reason,
        )
        lines = [sentence("correct.bears", manager=each, units=units) for each, units in moved]
        if ledger != ACCOUNT_LEDGER:
            lines = [sentence("console.fairness.ledger", ledger=ledger), *lines]
        asked = sentence("console.correction.question", reason=reason)
        hidden = {"leads": typed, "reason": reason, "ledger": ledger}
        return foretold(who, lines, asked, hidden=hidden)

    return await deed_page(
        who,
        look,
        title=sentence("console.correction.title", manager=manager_id),
        action=_at(who, manager_id, "/correction"),
        button=sentence("console.correction.go"),
        back=_at(who, manager_id),
        here="today",
    )


@router.post("/a/{account_id}/managers/{manager_id}/correction")
async def post_correction(
    who: InAccount,
    manager_id: int,
    key: Key,
    leads: Annotated[str, Form(max_length=40)],
    reason: Annotated[str, Form(max_length=500)],
    ledger: Annotated[str, Form(min_length=1, max_length=100)] = ACCOUNT_LEDGER,
) -> Response:
    """Post it."""
    done = await corrections.correct(
        who.installation,
        who.account,
        who.principal,
        manager_id,
        corrections.units_from(leads),
        ledger=ledger,
        reason=reason,
        once=Once(key=key),
    )
    return told_at(_at(who, manager_id), done.answer)


def _at(who: SeeingAccount, manager_id: int, below: str = "") -> str:
    return f"{who.base}/managers/{manager_id}{below}"
