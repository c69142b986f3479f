"""Pages that keep themselves up to date: what is told, what is fetched, what moves (W3.6)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Browser, expect

from contracts.events import (
    AllocationEvent,
    DistributionOrdered,
    LookupRequested,
    ManagerPaused,
    ManagerResumed,
    Recorded,
)
from services.access.roles import Role
from services.console.rendering import STATIC
from services.projector.run import Projector
from services.storage.wakeup import ALLOCATIONS
from services.web.streams import Streams
from tests.services.access.kit import grant, somebody
from tests.services.api.kit import served
from tests.services.console.browser import browsing
from tests.services.console.site import BRUNO, Site
from tests.services.console.test_pages import text_of
from tests.services.storage.conformance import append
from tests.support.sse import Reader, Told
from tests.support.waiting import lasting, until

pytestmark = pytest.mark.server

ANA = 501
HTMX = "df982506d1529a193f6073f568ec821d4ae8db761bdb0ef07bd6a3d5eace0b2e"
MADRID = ZoneInfo("Europe/Madrid")
_positions = count(10_000_000)


async def stored(site: Site, *events: AllocationEvent) -> None:
    """Have it stored; no table shows it yet."""
    installation = site.installation
    head = await installation.events.head(site.account_id)
    recorded = [
        Recorded(account_id=site.account_id, version=version, cause="test", event=event)
        for version, event in enumerate(events, head + 1)
    ]
    await append(installation.events, *recorded, position=next(_positions))


async def happens(site: Site, *events: AllocationEvent) -> None:
    """Have it stored, and shown by every table."""
    installation = site.installation
    await stored(site, *events)
    projector = Projector(installation.pool, installation.events, wait=lambda _: lasting(0))
    while await projector.catch_up():
        pass
    installation.wakeup.notify(ALLOCATIONS)


@asynccontextmanager
async def listening(site: Site, client: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[Told]]:
    """What the stream tells."""
    reader = Reader()
    async with client.stream("GET", f"{site.base}/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        async def told() -> AsyncIterator[Told]:
            async for chunk in answer.aiter_bytes():
                for each in reader.feed(chunk):
                    yield each

        yield told()


@pytest.mark.parametrize(("role", "leads"), [("viewer", [7]), ("manager", None)])
async def test_W3_6_the_stream_says_what_changed_and_a_manager_is_told_of_nobody_else(
    site: Site, role: Role, leads: list[int] | None
) -> None:
    async with (
        asyncio.timeout(60),
        site.signed_in(role, BRUNO) as client,
        listening(site, client) as told,
    ):
        first = await anext(told)
        await happens(site, LookupRequested(lead_id=7, reason="", at=site.at))
        second = await anext(told)

    assert first.event == "alive"
    assert (second.event, second.data["version"]) == ("changed", first.data["version"] + 1)
    assert (second.data["types"], second.data["lead_ids"]) == (["lookup.requested"], leads)


async def test_W6_3_a_stream_ends_before_a_process_that_stops_waits_for_it(site: Site) -> None:
    stop = asyncio.Event()
    async with (
        asyncio.timeout(60),
        served(site.installation, site.access, stop=stop) as address,
        site.signed_in("viewer", address=address) as client,
        listening(site, client) as told,
    ):
        await anext(told)
        stop.set()
        rest = [each async for each in told]

    assert rest == []


async def test_W3_6_a_page_that_is_open_gets_the_sections_that_changed_alone(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        part = await viewer.get(site.base, params={"parts": "waiting,team"})
        wrong = await viewer.get(site.base, params={"parts": "nonsense"})

    assert part.text.count("<section") == 2
    assert "<html" not in part.text
    assert int(part.headers["fairlead-shown"]) > 0
    assert wrong.status_code == 404


async def test_W3_4_what_is_not_shown_yet_is_told_by_how_far_it_is_behind(site: Site) -> None:
    at = site.at - timedelta(seconds=3)
    await stored(site, LookupRequested(lead_id=7, reason="", at=at))
    async with site.signed_in("viewer") as viewer:
        behind = await viewer.get(site.base)
        await happens(site, LookupRequested(lead_id=7, reason="", at=at))
        shown = await viewer.get(site.base)

    told = f"As of {at.astimezone(MADRID):%H:%M:%S}, 3s behind."
    assert told in text_of(behind)
    assert "All is well." not in text_of(behind)
    assert " behind." not in text_of(shown)


async def test_W6_1_what_others_wrote_is_what_they_published() -> None:
    file = STATIC / "htmx-4.0.1.esm.min.js"

    assert hashlib.sha256(file.read_bytes()).hexdigest() == HTMX


async def test_W3_6_numbers_change_in_place_and_rows_wait_for_the_pointer(
    site: Site, browser: Browser
) -> None:
    cookie, stop = await site.cookie("supervisor"), asyncio.Event()
    paused = ManagerPaused(
        manager_id=ANA, by="cli:root", by_administrator=True, until=None, reason="", at=site.at
    )
    ordered = DistributionOrdered(by="cli:root", lead_ids=(7,), skipped=(), at=site.at)
    resumed = ManagerResumed(manager_id=ANA, by="cli:root", how="resumed", at=site.at)
    refused = "Failed to load resource: net::ERR_CONNECTION_REFUSED"
    async with (
        served(site.installation, site.access, stop=stop, now=lambda: site.at) as address,
        browsing(
            browser, replace(site, address=address), cookie, is_free=True, tolerated=refused
        ) as page,
    ):
        await page.goto(site.base)
        ana, rows = page.locator(f"#m{ANA}"), page.locator("#last tr[data-row]")
        await expect(page.get_by_role("status")).to_have_text("Live")
        # One row less, as if its decision came just now; and somebody is about to click the next.
        await page.evaluate("document.querySelector('#last tr[data-row]').remove()")
        await rows.nth(1).hover()
        await happens(site, paused, ordered)
        await expect(ana).to_contain_text("paused")
        await expect(page.get_by_role("button", name="1 new")).to_be_visible()
        await expect(rows).to_have_count(19)
        await page.get_by_role("button", name="1 new").click()
        await expect(rows).to_have_count(20)
        await page.get_by_role("button", name="Pause", exact=True).click()
        await happens(site, resumed)
        await expect(page.get_by_role("status")).to_have_text("Updates are paused.")
        await expect(ana).to_contain_text("paused")
        await page.get_by_role("button", name="Go on").click()
        await expect(ana).to_contain_text("off shift")
        stop.set()
        await expect(page.get_by_role("status")).to_contain_text("No connection since")
        await expect(ana).to_contain_text("off shift")
        shown = await rows.count()

    assert shown == 20


async def test_W6_3_two_tabs_share_one_stream_and_the_second_takes_over(
    site: Site, browser: Browser
) -> None:
    person = await somebody(site.access, grant("viewer", site.account_id))
    _, cookie = await site.access.sessions.begin(
        person.id, how="password", whence="127.0.0.1", agent="a test"
    )
    streams = Streams()
    paused = ManagerPaused(
        manager_id=BRUNO, by="cli:root", by_administrator=True, until=None, reason="", at=site.at
    )
    resumed = ManagerResumed(manager_id=BRUNO, by="cli:root", how="resumed", at=site.at)
    async with (
        served(site.installation, site.access, streams=streams, now=lambda: site.at) as address,
        browsing(browser, replace(site, address=address), cookie) as first,
    ):
        await first.goto(site.base)
        await expect(first.get_by_role("status")).to_have_text("Live")
        second = await first.context.new_page()
        await second.goto(site.base)
        await expect(second.get_by_role("status")).to_have_text("Live")
        shared = streams.count(person.principal)
        await happens(site, paused)
        await expect(second.locator(f"#m{BRUNO}")).to_contain_text("paused")
        await first.close()
        await happens(site, resumed)
        await expect(second.locator(f"#m{BRUNO}")).not_to_contain_text("paused")
        await until(lambda: streams.count(person.principal) == 1)

    assert shared == 1
