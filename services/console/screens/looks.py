"""Who looked at what: the one place for it, by whom and when, and as a file (W4.8, A9.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application.access import accesses
from services.application.span import EARLIEST, LATEST, Span, bounds_from
from services.console.names import names_in
from services.console.pages import account_page, sheet
from services.console.seeing import InAccount, SeeingAccount
from services.console.who_may import look_line
from services.storage.access_log import AccessLine

router = APIRouter()

LINES = 100
LINES_IN_FILE = 10_000
COLUMNS = ("at", "principal", "whence", "what", "ids", "request_id")
PLACE = "/audit/looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLooks:
    """Which looks, as the address has it."""

    by: str
    start: str
    end: str

    @property
    def kept(self) -> dict[str, str]:
        """What of it an address needs."""
        named = (("by", self.by), ("from", self.start), ("to", self.end))
        return {name: text for name, text in named if text}


def _wanted(
    by: Annotated[str, Query(max_length=100)] = "",
    start: Annotated[str, Query(alias="from", max_length=40)] = "",
    to: Annotated[str, Query(max_length=40)] = "",
) -> WantedLooks:
    return WantedLooks(by=by.strip(), start=start.strip(), end=to.strip())


Wanted = Annotated[WantedLooks, Depends(_wanted)]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


@router.get("/a/{account_id}/audit/looks")
async def get_looks(who: InAccount, wanted: Wanted, before: Before = None) -> Response:
    """The newest first; that is a look, too."""
    found = await looks(who, wanted, limit=LINES + 1, before=before)
    lines = found[:LINES]
    names = await names_in(who, [each.principal for each in lines])
    older = {**wanted.kept, "before": lines[-1].id} if len(found) > LINES else None
    return account_page(
        "looks.html",
        who,
        here="audit",
        wanted=wanted,
        said=_said(who, wanted, names),
        people=sorted(names.items(), key=lambda each: each[1]),
        lines=[look_line(who, each, names) for each in lines],
        newest=_at(who, wanted.kept) if before is not None else "",
        older="" if older is None else _at(who, older),
        clear=f"{who.base}{PLACE}" if wanted.kept else "",
        csv=f"{who.base}{PLACE}.csv?{urlencode(wanted.kept)}",
    )


@router.get("/a/{account_id}/audit/looks.csv")
async def get_looks_file(who: InAccount, wanted: Wanted) -> Response:
    """The same as a file."""
    rows = [
        (
            each.at.isoformat(),
            each.principal,
            each.whence,
            each.what,
            " ".join(map(str, each.ids)),
            each.request_id,
        )
        for each in await looks(who, wanted, limit=LINES_IN_FILE)
    ]
    return sheet("looks", COLUMNS, rows)


@router.get("/a/{account_id}/access/looks")
async def get_former_place(who: InAccount, wanted: Wanted) -> Response:
    """Where it was."""
    return RedirectResponse(_at(who, wanted.kept), status_code=308)


async def looks(
    who: SeeingAccount, wanted: WantedLooks, *, limit: int, before: int | None = None
) -> Sequence[AccessLine]:
    """Those of a filter, the newest first."""
    start, end = bounds_from(wanted.start, wanted.end, now=who.now, timezone=who.account.timezone)
    return await accesses(
        who.installation,
        who.account,
        who.principal,
        Span(start=start or EARLIEST, end=end or LATEST),
        by=wanted.by,
        limit=limit,
        before=before,
    )


def _said(who: SeeingAccount, wanted: WantedLooks, names: dict[str, str]) -> str:
    if not wanted.by:
        return who.words.say(sentence("console.audit.looks_of_all"))
    name = names.get(wanted.by, wanted.by)
    return who.words.say(sentence("console.audit.looks_of", who=name))


def _at(who: SeeingAccount, kept: Mapping[str, object]) -> str:
    return f"{who.base}{PLACE}" + (f"?{urlencode(kept)}" if kept else "")
