"""Audit, proof of no loss, shadow audit: the same numbers as at the machine (W4.8 to W4.10)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from contracts.events import LEAD
from services.access.roles import SCOPES
from services.application.audit.account import Audited
from services.application.audit.replay import Fault
from services.application.commands import Once
from services.application.jobs.asked import JobAsked, ReplayAsked, ShadowAuditAsked
from services.application.jobs.giving import start
from services.application.jobs.work import JobAtWork, JobWorker
from services.application.principal import Principal
from services.application.shadow.audit import Left, ShadowAudit
from services.application.shadow.judged import Kind, Observed, judge
from services.application.span import Span
from services.runtime.job_worker import COMPUTATIONS
from tests.services.cli.week import KeptWeek
from tests.services.console.browser import DESKTOP, PHONE, browsing, wrong_with
from tests.services.console.site import Site
from tests.services.console.test_pages import text_of

pytestmark = pytest.mark.server

DAY = "2026-10-20"
ME = Principal(id="cli:me", scopes=SCOPES, whence="terminal")
NINE = datetime(2026, 10, 20, 9, tzinfo=UTC)
FAULT = Fault(
    kind="decision",
    version=16,
    name="lead.assigned",
    field="manager_id",
    recorded="501",
    found="502",
)
DIFFERS = Audited(account_id=1, first=1, last=20, events=15, decisions=3, snapshots=0, fault=FAULT)
OBSERVED = [
    Observed(lead_id=each, manager_id=501 if each % 4 else 502, at=NINE, kind=Kind(7, 0))
    for each in range(24)
]
SHADOWED = ShadowAudit(
    account_id=1,
    subdomain="week",
    timezone="UTC",
    span=Span(start=NINE, end=NINE.replace(hour=18)),
    changes=24,
    leads=24,
    first_at=NINE,
    left=Left(later=0, older=0, gone=0, to_nobody=0, unreadable=0),
    judged=judge(OBSERVED, UTC),
    names={501: "<b>Ana</b>", 502: "Bruno"},
    pipelines={7: "Sales"},
)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _no_jobs(site: Site) -> AsyncIterator[None]:
    """Each begins without any."""
    yield
    await site.installation.pool.execute("DELETE FROM jobs")


async def work(site: Site) -> None:
    """Do all that waits."""
    await JobWorker(site.installation, COMPUTATIONS).work(idle_s=0)


async def came_to(site: Site, asked: JobAsked, found: object) -> None:
    """Have a job that came to this, whatever the week has."""
    account = await site.installation.accounts.get(site.account_id)
    job, _ = await start(site.installation, account, ME, asked, Once(key="a"))

    async def write(at_work: JobAtWork) -> None:
        await at_work.output.write(msgspec.json.encode(found))

    await JobWorker(site.installation, {job.kind: write}).work(idle_s=0)


async def test_W4_8_a_replay_says_what_the_command_line_says(site: Site, week: KeptWeek) -> None:
    said = await asyncio.to_thread(week.say, "audit")
    async with site.signed_in("viewer") as viewer:
        first = await viewer.get(f"{site.base}/audit")
        begun = await viewer.post(f"{site.base}/audit/replay", data={"key": "k"})
        waiting = await viewer.get(begun.headers["location"])
        (place,) = re.findall(r'data-follow="([^"]+)"', waiting.text)
        part = await viewer.get(place)
        await work(site)
        over = await viewer.get(place)
        page = await viewer.get(f"{site.base}/audit")

    assert "Not replayed in the last day" in text_of(first)
    assert begun.status_code == 303
    assert "It waits for its turn." in text_of(waiting)
    assert "Replay now" not in waiting.text
    assert "<progress" in part.text
    assert "fairlead-over" not in part.headers
    assert over.headers["fairlead-over"] == "1"
    told = re.match(r"Replayed (\d+) events, .*; (\d+) decisions taken again.", said.out)
    link, digest = re.findall(r"\b[0-9a-f]{64}\b", said.out)
    shown = text_of(page)
    assert "every decision comes out again" in shown
    assert told is not None, said
    assert f"Events replayed {told[1]} Decisions that came out again {told[2]} " in shown
    assert f"Digest of the state: {digest}" in shown
    assert f"Head of the hash chain: {link}" in shown


async def test_W4_8_the_first_difference_is_told_with_both_values(site: Site) -> None:
    await came_to(site, ReplayAsked(), DIFFERS)
    async with site.signed_in("viewer") as viewer:
        page = text_of(await viewer.get(f"{site.base}/audit"))

    assert "The history is not as it was recorded." in page
    assert "Event 16 lead.assigned Field manager_id Is recorded as 501 Comes out as 502" in page


async def test_W4_8_a_job_is_cancelled_from_its_page(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        await viewer.post(f"{site.base}/audit/replay", data={"key": "k"})
        waiting = await viewer.get(f"{site.base}/audit")
        (place,) = re.findall(r'data-follow="([^"]+)"', waiting.text)
        cancelled = await viewer.post(f"{place}/cancel", data={"key": "k"})
        page = await viewer.get(cancelled.headers["location"])

    assert "asked for by Ana Lima" in text_of(waiting)
    assert "Replay now" in page.text
    assert "data-follow" not in page.text


async def test_W4_8_back_in_time_all_is_as_the_command_line_has_it(
    site: Site, week: KeptWeek
) -> None:
    said = await asyncio.to_thread(week.say, "state", "--at", DAY, "--json")
    then: dict[str, Any] = json.loads(said.out)
    async with site.signed_in("viewer") as viewer:
        page = text_of(await viewer.get(f"{site.base}/audit/then", params={"at": DAY}))
        file = await viewer.get(f"{site.base}/audit/then.json", params={"at": DAY})
        same = await viewer.get(f"{site.base}/audit/then", params={"at": str(then["version"])})
        nothing = await viewer.get(f"{site.base}/audit/then", params={"at": "0"})
        wrong = await viewer.get(f"{site.base}/audit/then", params={"at": "yesterday"})
        late = await viewer.get(f"{site.base}/audit/then", params={"at": "99999999"})

    assert f"after event {then['version']}. Nothing can be changed here." in page
    assert f"Digest of the state: {then['digest']}" in page
    assert f"Leads known {len(then['leads'])} " in page
    assert then["digest"] in same.text
    assert file.json() == then
    assert "before its first event" in text_of(nothing)
    assert (wrong.status_code, late.status_code) == (422, 422)
    assert 'aria-invalid="true"' in wrong.text
    assert '<form method="post"' not in same.text.replace('action="/sign-out" method="post"', "")


async def test_W4_8_who_did_and_who_looked(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        await viewer.get(f"{site.base}/leads/900001")
        page = await viewer.get(f"{site.base}/audit")
        # The newest first.
        who = re.findall(r"looks\?by=(person%3A\d+)", page.text)[0].replace("%3A", ":")
        own = text_of(await viewer.get(f"{site.base}/audit/looks", params={"by": who}))
        nobody = text_of(await viewer.get(f"{site.base}/audit/looks", params={"by": "person:0"}))
        file = await viewer.get(f"{site.base}/audit/looks.csv", params={"by": who})

    assert "Nobody ordered anything in the last week" in text_of(page)
    assert "What Ana Lima looked at, the newest first." in own
    assert "Nothing matches" in nobody
    assert file.text.splitlines()[0] == '"at","principal","whence","what","ids","request_id"'
    assert f'"{who}","127.0.0.1","explanation","900001"' in file.text


async def test_W4_9_a_day_adds_up_as_the_command_line_says(site: Site, week: KeptWeek) -> None:
    said = await asyncio.to_thread(week.say, "proof", "--day", DAY, "--json")
    found = json.loads(said.out)
    async with site.signed_in("viewer") as viewer:
        page = text_of(await viewer.get(f"{site.base}/proof", params={"day": DAY}))
        now = text_of(await viewer.get(f"{site.base}/proof"))
        wrong = await viewer.get(f"{site.base}/proof", params={"day": "7"})
        today = await viewer.get(site.base)
        compared = await viewer.get(f"{site.base}/proof", params={"day": DAY, "kommo": "1"})

    closed = sum(found["closed"].values())
    assert found["requests"] > 0
    assert (
        f"{found['requests']} requests = {found['assigned']} assigned + {found['waiting']} waiting"
        f" + {closed} closed" in page
    )
    assert f"Found by the sweep only {found['sources'].get('sweep', 0)} " in page
    assert found["link"] in page
    assert "so far" not in page.lower()
    assert "So far: the day is not over." in now
    assert wrong.status_code == 422
    assert f'href="{site.base}/proof"' in today.text
    # Who serves people has no token (S18), and says so.
    assert "Kommo cannot be asked from here" in page
    assert "not compared" in text_of(compared)


async def test_W4_10_what_it_needs_is_said_first_and_then_what_it_found(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        empty = text_of(await viewer.get(f"{site.base}/shadow"))
        asked = ShadowAuditAsked(start=SHADOWED.span.start, end=SHADOWED.span.end)
        await came_to(site, asked, SHADOWED)
        page = await viewer.get(f"{site.base}/shadow")
        (csv,) = re.findall(r'href="([^"]+\.csv)"', page.text)
        file = await viewer.get(csv)
        (data,) = re.findall(r'href="([^"]+/result)"', page.text)
        whole = await viewer.get(data)

    first = SHADOWED.judged.managers[0]
    assert "at least 20 new leads among at least 2 people" in empty
    assert "Kommo cannot be asked from here" in empty
    assert first.deviation_units == 6 * LEAD
    assert "<b>Ana</b> (501) 18 12.000 +6.000" in text_of(page)
    assert "<b>Ana" not in page.text
    assert "How this was found out" in text_of(page)
    assert file.text.splitlines()[1] == (
        f'501,"<b>Ana</b>",18,{first.fair_units},{first.deviation_units},{first.lot_units}'
    )
    assert whole.content == msgspec.json.encode(SHADOWED)


@pytest.mark.parametrize("path", ["audit", "audit/then?at=1", "proof", "shadow"])
async def test_S8_who_may_not_audit_sees_none_of_it(site: Site, path: str) -> None:
    async with site.signed_in("manager", 502) as manager:
        answer = await manager.get(f"{site.base}/{path}")
        own = await manager.get(f"{site.base}/me")

    assert answer.status_code == 403
    assert f"{site.base}/{path.partition('?')[0]}" not in own.text


async def test_W4_8_in_a_browser_a_replay_is_followed_and_axe_finds_nothing(
    site: Site, browser: Browser
) -> None:
    cookie = await site.cookie("viewer")
    span = SHADOWED.span
    await came_to(site, ShadowAuditAsked(start=span.start, end=span.end), SHADOWED)
    found: dict[str, list[str]] = {}
    async with browsing(browser, site, cookie, size=PHONE, is_free=True) as page:
        await page.goto(f"{site.base}/audit")
        await page.get_by_role("button", name="Replay now").click()
        await expect(page.get_by_role("progressbar")).to_be_visible()
        found["under way"] = await wrong_with(page)
        await work(site)
        await expect(page.get_by_text("every decision comes out again")).to_be_visible(
            timeout=30_000
        )
        for size in (PHONE, DESKTOP):
            await page.set_viewport_size({"width": size[0], "height": size[1]})
            for path in ("audit", f"audit/then?at={DAY}", f"proof?day={DAY}", "shadow"):
                await page.goto(f"{site.base}/{path}")
                found[f"{path} {size[0]}"] = await wrong_with(page)
        await page.goto(f"{site.base}/proof?day={DAY}")
        await page.emulate_media(media="print")
        await expect(page.get_by_role("navigation")).to_have_count(0)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
