"""A manager: what do I get, and why not more? (W4.3); one's own page is `/me`."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from domain.configuration import ACCOUNT_LEDGER
from services.application.attendance import oneself
from services.application.commands import Answer, Once
from services.application.offered import OfferedLead, offered
from services.application.operations import shown
from services.application.pauses import pause, resume
from services.application.refused import Refused
from services.application.span import span_from
from services.application.statement import Statement, statement
from services.application.why_not import Question, why_not
from services.console.names import name_of
from services.console.pages import Parts, account_page
from services.console.pauses import choices, end_of
from services.console.receipts import Key, Told, Version, receipt, told_at
from services.console.seeing import InAccount, SeeingAccount
from services.console.shapes import (
    mate_line,
    movement_line,
    offer_line,
    why_not_lines,
)
from services.web.problems import HttpProblem

router = APIRouter()

DAYS = 7
MOVEMENTS = 20


@router.get("/a/{account_id}/me")
async def get_me(who: InAccount, only: Parts, told: Told = "", version: Version = "") -> Response:
    """One's own page."""
    return await _page(who, _own_id(who), only=only, told=told, version=version)


@router.get("/a/{account_id}/managers/{manager_id}")
async def get_manager(
    who: InAccount, manager_id: int, only: Parts, told: Told = "", version: Version = ""
) -> Response:
    """Anybody's page, for who may read; one's own for everybody."""
    return await _page(who, manager_id, only=only, told=told, version=version)


@router.post("/a/{account_id}/managers/{manager_id}/pause")
async def post_pause(
    who: InAccount,
    manager_id: int,
    length: Annotated[str, Form()],
    key: Key,
    reason: Annotated[str, Form(max_length=500)] = "",
    until: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Pause somebody for a while, or until somebody ends it."""
    answer = await pause(
        who.installation,
        who.account,
        who.principal,
        manager_id,
        until=end_of(who, length, until),
        reason=reason,
        once=Once(key=key),
    )
    return _done(who, manager_id, answer)


@router.post("/a/{account_id}/managers/{manager_id}/resume")
async def post_resume(who: InAccount, manager_id: int, key: Key) -> Response:
    """End a pause."""
    answer = await resume(
        who.installation, who.account, who.principal, manager_id, once=Once(key=key)
    )
    return _done(who, manager_id, answer)


async def _page(
    who: SeeingAccount, manager_id: int, *, only: Sequence[str], told: str, version: str
) -> Response:
    version_shown = await shown(who.installation, who.account.account_id)
    mate = await oneself(
        who.installation,
        who.premises.present,
        who.account,
        who.principal,
        manager_id,
        now=who.now,
    )
    span = span_from("", "", now=who.now, timezone=who.account.timezone, days=DAYS)
    counted = await why_not(
        who.installation, who.principal, Question(who.account, manager_id, span)
    )
    moved = await _statement(who, manager_id)
    return account_page(
        "manager.html",
        who,
        here="me" if manager_id == _id_of(who) else "today",
        only=only,
        shown=str(version_shown),
        manager_id=manager_id,
        name=name_of(who, manager_id),
        is_own=manager_id == _id_of(who),
        mate=None if mate is None else mate_line(who, mate),
        counted=counted,
        lines=why_not_lines(who, counted),
        days=DAYS,
        moved=[] if moved is None else [movement_line(who, each) for each in moved.lines[::-1]],
        statement=moved,
        choices=choices(who.words),
        offers=[offer_line(who, each) for each in await _offered(who, manager_id)],
        told=receipt(who, told, version),
    )


async def _offered(who: SeeingAccount, manager_id: int) -> list[OfferedLead]:
    """Leads that whoever looks may take or pass on for the manager."""
    is_own = manager_id == _id_of(who) and who.principal.may("self")
    if not (is_own or who.principal.may("activity")):
        return []
    return await offered(who.premises.present, who.account, who.principal, manager_id=manager_id)


async def _statement(who: SeeingAccount, manager_id: int) -> Statement | None:
    """Their newest movements; None where nothing was ever moved."""
    try:
        return await statement(
            who.installation,
            who.account,
            who.principal,
            manager_id,
            ledger=ACCOUNT_LEDGER,
            limit=MOVEMENTS,
        )
    except Refused as refused:
        if refused.code not in ("no_movement", "no_movement_in_ledger"):
            raise
        return None


def _done(who: SeeingAccount, manager_id: int, answer: Answer) -> Response:
    """Back to the page, which tells what became of it."""
    where = "me" if manager_id == _id_of(who) else f"managers/{manager_id}"
    return told_at(f"{who.base}/{where}", answer)


def _id_of(who: SeeingAccount) -> int | None:
    return who.principal.manager_id


def _own_id(who: SeeingAccount) -> int:
    manager_id = _id_of(who)
    if manager_id is None:
        raise HttpProblem("not-found", "Nobody in Kommo has been named as you.")
    return manager_id
