"""Pages of the harness in the system's browser; whatever a widget must not do fails the test."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from playwright.async_api import Browser, Dialog, Page, async_playwright, expect

from tests.services.console.browser import ARGUMENTS, DESKTOP
from tests.support.debian import require

# As long as a busy machine needs.
PATIENCE_MS = 120_000


class Server(Protocol):
    """One that a test pretends."""

    origin: str

    async def serve(self, page: Page) -> None:
        """Take its place in a page."""


@asynccontextmanager
async def chromium(*rules: str) -> AsyncIterator[Browser]:
    """The browser, to which names lead as these rules of its resolver say."""
    mapped = [f"--host-resolver-rules={','.join(rules)}"] if rules else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=require("chromium", "chromium"),
            args=[*ARGUMENTS, *mapped, "--ignore-certificate-errors"],
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def looking(  # noqa: PLR0913 - what somebody looks with
    browser: Browser,
    origin: str,
    user_id: int,
    *,
    to: str,
    server: "str | Server" = "",
    at: datetime | None = None,
    size: tuple[int, int] = DESKTOP,
    expected: Sequence[str] = (),
    is_free: bool = False,
    **look: str | Sequence[str],
) -> AsyncIterator[Page]:
    """A page of Kommo for somebody.

    Args:
        browser: With no memory of others.
        origin: Of the account's pages.
        user_id: Who is looking.
        to: The first page.
        server: Of the widget, or its origin: the only other host that may be asked.
        at: The page's time when it opens, which can be put forward.
        size: Of the window.
        is_free: Let a script of the test look into pages, which their policies forbid.
        expected: Beginnings of what is said of errors in this test, in order.
        look: Theme, language, knobs of the loader and so on, as the harness takes them.
    """
    said: list[str] = []
    hosts = (origin, (server if isinstance(server, str) else server.origin) or origin)

    async def dismissed(dialog: Dialog) -> None:
        said.append(f"{dialog.type}: {dialog.message}")
        await dialog.dismiss()

    def asked(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and not url.startswith(hosts):
            said.append(f"foreign host: {parts.netloc}")

    context = await browser.new_context(
        base_url=origin,
        viewport={"width": size[0], "height": size[1]},
        ignore_https_errors=True,
        bypass_csp=is_free,
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = await context.new_page()
    if at is not None:
        await page.clock.install(time=at)
    if not isinstance(server, str):
        await server.serve(page)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", dismissed)
    page.on("request", lambda request: asked(request.url))
    entry = urlencode({"user_id": user_id, "to": to, **look}, doseq=True)
    try:
        await page.goto(f"/harness/enter?{entry}")
        ready = urlsplit(to).path
        await expect(page.locator("#page_holder")).to_have_attribute("data-ready", ready)
        yield page
    except BaseException as error:
        error.add_note(f"The page said: {said}")
        raise
    finally:
        await context.close()
    assert len(said) == len(expected), said
    assert [each[: len(begins)] for each, begins in zip(said, expected, strict=True)] == [*expected]


async def gone_to(page: Page, name: str) -> None:
    """Follow a link of the menu on the left, without loading the document anew."""
    link = page.locator(".nav__menu").get_by_role("link", name=name, exact=True)
    path = await link.get_attribute("href")
    await link.click()
    await expect(page.locator("#page_holder")).to_have_attribute("data-ready", path or "")
