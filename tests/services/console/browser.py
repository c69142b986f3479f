"""The system's browser, and what looks over its shoulder."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Frame, Page, async_playwright, expect

from services.access.sessions import COOKIE
from tests.services.console.site import Site
from tests.support.debian import require

Scheme = Literal["light", "dark"]
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
# By which a phone is told from a narrow window.
PHONE_AGENT = "Mozilla/5.0 (Linux; Android 10; K) Chrome/138.0 Mobile Safari/537.36"
# A busy machine is no failure: what is waited for comes, however late.
PATIENCE_MS = 120_000
# What a finger has to meet on a phone, lower than it should be.
SMALL = """() => [...document.querySelectorAll(
  "button, .button, summary, select, input:not([type='radio'], [type='checkbox']), .tabs a"
  + ", .cards th a, .back a, .list li > a, .problems a, nav a"
)].filter((each) => {
  const { width, height } = each.getBoundingClientRect();
  return each.checkVisibility() && width > 1 && height < 44;
}).map((each) => each.outerHTML.slice(0, 100))"""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@asynccontextmanager
async def opened() -> AsyncIterator[Browser]:
    """The browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=require("chromium", "chromium"), args=ARGUMENTS
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def browsing(
    browser: Browser,
    site: Site,
    cookie: str = "",
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: Scheme = "light",
    is_free: bool = False,
    expected: Sequence[str] = (),
    tolerated: str = "",
) -> AsyncIterator[Page]:
    """A page for somebody; what it says of errors fails the test unless expected.

    Args:
        browser: With no memory of others.
        site: Where.
        cookie: Of a session.
        size: Of the window.
        scheme: Light or dark.
        is_free: Let a script of the test look into the page, which its policy forbids.
        expected: What it will say.
        tolerated: What it may say besides, as often as it likes.
    """
    said: list[str] = []
    context = await browser.new_context(
        base_url=site.address,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        user_agent=PHONE_AGENT if size == PHONE else None,
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
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = await context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert [each for each in said if not tolerated or each != tolerated] == [*expected]


async def wrong_with(page: Page | Frame) -> list[str]:
    """What axe finds on a page, and whether it is wider than the window."""
    results = await Axe().run(page, options=RULES)
    found = [
        f"{each['id']}: {each['nodes'][0]['html'][:100]}" for each in results.response["violations"]
    ]
    wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*found, f"{wide} px too wide"] if wide > 0 else found
