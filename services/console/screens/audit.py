"""Audit: can I trust it? (W4.8)."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application.access import accesses
from services.application.audit.account import Audited
from services.application.audit.replay import Fault
from services.application.audit.told import told
from services.application.commands import Once
from services.application.deeds import GivenCommand, given_lately
from services.application.jobs.asked import ReplayAsked
from services.application.jobs.giving import result_as, start
from services.application.span import EARLIEST, LATEST, Span
from services.console.jobs import jobs_of
from services.console.moments import Moment, moment
from services.console.pages import HEADERS, account_page
from services.console.receipts import Key
from services.console.seeing import InAccount, SeeingAccount
from services.shared.spreadsheet import as_csv
from services.storage.access_log import AccessLine
from services.storage.jobs import StoredJob

router = APIRouter()

DEEDS = 20
LOOKS = 50
LOOKS_IN_FILE = 10_000
ANY_TIME = Span(start=EARLIEST, end=LATEST)

By = Annotated[str, Query(max_length=200)]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayLine:
    """What the last replay came to.

    Attributes:
        said: The sentences of the command line.
        newer: How many events have come since.
        fault: The first thing that is not as it was.
    """

    at: Moment
    by: str
    said: tuple[str, ...]
    audited: Audited
    newer: int
    fault: Fault | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedLine:
    """Somebody ordered something."""

    at: Moment
    version: int
    by: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookLine:
    """Somebody looked at something."""

    id: int
    at: Moment
    by: str
    by_address: str
    whence: str
    what: str
    ids: str


@router.get("/a/{account_id}/audit")
async def get_audit(who: InAccount, by: By = "", before: Before = None) -> Response:
    """The last replay, the way to any moment, who did and who looked."""
    who.require("audit")
    replays = await jobs_of(who, "replay")
    looks = await _looks(who, by, before, limit=LOOKS + 1)
    deeds = await given_lately(who.installation, who.account, who.principal, limit=DEEDS)
    shown = looks[:LOOKS]
    return account_page(
        "audit.html",
        who,
        here="audit",
        head=await who.installation.events.head(who.account.account_id),
        replays=replays,
        last=None if replays.finished is None else await _last(who, replays.finished),
        deeds=[_deed(who, each) for each in deeds],
        looks=[_look(who, each) for each in shown],
        by=by,
        newer=_address(who, by=by) if before is not None else "",
        older=_address(who, by=by, before=shown[-1].id) if len(looks) > LOOKS else "",
        csv=f"{who.base}/audit/looks.csv?{urlencode({'by': by})}",
    )


@router.post("/a/{account_id}/audit/replay")
async def post_replay(who: InAccount, key: Key) -> Response:
    """Have the whole history replayed."""
    await start(who.installation, who.account, who.principal, ReplayAsked(), Once(key=key))
    return RedirectResponse(f"{who.base}/audit", status_code=303)


@router.get("/a/{account_id}/audit/looks.csv")
async def get_looks(who: InAccount, by: By = "") -> Response:
    """Who looked, by the same filter, as a file."""
    looks = await _looks(who, by, None, limit=LOOKS_IN_FILE)
    columns = ("at", "principal", "whence", "what", "ids", "request_id")
    rows = [
        (
            each.at.isoformat(),
            each.principal,
            each.whence,
            each.what,
            " ".join(map(str, each.ids)),
            each.request_id,
        )
        for each in looks
    ]
    return Response(
        as_csv(columns, rows),
        media_type="text/csv",
        headers={**HEADERS, "content-disposition": 'attachment; filename="looks.csv"'},
    )


async def _last(who: SeeingAccount, job: StoredJob) -> ReplayLine:
    audited = await result_as(who.installation, who.account, who.principal, job.job_id, Audited)
    return ReplayLine(
        at=moment(who, job.ended_at or job.given_at),
        by=_person(who, job.given_by),
        said=tuple(who.words.lines(told(audited))),
        audited=audited,
        newer=await who.installation.events.head(who.account.account_id) - audited.last,
        fault=audited.fault,
    )


async def _looks(
    who: SeeingAccount, by: str, before: int | None, *, limit: int
) -> list[AccessLine]:
    return await accesses(
        who.installation, who.account, who.principal, ANY_TIME, by=by, limit=limit, before=before
    )


def _deed(who: SeeingAccount, given: GivenCommand) -> DeedLine:
    return DeedLine(
        at=moment(who, given.at),
        version=given.version,
        by=_person(who, given.by),
        what=who.words.say(sentence(f"console.ordered.{given.command}")),
    )


def _look(who: SeeingAccount, line: AccessLine) -> LookLine:
    return LookLine(
        id=line.id,
        at=moment(who, line.at),
        by=_person(who, line.principal),
        by_address=_address(who, by=line.principal),
        whence=line.whence,
        what=who.words.say(sentence(f"access.what.{line.what}")),
        ids=", ".join(map(str, line.ids)),
    )


def _person(who: SeeingAccount, principal: str) -> str:
    return who.words.say(sentence("cell.person", by=principal))


def _address(who: SeeingAccount, **filters: object) -> str:
    kept = urlencode({name: value for name, value in filters.items() if value})
    return f"{who.base}/audit?{kept}#looks"
