"""A draft of the rules: begun, its list of rules, what is done to it, dropped (W4.4)."""

from secrets import token_hex
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from contracts.stage import Stage
from services.application import rules, rules_drafts
from services.application.commands import Once
from services.application.rule_counts import given_by_rule
from services.application.rule_history import revision
from services.application.rules_texts import text_of
from services.console.pages import account_page
from services.console.receipts import Key
from services.console.rules.deeds import DEEDS, done, with_rule
from services.console.rules.lines import rule_lines
from services.console.rules.values import number
from services.console.rules.work import (
    DraftId,
    Edition,
    Work,
    opened,
    others,
    own_draft,
    saved,
)
from services.console.screens.rules import file_of
from services.console.seeing import InAccount, SeeingAccount
from services.rules_file.amending import EMPTY
from services.storage.rules_drafts import RulesDraft
from services.web.problems import FieldError, HttpProblem

router = APIRouter()

StageIds = Annotated[str, Form(max_length=40)]


@router.post("/a/{account_id}/rules/drafts")
async def post_draft(
    who: InAccount, key: Key, stage: StageIds = "", is_new: Annotated[str, Form(max_length=5)] = ""
) -> Response:
    """Go on with one's own draft, or begin one from what is in force."""
    own = None if is_new else await own_draft(who)
    made = own or await _made(who, key, await _begun_from(who))
    if stage:
        work = await opened(who, made.draft_id)
        name = _stage_name(who, stage)
        work = await saved(
            work, work.draft.edition, with_rule(work.document.data, name, [_stage(stage)])
        )
        last = len(work.rules) - 1
        return RedirectResponse(f"{work.href}/rules/{last}", status_code=303)
    return _to(who, made)


@router.post("/a/{account_id}/rules/revisions/{number}/draft")
async def post_rollback(who: InAccount, number: int, key: Key) -> Response:
    """A draft of an older revision."""
    who.require("rules")
    found = await revision(who.installation, who.account, who.principal, number)
    name = who.words.say(sentence("console.rules.draft_of", revision=number))
    text = await text_of(who.installation, who.account, found.applied)
    return _to(who, await _made(who, key, text, name=name))


@router.get("/a/{account_id}/rules/drafts/{draft_id}")
async def get_draft(who: InAccount, draft_id: DraftId) -> Response:
    """Its rules, in the order in which they will be tried."""
    work = await opened(who, draft_id)
    given = await given_by_rule(who.installation, who.account, who.principal, now=who.now)
    newest = await rules.newest(who.installation, who.account, who.principal)
    return account_page(
        "rules_draft.html",
        who,
        here="rules",
        work=work,
        lines=rule_lines(work.shower, work.remarks, given),
        others=await others(who, but=draft_id),
        is_old=(0 if newest is None else newest.revision) != work.draft.base_revision,
        stages=_choices(who),
        key=token_hex(8),
    )


@router.post("/a/{account_id}/rules/drafts/{draft_id}/deeds")
async def post_deed(
    who: InAccount,
    draft_id: DraftId,
    edition: Edition,
    deed: Annotated[str, Form(max_length=20)],
    rule: Annotated[int, Form(ge=0, le=500)] = 0,
    stage: StageIds = "",
    place: Annotated[int, Form(ge=0, le=500)] = 0,
) -> Response:
    """One more rule, another order, one less."""
    work = await opened(who, draft_id)
    if not work.is_readable:
        raise HttpProblem("unprocessable", who.words.say(sentence("console.rules.editor_only")))
    if deed == "add":
        stages = [_stage(stage)] if stage else []
        wanted = with_rule(work.document.data, _stage_name(who, stage), stages)
    else:
        wanted = _done(who, work, deed, rule, place)
    work = await saved(work, edition, wanted)
    if deed == "add":
        return RedirectResponse(f"{work.href}/rules/{len(work.rules) - 1}", status_code=303)
    return _to(who, work.draft)


@router.post("/a/{account_id}/rules/drafts/{draft_id}/drop")
async def post_drop(who: InAccount, draft_id: DraftId, edition: Edition) -> Response:
    """Forget it."""
    await rules_drafts.drop(who.installation, who.account, who.principal, draft_id, edition=edition)
    return RedirectResponse(f"{who.base}/rules", status_code=303)


@router.get("/a/{account_id}/rules/drafts/{draft_id}/file")
async def get_draft_file(who: InAccount, draft_id: DraftId) -> Response:
    """Its text as a file."""
    found = await rules_drafts.draft(who.installation, who.account, who.principal, draft_id)
    return file_of(who, found.content)


async def _begun_from(who: SeeingAccount) -> str:
    applied = await rules.newest(who.installation, who.account, who.principal)
    if applied is None:
        return EMPTY
    return await text_of(who.installation, who.account, applied)


async def _made(who: SeeingAccount, key: str, text: str, *, name: str = "") -> RulesDraft:
    made, _ = await rules_drafts.make(
        who.installation,
        who.account,
        who.principal,
        name=name or who.words.say(sentence("console.rules.draft_name", at=who.now)),
        text=text,
        base_revision=None,
        once=Once(key=key),
    )
    return made


def _done(who: SeeingAccount, work: Work, deed: str, rule: int, place: int) -> dict[str, object]:
    known = next((each for each in DEEDS if each == deed), None)
    if known is None:
        expected = ", ".join(DEEDS)
        wrong = FieldError(pointer="/deed", code="enum", detail=f"Expected one of: {expected}.")
        raise HttpProblem("unprocessable", errors=[wrong])
    named = work.rules[rule].get("name", "") if rule < len(work.rules) else ""
    copied = who.words.say(sentence("console.rules.copy_of", name=str(named))) if named else ""
    return done(work.document.data, known, rule, copy_name=copied, place=place)


def _stage(text: str) -> Stage:
    pipeline, _, stage = text.partition(":")
    ids = number(pipeline), number(stage)
    if not all(isinstance(each, int) for each in ids):
        wrong = FieldError(pointer="/stage", code="pattern", detail="Expected PIPELINE:STAGE.")
        raise HttpProblem("unprocessable", errors=[wrong])
    return Stage(int(ids[0]), int(ids[1]))


def _stage_name(who: SeeingAccount, stage: str) -> str:
    return dict(_choices(who)).get(stage, "")


def _choices(who: SeeingAccount) -> list[tuple[str, str]]:
    known = rules.stages_of(who.account) or {}
    return [(f"{each.pipeline_id}:{each.status_id}", name) for each, name in known.items()]


def _to(who: SeeingAccount, draft: RulesDraft) -> Response:
    return RedirectResponse(f"{who.base}/rules/drafts/{draft.draft_id}", status_code=303)
