"""The editor of a draft: a rule, what is about all rules, or the text itself (W4.4)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from contracts.sentences import sentence
from services.application.refused import Refused
from services.console.moments import moment
from services.console.names import person_of
from services.console.pages import HEADERS, account_page
from services.console.rules.clashes import Clash, clash_of
from services.console.rules.forms import Placed, Sent, taken, without
from services.console.rules.registers import registers_of, with_registers
from services.console.rules.views import remarks_in
from services.console.rules.work import (
    DraftId,
    RuleNumber,
    Work,
    opened,
    others,
    saved,
    saved_text,
)
from services.console.seeing import InAccount, SeeingAccount
from services.web.problems import HttpProblem

router = APIRouter()

EDITION = "edition"
MOVED = "draft_moved"
DIGITS_MAX = 9


async def sent_by(request: Request) -> Sent:
    """Every field of a form; of one that came more than once all that came."""
    form = await request.form()
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found


Fields = Annotated[Mapping[str, Sequence[str]], Depends(sent_by)]


@router.get("/a/{account_id}/rules/drafts/{draft_id}/rules/{number}")
async def get_rule(who: InAccount, draft_id: DraftId, number: RuleNumber) -> Response:
    """One rule in sections."""
    work = await opened(who, draft_id)
    return await _rule_page(work, number)


@router.post("/a/{account_id}/rules/drafts/{draft_id}/rules/{number}")
async def post_rule(
    who: InAccount, draft_id: DraftId, number: RuleNumber, sent: Fields
) -> Response:
    """Keep what was typed; a part of a page asks for what there is to say about it."""
    work = await opened(who, draft_id)
    placed = work.sections_of(number) if work.is_readable else []
    try:
        work = await _kept(work, placed, sent)
    except Refused as refused:
        if refused.code != MOVED:
            raise
        work = await opened(who, draft_id)
        clash = await clash_of(work, work.sections_of(number), sent)
        return await _rule_page(work, number, clash=clash)
    return await _answered(work, placed, sent, f"{work.href}/rules/{number}")


@router.get("/a/{account_id}/rules/drafts/{draft_id}/settings")
async def get_settings(who: InAccount, draft_id: DraftId) -> Response:
    """What is about all rules."""
    return await _settings_page(await opened(who, draft_id))


@router.post("/a/{account_id}/rules/drafts/{draft_id}/settings")
async def post_settings(who: InAccount, draft_id: DraftId, sent: Fields) -> Response:
    """Keep what was typed."""
    work = await opened(who, draft_id)
    placed = [*work.sections_of_all(), *registers_of(work.document.data)]
    try:
        work = await _kept(work, placed, sent)
    except Refused as refused:
        if refused.code != MOVED:
            raise
        work = await opened(who, draft_id)
        placed = [*work.sections_of_all(), *registers_of(work.document.data)]
        return await _settings_page(work, clash=await clash_of(work, placed, sent))
    return await _answered(work, placed, sent, f"{work.href}/settings")


@router.get("/a/{account_id}/rules/drafts/{draft_id}/yaml")
async def get_yaml(who: InAccount, draft_id: DraftId) -> Response:
    """The text itself."""
    return await _text_page(await opened(who, draft_id))


@router.post("/a/{account_id}/rules/drafts/{draft_id}/yaml")
async def post_yaml(who: InAccount, draft_id: DraftId, sent: Fields) -> Response:
    """Keep the text."""
    work = await opened(who, draft_id)
    text = "\n".join(sent.get("text", ())).replace("\r\n", "\n")
    try:
        work = await saved_text(work, _edition(sent), text)
    except Refused as refused:
        if refused.code != MOVED:
            raise
        return await _text_page(await opened(who, draft_id), mine=text)
    return await _answered(work, (), sent, f"{work.href}/yaml")


async def _kept(work: Work, placed: Sequence[Placed], sent: Sent) -> Work:
    if not work.is_readable:
        told = work.who.words.say(sentence("console.rules.editor_only"))
        raise HttpProblem("unprocessable", told)
    wanted = with_registers(taken(work.document, placed, sent), sent)
    for name in sent.get("remove", ()):
        wanted = without(wanted, placed, name)
    return await saved(work, _edition(sent), wanted)


async def _answered(work: Work, placed: Sequence[Placed], sent: Sent, href: str) -> Response:
    """To a script what there is to say, to a browser the page."""
    if "quietly" not in sent:
        place = sent.get("at", [""])[0]
        where = f"#{place}" if place.replace("_", "").isalnum() else ""
        return RedirectResponse(f"{href}{where}", status_code=303)
    sections = work.shower.sections(placed)
    return JSONResponse(
        {
            "edition": work.draft.edition,
            "told": _told(work),
            "said": {each.name: each.said for each in sections},
            "remarks": [
                {
                    "field": each.field,
                    "severity": each.severity,
                    "text": f"{each.kind}: {each.text}",
                }
                for each in work.remarks
            ],
            "others": [each.by for each in await others(work.who) if each.is_now],
        },
        headers=HEADERS,
    )


async def _rule_page(work: Work, number: int, *, clash: Clash | None = None) -> Response:
    if not work.is_readable:
        return RedirectResponse(f"{work.href}/yaml", status_code=303)
    placed = work.sections_of(number)
    sections = work.shower.sections(placed)
    shown = remarks_in(sections)
    own = f"rules[{number}]"
    return await _page(
        "rule.html",
        work,
        clash=clash,
        number=number,
        title=_title(work.who, work.rules[number]),
        sections=sections,
        general=[
            each for each in work.remarks if each.token not in shown and each.field.startswith(own)
        ],
    )


async def _settings_page(work: Work, *, clash: Clash | None = None) -> Response:
    if not work.is_readable:
        return RedirectResponse(f"{work.href}/yaml", status_code=303)
    placed = [*work.sections_of_all(), *registers_of(work.document.data)]
    sections = work.shower.sections(placed)
    shown = remarks_in(sections)
    return await _page(
        "rules_settings.html",
        work,
        clash=clash,
        sections=sections,
        general=[
            each
            for each in work.remarks
            if each.token not in shown and not each.field.startswith("rules[")
        ],
    )


async def _text_page(work: Work, *, mine: str | None = None) -> Response:
    return await _page(
        "rules_text.html",
        work,
        clash=None if mine is None else Clash(fields=(), by=await _by(work)),
        mine=mine,
    )


async def _page(template: str, work: Work, *, clash: Clash | None, **view: Any) -> Response:  # noqa: ANN401 - whatever it shows
    found = await others(work.who, but=work.draft.draft_id)
    return account_page(
        template,
        work.who,
        here="rules",
        status=200 if clash is None else 409,
        work=work,
        clash=clash,
        told=_told(work),
        others=[each for each in found if each.is_now],
        **view,
    )


async def _by(work: Work) -> str:
    return await person_of(work.who, work.draft.changed_by)


def _told(work: Work) -> str:
    at = moment(work.who, work.draft.changed_at).text
    return work.who.words.say(sentence("console.rules.saved", at=at))


def _title(who: SeeingAccount, rule: Any) -> str:  # noqa: ANN401 - any data
    found = rule if isinstance(rule, dict) else {}
    unnamed = who.words.say(sentence("console.rules.unnamed"))
    return str(found.get("name") or found.get("id") or unnamed)


def _edition(sent: Sent) -> int:
    text = sent.get(EDITION, [""])[0]
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise HttpProblem("unprocessable", "edition: expected a number")
    return int(text)
