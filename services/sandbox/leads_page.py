"""The sandbox to look at: leads, hooks and requests as one plain page."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.pages.parts import escape, frame, section, table
from services.sandbox.crm import Crm
from services.sandbox.model import CrmAccount, CrmLead

ROWS: Final = 50


def page_routes(crm: Crm) -> list[Route]:
    """The page, and the way to it from the root."""

    async def page(request: Request) -> Response:
        first = request.query_params.get("lead", "")
        lead_id = int(first[:18]) if first.isascii() and first.isdigit() else None
        return HTMLResponse(frame("local Kommo", _content(crm, lead_id)))

    async def root(_: Request) -> Response:
        return RedirectResponse("/sandbox")

    return [Route("/sandbox", page), Route("/", root)]


def _content(crm: Crm, lead_id: int | None) -> str:
    account = crm.account
    counts = crm.journal.counts
    facts = (
        f"{len(account.leads)} leads, {counts['api_requests']} API requests, "
        f"{counts['hooks_delivered']} hooks delivered, {crm.deliveries.pending} on their way"
    )
    shown = "" if lead_id is None else str(lead_id)
    find = (
        '<form method="get" action="/sandbox"><p><label>Lead '
        f'<input name="lead" inputmode="numeric" size="12" value="{shown}"></label> '
        "<button>Show</button> "
        '<a href="/sandbox">All</a></p></form>'
    )
    return (
        f"<main><h1>{escape(account.name)}</h1><p>{escape(facts)}</p>{find}"
        + section("Leads", _leads(account, lead_id), lead=f"The {ROWS} that changed last.")
        + section("Responsible users", _responsibles(crm, lead_id), lead="The newest first.")
        + section("Webhooks", _deliveries(crm, lead_id), lead="Attempts, the newest first.")
        + section("API requests", _requests(crm, lead_id), lead="The newest first.")
        + "</main>"
    )


def _leads(account: CrmAccount, lead_id: int | None) -> str:
    found = sorted(
        (lead for lead in account.leads.values() if lead_id in {None, lead.id}),
        key=lambda lead: (lead.updated_at, lead.id),
        reverse=True,
    )
    rows = [
        (
            str(lead.id),
            lead.name,
            _stage(account, lead),
            _user(account, lead.responsible_user_id),
            _at(lead.updated_at),
        )
        for lead in found[:ROWS]
    ]
    return _table(("Lead", "Name", "Stage", "Responsible", "Changed"), rows)


def _stage(account: CrmAccount, lead: CrmLead) -> str:
    pipeline = account.pipelines.get(lead.pipeline_id)
    for status in pipeline.statuses if pipeline else ():
        if pipeline and status.id == lead.status_id:
            return f"{pipeline.name}: {status.name}{' (binned)' if lead.is_deleted else ''}"
    return str(lead.status_id)


def _user(account: CrmAccount, user_id: int) -> str:
    user = account.users.get(user_id)
    return user.name if user else f"user {user_id}"


def _responsibles(crm: Crm, lead_id: int | None) -> str:
    rows = [
        (_at(row.at), str(row.lead_id), _user(crm.account, row.new), row.via)
        for row in _newest(crm.journal.responsibles)
        if lead_id in {None, row.lead_id}
    ]
    return _table(("At", "Lead", "Now", "By"), rows[:ROWS])


def _deliveries(crm: Crm, lead_id: int | None) -> str:
    rows = [
        (
            _at(row.at),
            row.hook,
            str(row.attempt),
            str(row.status),
            ", ".join(map(str, row.lead_ids[:5])),
        )
        for row in _newest(crm.journal.deliveries)
        if lead_id is None or lead_id in row.lead_ids
    ]
    return _table(("At", "Hook", "Attempt", "Answer", "Leads"), rows[:ROWS])


def _requests(crm: Crm, lead_id: int | None) -> str:
    wanted = "" if lead_id is None else str(lead_id)
    rows = [
        (_at(row.at), row.method, row.path[:120], str(row.status), f"{row.took_ms:.0f} ms")
        for row in _newest(crm.journal.requests)
        if wanted in row.path or wanted in row.body
    ]
    return _table(("At", "Method", "Path", "Answer", "Took"), rows[:ROWS])


def _newest(rows: Sequence[Any]) -> Iterable[Any]:
    """The end of a journal, backwards: a page looks at no more than a thousand rows."""
    return islice(reversed(rows), 1_000)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    return table(columns, rows, texts=range(len(columns)))


def _at(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
