"""Dead letters of one reason: rows, what one holds, tried again or set aside (W4.13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import Sentence, sentence
from services.application import dead_letters
from services.application.refused import Refused
from services.console.names import person_of
from services.console.operations import BODY_SHOWN_MAX, letter_line
from services.console.pages import installation_page
from services.console.receipts import SignedBy, signed_at, signed_receipt
from services.console.seeing import FORMS, InInstallation, SeeingInstallation
from services.storage.dead_letters import KeptLetter

router = APIRouter()

LINES = 50
FIELDS_SHOWN_MAX = 200
BASE = "/operations/letters"

Reason = Annotated[str, Query(max_length=10_000)]
ReasonField = Annotated[str, Form(max_length=10_000)]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Count = Annotated[int, Query(ge=0)]
Why = Annotated[str, Form(max_length=2_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """What became of many letters, as the address has it; None of what was not done."""

    published: int | None
    still: int
    failed: int
    dropped: int | None


def _became(
    published: Count | None = None,
    still: Count = 0,
    failed: Count = 0,
    dropped: Count | None = None,
) -> Became:
    return Became(published=published, still=still, failed=failed, dropped=dropped)


JustBecame = Annotated[Became, Depends(_became)]


@router.get(BASE)
async def get_letters(
    who: InInstallation,
    became: JustBecame,
    signature: SignedBy,
    reason: Reason = "",
    before: Before = None,
) -> Response:
    """Those that nobody has dealt with, the newest first, of one reason if it is named."""
    found = await dead_letters.page(
        who.installation, who.principal, limit=LINES, before=before, reason=reason or None
    )
    names = await _account_names(who, found)
    kept = {"reason": reason} if reason else {}
    return installation_page(
        "letters.html",
        who,
        here="operations",
        told=await signed_receipt(who, _told(became), signature, is_done=not became.still),
        reason=reason,
        count=await dead_letters.count(who.installation, who.principal, reason=reason or None),
        letters=[letter_line(who, each, names) for each in found],
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
    published = still = failed = 0
    before: int | None = None
    while True:
        tried = await dead_letters.retry_all(
            who.installation, who.principal, reason=reason or None, before=before
        )
        published += tried.published
        still += tried.still
        failed += tried.failed
        before = tried.next_before
        if before is None:
            break
    told = {"published": published, "still": still, "failed": failed}
    return signed_at(who, BASE, reason=reason if still else "", **told)


@router.post(f"{BASE}/drop")
async def post_drop_all(who: InInstallation, reason: ReasonField, why: Why = "") -> Response:
    """Set all of them aside that match; why is kept."""
    dropped = 0
    while count := await dead_letters.drop_all(
        who.installation, who.principal, reason=reason, why=why
    ):
        dropped += count
    return signed_at(who, BASE, dropped=dropped)


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
        letter=letter_line(who, letter, await _account_names(who, [letter]), by),
        reason=letter.reason,
        content_type=letter.content_type,
        fields=fields[:FIELDS_SHOWN_MAX],
        text=text[:BODY_SHOWN_MAX],
        left_out=max(0, len(text) - BODY_SHOWN_MAX),
    )


async def _account_names(who: SeeingInstallation, letters: Sequence[KeptLetter]) -> dict[int, str]:
    """Of those that the letters are of, as Accounts calls them."""
    ids = {each.account_id for each in letters if each.account_id is not None}
    return await who.installation.accounts.names(ids)


def _told(became: Became) -> list[Sentence]:
    """What became of many letters."""
    if became.dropped is not None:
        return [sentence("console.letters.dropped", count=became.dropped)]
    if became.published is None:
        return []
    told = [sentence("console.letters.tried", count=became.published, still=became.still)]
    if became.failed:
        told.append(sentence("console.letters.failed", count=became.failed))
    return told
