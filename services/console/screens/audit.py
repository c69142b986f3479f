"""Audit: can I trust it? (W4.8)."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application.audit.account import Audited
from services.application.audit.replay import Fault
from services.application.audit.told import told
from services.application.commands import Once
from services.application.deeds import GivenCommand, given_lately
from services.application.jobs.asked import ReplayAsked
from services.application.jobs.giving import result_as, start
from services.console.jobs import jobs_of
from services.console.moments import Moment, moment
from services.console.names import names_in, person_of
from services.console.pages import account_page
from services.console.receipts import Key
from services.console.screens.looks import WantedLooks, looks
from services.console.seeing import InAccount, SeeingAccount
from services.console.who_may import look_line
from services.storage.jobs import StoredJob

router = APIRouter()

DEEDS = 20
# The others have a page of their own.
LOOKS = 10
ANYBODY = WantedLooks(by="", start="", end="")


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


@router.get("/a/{account_id}/audit")
async def get_audit(who: InAccount) -> Response:
    """The last replay, the way to any moment, who did and who looked."""
    who.require("audit")
    replays = await jobs_of(who, "replay")
    lately = await looks(who, ANYBODY, limit=LOOKS)
    deeds = await given_lately(who.installation, who.account, who.principal, limit=DEEDS)
    names = await names_in(who, [*(each.principal for each in lately), *(d.by for d in deeds)])
    return account_page(
        "audit.html",
        who,
        here="audit",
        head=await who.installation.events.head(who.account.account_id),
        replays=replays,
        last=None if replays.finished is None else await _last(who, replays.finished),
        deeds=[_deed(who, each, names) for each in deeds],
        looks=[look_line(who, each, names) for each in lately],
    )


@router.post("/a/{account_id}/audit/replay")
async def post_replay(who: InAccount, key: Key) -> Response:
    """Have the whole history replayed."""
    await start(who.installation, who.account, who.principal, ReplayAsked(), Once(key=key))
    return RedirectResponse(f"{who.base}/audit", status_code=303)


async def _last(who: SeeingAccount, job: StoredJob) -> ReplayLine:
    audited = await result_as(who.installation, who.account, who.principal, job.job_id, Audited)
    return ReplayLine(
        at=moment(who, job.ended_at or job.given_at),
        by=await person_of(who, job.given_by),
        said=tuple(who.words.lines(told(audited))),
        audited=audited,
        newer=await who.installation.events.head(who.account.account_id) - audited.last,
        fault=audited.fault,
    )


def _deed(who: SeeingAccount, given: GivenCommand, names: Mapping[str, str]) -> DeedLine:
    return DeedLine(
        at=moment(who, given.at),
        version=given.version,
        by=names[given.by],
        what=who.words.say(sentence(f"console.ordered.{given.command}")),
    )
