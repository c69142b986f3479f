"""The console in a real browser: what axe finds, keys, the one-time link (W3, W5, W7)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from services.access.sessions import COOKIE
from tests.services.console.conftest import BRUNO, Site
from tests.support.debian import require

pytestmark = pytest.mark.server

# Root has no sandbox, and nobody is to be called at the start.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE, DESKTOP = (360, 740), (1280, 900)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@asynccontextmanager
async def browsing(
    site: Site,
    cookie: str = "",
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: str = "light",
    is_free: bool = False,
    expected: Sequence[str] = (),
) -> AsyncIterator[Page]:
    """A page of the system's browser; what it says of errors fails the test unless expected.

    Args:
        site: Where.
        cookie: Of a session.
        size: Of the window.
        scheme: Light or dark.
        is_free: Let a script of the test look into the page, which its policy forbids.
        expected: What it will say.
    """
    said: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=require("chromium", "chromium"), args=ARGUMENTS
        )
        context = await browser.new_context(
            base_url=site.address,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            bypass_csp=is_free,
        )
        if cookie:
            await context.add_cookies(
                [
                    {
                        "name": COOKIE,
                        "value": cookie,
                        "url": site.address.replace("http:", "https:"),
                        "secure": True,
                        "httpOnly": True,
                        "sameSite": "Lax",
                    }
                ]
            )
        page = await context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        try:
            yield page
        finally:
            await browser.close()
    assert said == [*expected]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_W5_4_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    site: Site, size: tuple[int, int], scheme: str
) -> None:
    cookie = await site.cookie("supervisor", BRUNO)
    found: dict[str, list[str]] = {}
    async with browsing(site, cookie, size=size, scheme=scheme, is_free=True) as page:
        for path in ("", "/leads", "/leads/900001", f"/managers/{BRUNO}", "/me"):
            await page.goto(f"{site.base}{path}")
            results = await Axe().run(page, options=RULES)
            found[path] = [each["id"] for each in results.response["violations"]]
            wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if wide > 0:
                found[path].append(f"{wide} px too wide")
        await page.goto("/join")
        results = await Axe().run(page, options=RULES)
        found["/join"] = [each["id"] for each in results.response["violations"]]

    assert {path: wrong for path, wrong in found.items() if wrong} == {}


async def test_W3_7_a_lead_is_found_by_keys_alone(site: Site) -> None:
    cookie = await site.cookie("viewer")
    async with browsing(site, cookie) as page:
        await page.goto(site.base)
        await page.keyboard.press("/")
        await page.keyboard.type("900001")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Lead 900001")
        await page.keyboard.press("g")
        await page.keyboard.press("t")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Today")
        assert page.url == f"{site.address}{site.base}"


async def test_W7_1_what_is_behind_the_link_goes_into_the_form_and_out_of_the_address(
    site: Site,
) -> None:
    missing = "Failed to load resource: the server responded with a status of 404 (Not Found)"
    async with browsing(site, expected=[missing]) as page:
        async with page.expect_request("**/join/look") as asked:
            await page.goto("/join#not-a-token")
        request = await asked.value
        assert request.post_data == "token=not-a-token"
        await expect(page.get_by_role("heading", level=1)).to_have_text("This link cannot be used")
        assert "#" not in page.url
