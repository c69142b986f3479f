"""Pictures of the widget in Kommo's surroundings: `make widget-screens OUT=folder`.

Its server is pretended, so that they are the same whenever they are taken.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from services.sandbox.app import Sandbox
from services.sandbox.sample import ADMIN_ID, NEW_REQUEST, SALES
from tests.services.widget.in_browser.clicks import Board
from tests.services.widget.in_browser.pretended import Pretended, with_widget
from tests.support.harness import chromium, gone_to, looking

SIZE = (1180, 860)


async def take(browser: Browser, kommo: Sandbox, folder: Path, theme: str) -> None:
    """Each place in a theme."""
    server, (lead, *_) = Pretended(), kommo.account.leads
    async with looking(
        browser,
        kommo.base_url,
        ADMIN_ID,
        to=f"/leads/detail/{lead}",
        server=server,
        size=SIZE,
        theme=theme,
    ) as page:
        await page.locator(".js-widget-caption-block").click()
        await expect(page.locator("#widgets_block")).to_contain_text("The whole story")
        await page.locator(".js-left-avatar").click()
        await page.get_by_role("button", name="My activity").click()
        await expect(page.locator("#left_menu")).to_contain_text("You take leads")
        await _kept(page, folder, f"widget-card-{theme}")
        await gone_to(page, "Integrations")
        await page.locator(".widget-card").click()
        await expect(page.get_by_role("dialog")).to_contain_text("Connected")
        await _kept(page, folder, f"widget-settings-{theme}")
        await page.keyboard.press("Escape")
        await gone_to(page, "Pipeline")
        board = Board(page, NEW_REQUEST)
        await board.add()
        for manager_id, part in ((501, "40"), (502, "60")):
            await board.field(f"chosen.{manager_id}").check()
            await board.field(f"participants.{manager_id}.coefficient").fill(part)
        await board.section("limits")
        await board.field("limit").check()
        await board.field("limit.max").fill("20")
        await board.field(f"limit.stages.{SALES}-{NEW_REQUEST}").check()
        await board.is_ready()
        await board.form.locator("[data-field=name]").scroll_into_view_if_needed()
        await _kept(page, folder, f"widget-trigger-{theme}", whole=True)


async def _kept(page: Page, folder: Path, name: str, *, whole: bool = False) -> None:
    await page.screenshot(path=folder / f"{name}.png", full_page=whole)


async def look(folder: Path) -> None:
    """All of them."""
    with tempfile.TemporaryDirectory() as built:
        async with with_widget(Path(built)) as kommo, chromium() as browser:
            for theme in ("light", "dark"):
                await take(browser, kommo, folder, theme)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(look(out))
