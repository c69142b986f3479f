"""Shadow audit: how fair is the present widget? (W4.10)."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from contracts.events import LEAD
from contracts.sentences import sentence
from services.application.commands import Once
from services.application.jobs.asked import ShadowAuditAsked
from services.application.jobs.giving import result_as, start
from services.application.kommo import check_asks_kommo
from services.application.refused import Refused
from services.application.shadow.audit import DAYS, LEADS_MIN, PEOPLE_MIN, ShadowAudit
from services.application.shadow.judged import ShadowManager
from services.application.shadow.told import Rows, kinds, managers, method, verdict
from services.application.span import span_from
from services.console.jobs import jobs_of
from services.console.moments import Moment, moment
from services.console.pages import account_page, sheet
from services.console.receipts import Key
from services.console.screens.jobs import JobId
from services.console.seeing import InAccount, SeeingAccount
from services.console.shapes import AXIS_HALF
from services.storage.jobs import StoredJob
from services.words.catalogue import Words

router = APIRouter()

Typed = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedLine:
    """A person.

    Attributes:
        bar: Of their deviation; the widest of all fills its half.
    """

    name: str
    got: str
    fair: str
    deviation: str
    lot: str
    bar: tuple[float, float]
    is_above: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowTold:
    """What an audit found.

    Attributes:
        is_enough: Whether anything can be concluded.
        figure: The same as the lines, as numbers.
    """

    at: Moment
    head: str
    verdict: tuple[str, ...]
    is_enough: bool
    columns: tuple[str, ...]
    lines: tuple[ObservedLine, ...]
    kinds: Rows
    method: tuple[str, ...]
    csv: str
    data: str


@router.get("/a/{account_id}/shadow")
async def get_shadow(who: InAccount) -> Response:
    """The last audit of the day, or what one needs."""
    return await _page(who)


@router.post("/a/{account_id}/shadow")
async def post_shadow(who: InAccount, key: Key, since: Typed = "", to: Typed = "") -> Response:
    """Have what Kommo tells judged."""
    try:
        span = span_from(
            since.strip(),
            to.strip(),
            now=who.now.replace(microsecond=0),
            timezone=who.account.timezone,
            days=DAYS,
        )
        asked = ShadowAuditAsked(start=span.start, end=span.end)
        await start(who.installation, who.account, who.principal, asked, Once(key=key))
    except Refused as refused:
        if refused.code == "not_allowed":
            raise
        return await _page(
            who, since=since, to=to, wrong=who.words.say(refused.sentence), status=422
        )
    return RedirectResponse(f"{who.base}/shadow", status_code=303)


@router.get("/a/{account_id}/shadow/{job_id}.csv")
async def get_csv(who: InAccount, job_id: JobId) -> Response:
    """A line for each person, in whole credit units and as the page has them."""
    found = await _result(who, job_id)
    rows = [
        (
            each.manager_id,
            found.names.get(each.manager_id, ""),
            each.got,
            each.fair_units,
            each.deviation_units,
            each.lot_units,
        )
        for each in found.judged.managers
    ]
    columns = ("manager_id", "name", "got", "fair_units", "deviation_units", "lot_units")
    return sheet("shadow", columns, rows)


async def _page(
    who: SeeingAccount, *, since: str = "", to: str = "", wrong: str = "", status: int = 200
) -> Response:
    who.require("audit")
    seen = await jobs_of(who, "shadow_audit")
    finished = seen.finished
    return account_page(
        "shadow.html",
        who,
        here="shadow",
        status=status,
        seen=seen,
        told=None
        if finished is None
        else _told(who, finished, await _result(who, finished.job_id)),
        since=since,
        to=to,
        wrong=wrong,
        why_not=await _why_not(who),
        needs=who.words.say(sentence("console.shadow.needs", leads=LEADS_MIN, people=PEOPLE_MIN)),
        days=DAYS,
    )


async def _why_not(who: SeeingAccount) -> str:
    """Why Kommo cannot be asked from here; empty if it can."""
    try:
        await check_asks_kommo(who.installation)
    except Refused as refused:
        return who.words.say(refused.sentence)
    return ""


async def _result(who: SeeingAccount, job_id: str) -> ShadowAudit:
    return await result_as(who.installation, who.account, who.principal, job_id, ShadowAudit)


def _told(who: SeeingAccount, job: StoredJob, found: ShadowAudit) -> ShadowTold:
    # Names as Kommo told them then, of people who are no users any more, too.
    say = Words(zone=who.zone, name=found.names.get).say
    columns, rows = managers(found, say)
    head, *said = map(say, verdict(found))
    widest = max((abs(each.deviation_units) for each in found.judged.managers), default=0)
    return ShadowTold(
        at=moment(who, job.ended_at or job.given_at),
        head=head,
        verdict=tuple(said),
        is_enough=found.is_enough,
        columns=columns,
        lines=tuple(
            _line(cells, each, widest)
            for cells, each in zip(rows, found.judged.managers, strict=True)
        ),
        kinds=kinds(found, say),
        method=tuple(map(say, method(found))),
        csv=f"{who.base}/shadow/{job.job_id}.csv",
        data=f"{who.base}/jobs/{job.job_id}/result",
    )


def _line(cells: tuple[str, ...], manager: ShadowManager, widest: int) -> ObservedLine:
    name, got, fair, deviation, lot = cells
    units = manager.deviation_units
    width = round(AXIS_HALF * abs(units) / max(widest, LEAD), 1)
    return ObservedLine(
        name=name,
        got=got,
        fair=fair,
        deviation=deviation,
        lot=lot,
        bar=(AXIS_HALF, width) if units >= 0 else (round(AXIS_HALF - width, 1), width),
        is_above=units > 0,
    )
