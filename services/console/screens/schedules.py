"""Schedules: who works when? (W4.5); what is changed goes into a draft of the rules."""

from collections.abc import Mapping
from datetime import date
from secrets import token_hex
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from contracts.sentences import sentence
from domain.schedule.hours import WEEKDAYS
from services.application import schedule_edits as edits
from services.application.calendars import DAY, monday_of
from services.application.refused import Refused
from services.application.rules import users_of
from services.application.shifts import coverage_by
from services.application.span import day_from
from services.console import schedule_forms as forms
from services.console.bands import band, days_from
from services.console.names import knowing_rules, rule_of
from services.console.pages import HEADERS, account_page
from services.console.plans import Plan, changed, plan_of
from services.console.portions import First, portion
from services.console.rendering import render
from services.console.schedule_forms import Typed
from services.console.seeing import InAccount, SeeingAccount
from services.console.weeks import (
    WEEKS,
    absence_lines,
    cells,
    exception_lines,
    rotation_days,
    schedule_line,
    swap_lines,
    week_rows,
    weekday_name,
)
from services.web.problems import HttpProblem

router = APIRouter()

DAYS = 7
RULES = 20
DIGITS_MAX = 5
NAME = "^[A-Za-z0-9_-]{1,64}$"
FREE: dict[str, list[str]] = {}

Kind = Literal["weekly", "rotating", "always"]
ScheduleName = Annotated[str, Path(pattern=NAME)]
From = Annotated[str, Query(alias="from", max_length=10)]


