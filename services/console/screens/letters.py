"""Dead letters of one reason: rows, what one holds, tried again or set aside (W4.13)."""

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application import dead_letters
from services.application.refused import Refused
from services.console.names import person_of
from services.console.operations import BODY_SHOWN_MAX, letter_line
from services.console.pages import installation_page
from services.console.seeing import FORMS, InInstallation, SeeingInstallation

router = APIRouter()

LINES = 50
FIELDS_SHOWN_MAX = 200
BASE = "/operations/letters"

Reason = Annotated[str, Query(max_length=10_000)]
ReasonField = Annotated[str, Form(max_length=10_000)]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Count = Annotated[int | None, Query(ge=0)]
Why = Annotated[str, Form(max_length=2_000)]


@router.get(BASE)
async def get_letters(
    who: InInstallation,
    reason: Reason = "",
    before: Before = None,
    published: Count = None,
    still: Count = None,
    dropped: Count = None,
) -> Response:
    """Those that nobody has dealt with, the newest first, of one reason if it is named."""
    found = await dead_letters.page(
        who.installation, who.principal, limit=LINES, before=before, reason=reason or None
    )
    kept = {"reason": reason} if reason else {}
    return installation_page(
        "letters.html",
        who,
        here="operations",
        told=_told(who, published, still, dropped),
        reason=reason,
        letters=[letter_line(who, each) for each in found],
        newest=f"{BASE}?{urlencode(kept)}" if before is not None else "",
        older=f"?{urlencode({**kept, 'before': found[-1].id})}" if len(found) == LINES else "",
    )


@router.get(BASE + "/{letter_id}")
async def get_letter(who: InInstallation, letter_id: int) -> Response:
    """One, with what it holds; that somebody looked is kept."""
    return await _letter_page(who, letter_id)


@router.post(BASE + "/{letter_id}/retry")
async def post_retry(who: InInstallation, letter_id: int) -> Response:
    """Read it again."""
    try:
        await dead_letters.retry(who.installation, who.principal, letter_id)
    except Refused as refused:
        if refused.code != "letter_not_understood":
            raise
        told = who.words.say(refused.sentence)
        return await _letter_page(who, letter_id, refused=told, status=409)
    return RedirectResponse(f"{BASE}/{letter_id}", status_code=303)


@router.post(BASE + "/{letter_id}/drop")
async def post_drop(who: InInstallation, letter_id: int, why: Why = "") -> Response:
    """Set it aside; why is kept."""
    await dead_letters.drop(who.installation, who.principal, letter_id, why=why)
    return RedirectResponse(f"{BASE}/{letter_id}", status_code=303)


@router.post(f"{BASE}/retry")
async def post_retry_all(who: InInstallation, reason: ReasonField = "") -> Response:
    """Read all of them again that match."""
    published = still = 0
    before: int | None = None
    while True:
        tried = await dead_letters.retry_all(
            who.installation, who.principal, reason=reason or None, before=before
        )
        published, still, before = (
            published + tried.published,
            still + tried.still,
            tried.next_before,
        )
        if before is None:
            break
    told = urlencode({"reason": reason if still else "", "published": published, "still": still})
    return RedirectResponse(f"{BASE}?{told}", status_code=303)


@router.post(f"{BASE}/drop")
async def post_drop_all(who: InInstallation, reason: ReasonField, why: Why = "") -> Response:
    """Set all of them aside that match; why is kept."""
    dropped = 0
    while count := await dead_letters.drop_all(
        who.installation, who.principal, reason=reason, why=why
    ):
        dropped += count
    return RedirectResponse(f"{BASE}?{urlencode({'dropped': dropped})}", status_code=303)


async def _letter_page(
    who: SeeingInstallation, letter_id: int, *, refused: str = "", status: int = 200
) -> Response:
    letter = await dead_letters.get(who.installation, who.principal, letter_id)
    settler = letter.settled_by
    by = "" if settler is None else await person_of(who, settler)
    text = letter.body.decode("utf-8", "replace")
    is_form = letter.content_type.startswith(FORMS)
    fields = parse_qsl(text[:BODY_SHOWN_MAX], keep_blank_values=True) if is_form else []
    return installation_page(
        "letter.html",
        who,
        here="operations",
        status=status,
        refused=refused,
        letter=letter_line(who, letter, by),
        reason=letter.reason,
        content_type=letter.content_type,
        fields=fields[:FIELDS_SHOWN_MAX],
        text=text[:BODY_SHOWN_MAX],
        left_out=max(0, len(text) - BODY_SHOWN_MAX),
    )


def _told(
    who: SeeingInstallation, published: int | None, still: int | None, dropped: int | None
) -> str:
    if dropped is not None:
        return who.words.say(sentence("console.letters.dropped", count=dropped))
    if published is None:
        return ""
    return who.words.say(sentence("console.letters.tried", count=published, still=still or 0))
