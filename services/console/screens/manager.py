"""A manager: what do I get, and why not more? (W4.3); one's own page is `/me`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from contracts.events import LEAD
from contracts.sentences import sentence
from domain.configuration import ACCOUNT_LEDGER
from projections.response import Speed
from services.application.attendance import Teammate, oneself
from services.application.commands import Answer, Once
from services.application.cover import merged
from services.application.offered import OfferedLead, offered
from services.application.operations import shown
from services.application.pauses import pause, resume
from services.application.refused import Refused
from services.application.shifts import shifts_of_manager
from services.application.span import Span, check_length, span_from
from services.application.speed import speed
from services.application.statement import StatementLine, whole_statement
from services.application.why_not import Question, why_not
from services.console.bands import days_from
from services.console.gathering import Gathering
from services.console.hours import hours_days
from services.console.moments import moment
from services.console.names import name_of, with_rules
from services.console.pages import Parts, account_page, sheet
from services.console.pauses import choices, end_of
from services.console.receipts import NOTHING_DONE, Done, JustDone, Key, receipt_of, told_at
from services.console.seeing import InAccount, SeeingAccount
from services.console.shapes import mate_line, offer_line, why_not_lines
from services.console.speeds import speed_line
from services.console.statements import NEWEST, LinesAsked, posted_by, statement_view
from services.shared.spreadsheet import Cell
from services.web.faults import problem_of
from services.web.problems import HttpProblem

router = APIRouter()

DAYS = 7
RANGES = ("-7d", "-30d", "-90d")
DAYS_AHEAD = 14
COLUMNS = ("at", "movement", "lead_id", "by", "reason", "leads", "balance", "kinds")
# What nobody at the page can mend by doing something else: a page of its own tells it.
ELSEWHERE = ("not_allowed", "proof_needed")

From = Annotated[str, Query(alias="from", max_length=40)]
To = Annotated[str, Query(max_length=40)]
Ledger = Annotated[str, Query(min_length=1, max_length=100)]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerAddress:
    """What of a manager is looked at, as the address has it (W3.1)."""

    start: str = ""
    end: str = ""
    ledger: str = ACCOUNT_LEDGER
    lines: LinesAsked = NEWEST
    done: Done = NOTHING_DONE


def _address(
    request: Request,
    done: JustDone,
    start: From = "",
    to: To = "",
    ledger: Ledger = ACCOUNT_LEDGER,
    before: Before = None,
) -> ManagerAddress:
    is_phone = "Mobi" in request.headers.get("user-agent", "")
    return ManagerAddress(
        start=start,
        end=to,
        ledger=ledger,
        lines=LinesAsked.of(before, is_phone=is_phone),
        done=done,
    )


Asked = Annotated[ManagerAddress, Depends(_address)]


@router.get("/a/{account_id}/me")
async def get_me(who: InAccount, only: Parts, asked: Asked) -> Response:
    """One's own page."""
    return await manager_page(who, _own_id(who), asked, only=only)


@router.get("/a/{account_id}/managers/{manager_id}")
async def get_manager(who: InAccount, manager_id: int, only: Parts, asked: Asked) -> Response:
    """Anybody's page, for who may read; one's own for everybody."""
    return await manager_page(who, manager_id, asked, only=only)


@router.get("/a/{account_id}/managers/{manager_id}/statement.csv")
async def get_statement_csv(who: InAccount, manager_id: int, asked: Asked) -> Response:
    """All movements of the range for a spreadsheet (S31)."""
    found = await whole_statement(
        who.installation,
        who.account,
        who.principal,
        manager_id,
        ledger=asked.ledger,
        span=_span(who, asked),
    )
    names = await posted_by(who, found)
    rows = [_cells(who, each, names) for each in found.lines]
    return sheet(f"statement-{manager_id}-{asked.ledger}", COLUMNS, rows)


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
    try:
        answer = await pause(
            who.installation,
            who.account,
            who.principal,
            manager_id,
            until=end_of(who, length, until),
            reason=reason,
            once=Once(key=key),
        )
    except Refused as refused:
        return await refused_page(who, manager_id, refused)
    return _done(who, manager_id, answer)


@router.post("/a/{account_id}/managers/{manager_id}/resume")
async def post_resume(who: InAccount, manager_id: int, key: Key) -> Response:
    """End a pause."""
    try:
        answer = await resume(
            who.installation, who.account, who.principal, manager_id, once=Once(key=key)
        )
    except Refused as refused:
        return await refused_page(who, manager_id, refused)
    return _done(who, manager_id, answer)


async def refused_page(who: SeeingAccount, manager_id: int, refused: Refused) -> Response:
    """The page once more, with why a deed was refused.

    Raises:
        Refused: Nothing else could be done on it.
    """
    if refused.code in ELSEWHERE:
        raise refused
    return await manager_page(who, manager_id, ManagerAddress(), refused=refused)


