"""The account at a moment of its past, read-only (W4.8)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from domain.configuration import ACCOUNT_LEDGER
from services.application.refused import Refused
from services.application.state import state
from services.console.moments import Moment, moment
from services.console.names import name_of
from services.console.pages import HEADERS, account_page
from services.console.seeing import InAccount, SeeingAccount
from services.words.kinds import MINUTE

router = APIRouter()

At = Annotated[str, Query(max_length=40)]
# Of a part of the state: what is more is in the file.
CHARACTERS_MAX = 4_000
APART = frozenset({"account_id", "version", "now", "digest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonThen:
    """Somebody as they stood then.

    Attributes:
        credit: In the account's ledger; empty if they had none.
    """

    name: str
    open_leads: int
    credit: str
    is_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePart:
    """A part of the state, by its own name."""

    name: str
    count: int | None
    text: str
    is_cut: bool


@router.get("/a/{account_id}/audit/then")
async def get_then(who: InAccount, at: At = "") -> Response:
    """Everything that a decision then depended on."""
    who.require("audit")
    if not at.strip():
        return RedirectResponse(f"{who.base}/audit", status_code=303)
    wrong, found = "", None
    try:
        found = await state(who.installation, who.account, who.principal, at.strip())
    except Refused as refused:
        if refused.code not in ("not_a_moment", "event_beyond_the_last"):
            raise
        wrong = who.words.say(refused.sentence)
    return account_page(
        "then.html",
        who,
        here="audit",
        status=422 if wrong else 200,
        at=at,
        wrong=wrong,
        then=found,
        told_at=None if found is None else _when(who, found),
        people=[] if found is None else _people(who, found),
        parts_of_it=[] if found is None else _parts(found),
        file=f"{who.base}/audit/then.json?at={quote(at)}",
    )


@router.get("/a/{account_id}/audit/then.json")
async def get_then_as_data(who: InAccount, at: At) -> Response:
    """The same as a file, whole."""
    found = await state(who.installation, who.account, who.principal, at)
    name = f"state-{who.account.account_id}-{found['version']}.json"
    return Response(
        json.dumps(found, indent=1),
        media_type="application/json",
        headers={**HEADERS, "content-disposition": f'attachment; filename="{name}"'},
    )


def _when(who: SeeingAccount, found: dict[str, Any]) -> Moment | None:
    """The time of the last event; None before the first."""
    if found["version"] == 0:
        return None
    at = datetime.fromisoformat(found["now"])
    # With its date, whatever day it is: this page is about that day.
    told = moment(who, at)
    return Moment(text=f"{at.astimezone(who.zone):{MINUTE}}", iso=told.iso, utc=told.utc)


def _people(who: SeeingAccount, found: dict[str, Any]) -> list[PersonThen]:
    credit_of = found["credits"].get(ACCOUNT_LEDGER, {})
    ids = sorted({int(each) for each in (*credit_of, *found["loads"], *found["pauses"])})
    return [
        PersonThen(
            name=name_of(who, each),
            open_leads=found["loads"].get(str(each), 0),
            credit=who.words.say(sentence("cell.credit", units=credit_of[str(each)]))
            if str(each) in credit_of
            else "",
            is_paused=str(each) in found["pauses"],
        )
        for each in ids
    ]


def _parts(found: dict[str, Any]) -> list[StatePart]:
    parts = []
    for name, value in found.items():
        if name in APART:
            continue
        text = json.dumps(value, indent=1, ensure_ascii=False)
        parts.append(
            StatePart(
                name=name,
                count=len(value) if isinstance(value, dict | list) else None,
                text=text[:CHARACTERS_MAX],
                is_cut=len(text) > CHARACTERS_MAX,
            )
        )
    return parts
