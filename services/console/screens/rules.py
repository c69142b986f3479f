"""Rules: who gets which leads? Those in force, their revisions, and them as a file (W4.4)."""

from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from contracts.events import RulesApplied
from contracts.sentences import sentence
from services.application import rules
from services.application.rule_counts import given_by_rule
from services.application.rule_history import revision, revisions
from services.application.rules_texts import text_of
from services.console.moments import moment
from services.console.names import names_in
from services.console.pages import HEADERS, account_page
from services.console.portions import First, portion
from services.console.receipts import Done, JustDone, Receipt, receipt_of
from services.console.rules.changes import change_lines, text_changes
from services.console.rules.lines import rule_lines
from services.console.rules.views import RemarkView, Shower, remark_views
from services.console.rules.work import others, own_draft
from services.console.seeing import InAccount, SeeingAccount
from services.rules_file.amending import EMPTY
from services.rules_file.file import dump
from services.rules_file.yaml import Document, read, with_dates

router = APIRouter()

SHOWN = 50
AT_ONCE = 20
Number = Annotated[int, Query(ge=0, le=2**31 - 1)]


@router.get("/a/{account_id}/rules")
async def get_rules(who: InAccount, done: JustDone, first: First = 0) -> Response:
    """The rules in force, in the order in which they are tried, and who works on others."""
    applied = await rules.newest(who.installation, who.account, who.principal)
    may_change = who.principal.may("rules")
    remarks: list[RemarkView] = []
    if applied is not None and may_change:
        found = await rules.check_in_force(who.installation, who.account, who.principal, applied)
        remarks = remark_views(who, found)
    data = {"rules": []} if applied is None else with_dates(applied.rules)
    shower = Shower(who=who, document=Document(data=data), remarks=remarks)
    given = await given_by_rule(who.installation, who.account, who.principal, now=who.now)
    own = await own_draft(who) if may_change else None
    numbers, part = portion(
        range(len(data["rules"])), first, address="?first={}".format, size=AT_ONCE
    )
    return account_page(
        "rules.html",
        who,
        here="rules",
        applied=applied and await _by_name(who, applied),
        lines=rule_lines(shower, remarks, given, numbers),
        part=part,
        remarks=remarks,
        may_change=may_change,
        receipt=await _receipt(who, applied, done),
        own=own,
        others=await others(who, but="" if own is None else own.draft_id) if may_change else [],
        stages=_stages(who),
        key=token_hex(8),
    )


@router.get("/a/{account_id}/rules/revisions")
async def get_revisions(who: InAccount, before: Number = 0) -> Response:
    """Who put which in force, the newest first."""
    found = await revisions(
        who.installation, who.account, who.principal, limit=SHOWN + 1, before=before or None
    )
    shown = found[:SHOWN]
    names = await names_in(who, (each.applied.by for each in shown))
    return account_page(
        "rules_revisions.html",
        who,
        here="rules",
        lines=[_applied(who, each.applied, names) for each in shown],
        newest=f"{who.base}/rules/revisions" if before else "",
        older=f"?before={shown[-1].version}" if len(found) > SHOWN else "",
    )


@router.get("/a/{account_id}/rules/revisions/{number}")
async def get_revision(who: InAccount, number: int) -> Response:
    """One revision: what it has otherwise than the one before, in words and as a file."""
    found = await revision(who.installation, who.account, who.principal, number)
    before = None
    if number > 1:
        before = await revision(who.installation, who.account, who.principal, number - 1)
    text = dump(found.applied.rules)
    old_text = EMPTY if before is None else dump(before.applied.rules)
    return account_page(
        "rules_revision.html",
        who,
        here="rules",
        applied=await _by_name(who, found.applied),
        changes=change_lines(who, read(old_text).data, read(text).data),
        diff=text_changes(old_text, text),
        text=text,
        may_change=who.principal.may("rules"),
        key=token_hex(8),
    )


@router.get("/a/{account_id}/rules/file")
async def get_rules_file(who: InAccount) -> Response:
    """The rules in force as a file."""
    applied = await rules.in_force(who.installation, who.account, who.principal)
    return file_of(who, await text_of(who.installation, who.account, applied))


def file_of(who: SeeingAccount, text: str) -> Response:
    """A rules file to keep."""
    name = f"rules-{who.account.account_id}.yaml"
    return Response(
        text,
        media_type="application/yaml",
        headers={**HEADERS, "content-disposition": f'attachment; filename="{name}"'},
    )


async def _receipt(who: SeeingAccount, applied: RulesApplied | None, done: Done) -> Receipt | None:
    found = await receipt_of(who, done)
    if found is None or done.told != "done" or applied is None:
        return found
    said = sentence("console.rules.applied", revision=applied.revision)
    return replace(found, text=who.words.say(said))


async def _by_name(who: SeeingAccount, applied: RulesApplied) -> dict[str, Any]:
    return _applied(who, applied, await names_in(who, [applied.by]))


def _applied(who: SeeingAccount, applied: RulesApplied, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "revision": applied.revision,
        "by": names[applied.by],
        "at": moment(who, applied.at),
        "note": applied.note,
        "href": f"{who.base}/rules/revisions/{applied.revision}",
        "said": who.words.say(
            sentence("console.rules.count", count=len(applied.rules.get("rules", ())))
        ),
    }


def _stages(who: SeeingAccount) -> list[tuple[str, str]]:
    """To choose one from: its two ids, and its name."""
    known = rules.stages_of(who.account) or {}
    return [(f"{stage.pipeline_id}:{stage.status_id}", name) for stage, name in known.items()]
