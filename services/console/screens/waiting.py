"""Waiting and duty: who waits, for what, and who takes it when nobody can? (W4.7)."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from contracts.sentences import sentence
from projections.requests import Request, RequestFilter
from services.application.duty import duty_ahead
from services.application.requests import asked
from services.application.rules import names_of_rules
from services.application.waiting import waiting_now
from services.console.bands import days_from
from services.console.names import knowing_rules
from services.console.pages import account_page, sheet
from services.console.receipts import JustDone, receipt_of
from services.console.seeing import InAccount, SeeingAccount
from services.console.waits import (
    duty_line,
    ended_line,
    reason_line,
    request_line,
    stall_line,
    waits_for,
)

router = APIRouter()

PAGE = 50
CSV_MAX = 10_000
DAYS = 7
COLUMNS = ("lead_id", "rule", "reason", "waits_since", "next_look_at")

Reason = Annotated[str, Query(max_length=40, pattern="^[a-z_]*$")]
Rule = Annotated[str, Query(max_length=64, pattern="^[A-Za-z0-9_-]*$")]
Place = Annotated[int | None, Query(ge=0, lt=2**63)]


@router.get("/a/{account_id}/waiting")
async def get_waiting(
    who: InAccount,
    reason: Reason = "",
    rule: Rule = "",
    *,
    after: Place = None,
    before: Place = None,
    done: JustDone,
) -> Response:
    """Who waits by reason and one by one, rules that stand still, and duty of a week."""
    who.require("read")
    names = await names_of_rules(who.installation, who.account)
    who = knowing_rules(who, names)
    now = await waiting_now(who.installation, who.account, who.principal)
    rows, newer, older = await _page(who, _which(reason, rule), after=after, before=before)
    span = days_from(who.now, who.zone, DAYS)
    duty = await duty_ahead(who.installation, who.account, who.principal, span=span)
    wanted = {key: value for key, value in (("reason", reason), ("rule", rule)) if value}
    return account_page(
        "waiting.html",
        who,
        here="waiting",
        waiting=now.leads,
        reasons=[reason_line(who, each) for each in now.reasons],
        rows=[request_line(who, each) for each in rows],
        stalled=[stall_line(who, each) for each in now.stalled],
        ended=[ended_line(who, each) for each in now.ended],
        duty=[duty_line(who, each, span) for each in duty],
        said=_said(who, reason, rule),
        reason=reason,
        rule=rule,
        rule_names=sorted(names.items()),
        is_filtered=bool(wanted),
        csv=f"{who.base}/waiting.csv?{urlencode(wanted)}",
        newer=_address(who, wanted, "before", newer),
        older=_address(who, wanted, "after", older),
        told=await receipt_of(who, done),
        may_order=who.principal.may("activity"),
    )


@router.get("/a/{account_id}/waiting.csv")
async def get_waiting_csv(who: InAccount, reason: Reason = "", rule: Rule = "") -> Response:
    """The same leads for a spreadsheet, the first 10,000 (S31)."""
    rows = await asked(
        who.installation,
        who.account,
        who.principal,
        _which(reason, rule),
        limit=CSV_MAX,
        after=0,
    )
    return sheet("waiting", COLUMNS, map(_cells, rows))


async def _page(
    who: SeeingAccount, which: RequestFilter, *, after: int | None, before: int | None
) -> tuple[list[Request], int | None, int | None]:
    """A page of those who wait longest first, and where the ones beside it begin, if there are."""
    is_back = before is not None
    found = list(
        await asked(
            who.installation,
            who.account,
            who.principal,
            which,
            limit=PAGE + 1,
            before=before,
            after=None if is_back else after or 0,
        )
    )
    has_more, rows = len(found) > PAGE, found[:PAGE]
    if is_back:
        rows.reverse()
    if not rows:
        return [], None, None
    has_older, has_newer = (True, has_more) if is_back else (has_more, bool(after))
    first, last = rows[0].opened_version, rows[-1].opened_version
    return rows, first if has_newer else None, last if has_older else None


def _which(reason: str, rule: str) -> RequestFilter:
    return RequestFilter(
        states=("waiting",),
        reasons=(reason,) if reason else (),
        rule_ids=(rule,) if rule else (),
    )


def _said(who: SeeingAccount, reason: str, rule: str) -> str:
    """The filter in words."""
    said = [who.words.say(sentence("console.waiting.longest_first"))]
    if reason:
        said.append(waits_for(who, reason))
    if rule:
        said.append(who.words.say(sentence("console.waiting.of_rule", rule=rule)))
    return " · ".join(said)


def _address(who: SeeingAccount, wanted: dict[str, str], side: str, at: int | None) -> str:
    return "" if at is None else f"{who.base}/waiting?{urlencode({**wanted, side: at})}"


def _cells(request: Request) -> Sequence[str | int | None]:
    looks = request.next_look_at
    return (
        request.lead_id,
        request.rule_id,
        request.reason,
        request.opened_at.isoformat(),
        None if looks is None else looks.isoformat(),
    )