async def manager_page(
    who: SeeingAccount,
    manager_id: int,
    asked: ManagerAddress,
    *,
    only: Sequence[str] = (),
    refused: Refused | None = None,
) -> Response:
    """Everything about a manager."""
    place = (who.installation, who.account, who.principal)
    version_shown = await shown(who.installation, who.account.account_id)
    who, span, own = await with_rules(who), _span(who, asked), manager_id == _id_of(who)
    gathering = Gathering(who)
    mate = await gathering.part("now", _mate(who, manager_id))
    counted = await gathering.part(
        "why", why_not(who.installation, who.principal, Question(who.account, manager_id, span))
    )
    ahead = days_from(who.now, who.zone, DAYS_AHEAD)
    shifts = await gathering.part("shifts", shifts_of_manager(*place, manager_id, span=ahead))
    served = await gathering.part("speed", _speed(who, manager_id, span))
    offers = await gathering.part("offered", _offered(who, manager_id))
    line = None if mate is None else mate_line(who, mate)
    told = await receipt_of(who, asked.done)
    if told is not None and (line is None or not line.may_resume):
        told = replace(told, undo=None)  # nobody is paused any more
    here = f"{who.base}/me" if own else f"{who.base}/managers/{manager_id}"
    asked_for = {key: text for key, text in (("from", asked.start), ("to", asked.end)) if text}
    moved = await gathering.part(
        "statement",
        statement_view(
            who,
            manager_id,
            asked.ledger,
            span,
            asked.lines,
            place=here,
            kept=asked_for,
        ),
    )
    range_query = f"?{urlencode(asked_for)}" if asked_for else ""
    asked_for = {"ledger": asked.ledger, **asked_for}
    return account_page(
        "manager.html",
        who,
        here="me" if own else "today",
        only=only,
        shown=str(version_shown),
        status=200 if refused is None else problem_of(refused).status,
        wrong="" if refused is None else who.words.say(refused.sentence),
        manager_id=manager_id,
        name=name_of(who, manager_id),
        is_own=own,
        failed=gathering.failed,
        mate=line,
        counted=counted,
        lines=() if counted is None else why_not_lines(who, counted),
        ranges=[(each, each.strip("-d"), f"{here}?from={each}") for each in RANGES],
        place=here,
        asked=asked,
        range_query=range_query,
        since=moment(who, span.start),
        until=moment(who, span.end),
        csv=f"{who.base}/managers/{manager_id}/statement.csv?{urlencode(asked_for)}",
        statement=moved,
        speed=[speed_line(who, each, name_of(who, manager_id)) for each in served or ()],
        days=()
        if shifts is None
        else hours_days(who, merged((each.start, each.end) for each in shifts), DAYS_AHEAD),
        choices=choices(who.words),
        offers=[offer_line(who, each) for each in offers or ()],
        told=told,
    )


async def _mate(who: SeeingAccount, manager_id: int) -> Teammate | None:
    place = (who.installation, who.premises.present, who.account, who.principal)
    return await oneself(*place, manager_id, now=who.now)


def _span(who: SeeingAccount, asked: ManagerAddress) -> Span:
    span = span_from(asked.start, asked.end, now=who.now, timezone=who.account.timezone, days=DAYS)
    check_length(span)
    return span


async def _speed(who: SeeingAccount, manager_id: int, span: Span) -> Sequence[Speed]:
    """How fast they served leads, for who may compare people."""
    if not who.principal.may("read"):
        return []
    return await speed(
        who.installation,
        who.account,
        who.principal,
        span=span,
        by="manager",
        now=who.now,
        manager_id=manager_id,
    )


def _cells(who: SeeingAccount, line: StatementLine, names: Mapping[str, str]) -> Sequence[Cell]:
    movement = line.movement
    return (
        movement.at.isoformat(),
        movement.reason,
        movement.lead_id,
        names.get(line.by, line.by),
        line.note,
        # Numbers, which a spreadsheet adds up; a text that begins with a sign is none to it.
        Decimal(movement.units) / LEAD,
        Decimal(movement.balance_units) / LEAD,
        "; ".join(map(who.words.say, line.kinds)),
    )


async def _offered(who: SeeingAccount, manager_id: int) -> list[OfferedLead]:
    """Leads that whoever looks may take or pass on for the manager."""
    is_own = manager_id == _id_of(who) and who.principal.may("self")
    if not (is_own or who.principal.may("activity")):
        return []
    return await offered(who.premises.present, who.account, who.principal, manager_id=manager_id)


def _done(who: SeeingAccount, manager_id: int, answer: Answer) -> Response:
    """Back to the page, which tells what became of it."""
    where = "me" if manager_id == _id_of(who) else f"managers/{manager_id}"
    return told_at(f"{who.base}/{where}", answer)


def _id_of(who: SeeingAccount) -> int | None:
    return who.principal.manager_id


def _own_id(who: SeeingAccount) -> int:
    manager_id = _id_of(who)
    if manager_id is None:
        raise HttpProblem("not-found", who.words.say(sentence("console.me.nobody")))
    return manager_id
