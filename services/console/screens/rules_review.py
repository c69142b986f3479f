"""A draft before it counts: what it changes, what is wrong with it, and then in force (W4.4)."""

from collections.abc import Mapping, Sequence
from secrets import token_hex

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application import rules, rules_drafts
from services.application.commands import Once
from services.application.confirmation import Assent
from services.application.refused import Refused
from services.application.rule_history import revision
from services.application.rules_merging import Fork, forks, joined
from services.console.moments import moment
from services.console.names import person_of
from services.console.pages import account_page
from services.console.receipts import told_at
from services.console.rules.changes import (
    change_lines,
    named_change,
    names_in,
    text_changes,
    told_value,
)
from services.console.rules.work import (
    DraftId,
    Edition,
    Work,
    looked_over,
    opened,
    saved,
)
from services.console.screens.rules_editor import Fields
from services.console.seeing import InAccount, SeeingAccount
from services.rules_file.amending import EMPTY
from services.rules_file.file import dump
from services.rules_file.yaml import read
from services.web.problems import HttpProblem

router = APIRouter()

MOVED = "revision_moved"
# What the page itself can mend.
SAID_HERE = (
    "confirmation_missing",
    "confirmation_differs",
    "reason_not_text",
    "reason_too_long",
    "rules_unusable",
)
DIGITS_MAX = 9


@router.get("/a/{account_id}/rules/drafts/{draft_id}/review")
async def get_review(who: InAccount, draft_id: DraftId) -> Response:
    """What it changes, and what there is to say about it."""
    work = await opened(who, draft_id, is_previewed=True)
    if await _present(who) != work.draft.base_revision:
        return RedirectResponse(f"{work.href}/merge", status_code=303)
    return await _review(work)


@router.post("/a/{account_id}/rules/drafts/{draft_id}/apply")
async def post_apply(who: InAccount, draft_id: DraftId, edition: Edition, sent: Fields) -> Response:
    """Put it in force, if neither it nor what is in force has changed since it was looked at."""
    work = await opened(who, draft_id, is_previewed=True)
    told = who.words.say(sentence("console.rules.unseen"))
    unseen = [each for each in work.warnings if each.token not in sent.get("seen", ())]
    if work.problems or unseen:
        return await _review(work, status=422, wrong=[told] if unseen else [], note=_note(sent))
    try:
        applied = await rules_drafts.put_in_force(
            who.installation,
            who.account,
            who.principal,
            draft_id,
            edition=edition,
            once=Once(key=sent.get("key", [token_hex(8)])[0]),
            assent=Assent(
                access=who.premises.access, who=who.caller, confirmed=_number(sent, "leads")
            ),
            note=_note(sent),
        )
    except Refused as refused:
        if refused.code == MOVED:
            return RedirectResponse(f"{work.href}/merge", status_code=303)
        if refused.code not in SAID_HERE:
            raise
        return await _review(
            work, status=422, wrong=[who.words.say(refused.sentence)], note=_note(sent)
        )
    return told_at(f"{who.base}/rules", applied.answer)


@router.get("/a/{account_id}/rules/drafts/{draft_id}/merge")
async def get_merge(who: InAccount, draft_id: DraftId) -> Response:
    """What others put in force meanwhile, beside what the draft changes."""
    work = await opened(who, draft_id)
    if await _present(who) == work.draft.base_revision:
        return RedirectResponse(f"{work.href}/review", status_code=303)
    base, theirs = await _sides(work)
    found = forks(base, theirs, work.draft.content)
    names = names_in(*(read(each).data for each in (base, theirs, work.draft.content)))
    newest = await rules.in_force(who.installation, who.account, who.principal)
    return account_page(
        "rules_merge.html",
        who,
        here="rules",
        work=work,
        base_revision=work.draft.base_revision,
        revision=newest.revision,
        by=await person_of(who, newest.by),
        at=moment(who, newest.at),
        lines=[_fork_line(who, each, names) for each in found],
    )


@router.post("/a/{account_id}/rules/drafts/{draft_id}/merge")
async def post_merge(who: InAccount, draft_id: DraftId, edition: Edition, sent: Fields) -> Response:
    """Both in one text, made from what is in force now."""
    work = await opened(who, draft_id)
    shown = _number(sent, "revision")
    if shown != await _present(who):
        return RedirectResponse(f"{work.href}/merge", status_code=303)
    base, theirs = await _sides(work)
    found = forks(base, theirs, work.draft.content)
    wanted = joined(work.draft.content, found, theirs_at=sent.get("theirs", ()))
    work = await saved(work, edition, wanted)
    brought = await rules_drafts.change(
        who.installation,
        who.account,
        who.principal,
        draft_id,
        edition=work.draft.edition,
        name=work.draft.name,
        text=work.draft.content,
        base_revision=shown,
    )
    work = await looked_over(who, brought)
    return RedirectResponse(f"{work.href}/review", status_code=303)


async def _review(
    work: Work, *, status: int = 200, wrong: Sequence[str] = (), note: str = ""
) -> Response:
    base = await _base(work)
    changes = []
    if work.is_readable:
        changes = change_lines(work.who, read(base).data, read(_told_alike(work)).data)
    return account_page(
        "rules_review.html",
        work.who,
        here="rules",
        status=status,
        work=work,
        changes=changes,
        diff=text_changes(base, _told_alike(work)),
        wrong=wrong,
        note=note,
        is_wide=work.preview is not None and _is_wide(work, work.preview.moves),
        key=token_hex(8),
    )


def _is_wide(work: Work, leads: int) -> bool:
    return work.who.premises.access.wide_deeds.is_wide(leads)


def _told_alike(work: Work) -> str:
    """The draft as rules in force are told, so that nothing but what differs does."""
    if work.problems or not work.is_readable:
        return work.draft.content
    return dump(rules.draft_of(work.draft.content.encode(), work.who.account))


async def _base(work: Work) -> str:
    """The rules that the draft was made from."""
    if work.draft.base_revision == 0:
        return EMPTY
    who = work.who
    found = await revision(who.installation, who.account, who.principal, work.draft.base_revision)
    return dump(found.applied.rules)


async def _sides(work: Work) -> tuple[str, str]:
    if not work.is_readable:
        told = work.who.words.say(sentence("console.rules.editor_only"))
        raise HttpProblem("unprocessable", told)
    who = work.who
    theirs = await rules.in_force(who.installation, who.account, who.principal)
    return await _base(work), dump(theirs.rules)


async def _present(who: SeeingAccount) -> int:
    found = await rules.newest(who.installation, who.account, who.principal)
    return 0 if found is None else found.revision


def _note(sent: Mapping[str, Sequence[str]]) -> str:
    return "".join(sent.get("note", ())).strip()


def _number(sent: Mapping[str, Sequence[str]], name: str) -> int | None:
    text = "".join(sent.get(name, ())).strip()
    return int(text) if text.isdecimal() and len(text) <= DIGITS_MAX else None


def _fork_line(who: SeeingAccount, fork: Fork, names: dict[str, str]) -> dict[str, object]:
    where, what = named_change(who, fork.path, names)
    base, theirs, mine = (
        told_value(who, fork.path, each) for each in (fork.base, fork.theirs, fork.mine)
    )
    return {
        "path": fork.path,
        "where": where,
        "what": what,
        "base": base,
        "theirs": theirs,
        "mine": mine,
        "is_conflict": fork.is_conflict,
        "is_theirs": fork.is_theirs,
    }