async def sent_by(request: Request) -> dict[str, str]:
    """Every field of a form, the last of each name."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


Sent = Annotated[dict[str, str], Depends(sent_by)]


@router.get("/a/{account_id}/schedules")
async def get_schedules(
    who: InAccount, start: From = "", kept: str = "", first: First = 0
) -> Response:
    """All of them, who is there for each rule in a week, absences and swaps."""
    who.require("read")
    return await _overview(who, await plan_of(who), start=start, kept=kept, first=first)


@router.get("/a/{account_id}/schedules/{name}")
async def get_schedule(
    who: InAccount, name: ScheduleName, start: From = "", kind: Kind | None = None, kept: str = ""
) -> Response:
    """One: its hours, its next eight weeks, its exceptions."""
    who.require("read")
    return await _schedule(await plan_of(who), name, start=start, kind=kind, kept=kept)


@router.post("/a/{account_id}/schedules/{name}/look")
async def post_look(who: InAccount, name: ScheduleName, sent: Sent) -> Response:
    """How the week is drawn that was typed; nothing is kept."""
    who.require("rules")
    typed = Typed(who, sent)
    rows = week_rows(who, {str(day): hours for day, hours in forms.week(typed).items()})
    return HTMLResponse(
        render("schedule_week.html", who.words, rows=rows, wrong=typed.wrong, name=name),
        headers=HEADERS,
    )


@router.post("/a/{account_id}/schedules")
async def post_new(who: InAccount, sent: Sent) -> Response:
    """One more schedule."""
    who.require("rules")
    plan = await plan_of(who)
    name = sent.get("name", "").strip()
    if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        told = who.words.say(sentence("console.schedules.no_name"))
        return await _overview(who, plan, wrong={"name": told}, sent=sent)
    await _keep(plan, sent, edits.with_schedule(plan.data, name))
    return RedirectResponse(f"{who.base}/schedules/{name}", status_code=303)


@router.post("/a/{account_id}/schedules/{name}")
async def post_schedule(who: InAccount, name: ScheduleName, sent: Sent) -> Response:
    """Other hours."""
    who.require("rules")
    plan = await plan_of(who)
    typed = Typed(who, sent)
    wanted = _hours_typed(plan, name, typed)
    if typed.wrong:
        return await _schedule(plan, name, typed=typed)
    return await _kept(plan, name, sent, wanted)


@router.post("/a/{account_id}/schedules/{name}/exceptions")
async def post_exception(who: InAccount, name: ScheduleName, sent: Sent) -> Response:
    """One more exception, or one less."""
    who.require("rules")
    plan = await plan_of(who)
    if "remove" in sent:
        wanted = edits.without_exception(plan.data, name, _number(sent))
        return await _kept(plan, name, sent, wanted)
    typed = Typed(who, sent)
    entry = forms.exception(typed)
    if typed.wrong:
        return await _schedule(plan, name, typed=typed)
    return await _kept(plan, name, sent, edits.with_exception(plan.data, name, entry))


@router.post("/a/{account_id}/absences")
async def post_absence(who: InAccount, sent: Sent) -> Response:
    """One more absence, or one less."""
    return await _entry(who, "absences", sent)


@router.post("/a/{account_id}/swaps")
async def post_swap(who: InAccount, sent: Sent) -> Response:
    """One more swap, or one less."""
    return await _entry(who, "swaps", sent)


async def _entry(who: SeeingAccount, kind: edits.Entries, sent: Mapping[str, str]) -> Response:
    who.require("rules")
    plan = await plan_of(who)
    if "remove" in sent:
        wanted = edits.without_entry(plan.data, kind, _number(sent))
    else:
        typed = Typed(who, sent)
        entry = forms.absence(typed) if kind == "absences" else forms.swap(typed)
        if typed.wrong:
            return await _overview(who, plan, wrong=typed.wrong, sent=sent, of=kind)
        wanted = edits.with_entry(plan.data, kind, entry)
    await _keep(plan, sent, wanted)
    return RedirectResponse(f"{who.base}/schedules?kept=yes#{kind}", status_code=303)


def _hours_typed(plan: Plan, name: str, typed: Typed) -> dict[str, Any]:
    """The data with the hours of a form; of a form with mistakes it is of no use."""
    match typed.form.get("kind"):
        case "weekly":
            wanted = edits.with_week(plan.data, name, forms.week(typed))
        case "rotating":
            wanted = edits.with_rotation(plan.data, name, forms.rotation(typed))
        case "always":
            wanted = edits.with_all_hours(plan.data, name)
        case _:
            raise HttpProblem("unprocessable", "kind: expected weekly, rotating or always")
    return edits.with_zone(wanted, name, forms.zone_typed(typed))


async def _kept(
    plan: Plan, name: str, sent: Mapping[str, str], wanted: Mapping[str, Any]
) -> Response:
    await _keep(plan, sent, wanted)
    return RedirectResponse(f"{plan.who.base}/schedules/{name}?kept=yes", status_code=303)


async def _keep(plan: Plan, sent: Mapping[str, str], wanted: Mapping[str, Any]) -> None:
    edition, key = sent.get("edition", ""), sent.get("key", "")
    if not edition.isdecimal() or not key:
        raise HttpProblem("unprocessable", "edition: expected a number; key: expected one")
    if int(edition) != plan.edition and plan.draft is None:
        raise Refused("draft_unknown")
    if int(edition) != plan.edition and plan.draft is not None:
        draft = plan.draft
        raise Refused(
            "draft_moved",
            edition=draft.edition,
            principal=draft.changed_by,
            at=draft.changed_at,
        )
    await changed(plan, edition=int(edition), wanted=wanted, key=key)


async def _overview(
    who: SeeingAccount,
    plan: Plan,
    *,
    start: str = "",
    kept: str = "",
    wrong: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
    of: str = "",
    first: int = 0,
) -> Response:
    _, day = day_from(start, now=who.now, timezone=who.account.timezone)
    span = days_from(day.start, who.zone, DAYS)
    nobody = who.words.say(sentence("console.schedules.nobody"))
    begins = day.start.astimezone(who.zone).date()
    rule_ids, part = portion(
        []
        if plan.file is None or plan.problems
        else [each.id for each in plan.file.rules if each.enabled],
        first,
        address=lambda number: f"?from={begins.isoformat()}&first={number}#coverage",
        size=RULES,
    )
    covers, named = {}, who
    if plan.file is not None and rule_ids:
        covers = await coverage_by(
            who.installation, who.account, who.principal, plan.file, rule_ids, span=span
        )
        named = knowing_rules(who, {each.id: each.name for each in plan.file.rules if each.name})
    return account_page(
        "schedules.html",
        who,
        here="schedules",
        status=422 if wrong else 200,
        plan=plan,
        schedules=[schedule_line(plan, name) for name in plan.names],
        coverage=[
            (rule_of(named, rule_id), band(who, found, span, nobody=nobody))
            for rule_id, found in covers.items()
        ],
        coverage_part=part,
        first=first,
        absences=absence_lines(plan),
        swaps=swap_lines(plan),
        people=_people(who),
        kept=bool(kept),
        wrong=wrong or {},
        sent=sent or {},
        of=of,
        key=token_hex(8),
        **_around(begins, DAYS),
    )


async def _schedule(
    plan: Plan,
    name: str,
    *,
    start: str = "",
    kind: Kind | None = None,
    kept: str = "",
    typed: Typed | None = None,
) -> Response:
    who, section = plan.who, plan.section(name)
    held = edits.schedule_in(plan.data, name)
    on, _ = day_from(start, now=who.now, timezone=who.account.timezone)
    form = {} if typed is None else typed.form
    shown = (
        kind or form.get("kind") or next((each for each in edits.KINDS if each in held), "weekly")
    )
    weekly = section.weekly if section is not None and section.weekly is not None else FREE
    rotating = held.get("rotating") if isinstance(held.get("rotating"), dict) else {}
    return account_page(
        "schedule.html",
        who,
        here="schedules",
        status=422 if typed is not None else 200,
        plan=plan,
        name=name,
        kind=shown,
        kinds=edits.KINDS,
        is_usable=section is not None,
        rows=week_rows(who, {**weekly}),
        sent=form,
        wrong={} if typed is None else typed.wrong,
        rotating=rotating,
        turn="\n".join(rotation_days(section)),
        skip=[(day, weekday_name(who, day)) for day in WEEKDAYS],
        zone=held.get("timezone") or "",
        default_zone=plan.zone_name,
        weeks=[] if section is None else cells(plan, name, section, on),
        exceptions=[] if section is None else exception_lines(who, section),
        problems=[each for each in plan.problems if each.field.startswith(f"schedules.{name}")],
        kept=bool(kept),
        key=token_hex(8),
        **_around(monday_of(on), WEEKS * 7),
    )


def _around(first: date, days: int) -> dict[str, str]:
    """Where the dates before and after these begin."""
    return {
        "earlier": (first - days * DAY).isoformat(),
        "later": (first + days * DAY).isoformat(),
    }


def _people(who: SeeingAccount) -> list[tuple[int, str]]:
    """Everybody to choose from, by name."""
    return sorted((users_of(who.account) or {}).items(), key=lambda each: each[1])


def _number(sent: Mapping[str, str]) -> int:
    text = sent.get("remove", "")
    return int(text) if text.isdecimal() and len(text) <= DIGITS_MAX else -1
