"""Pages that are not the account's, in a real browser: they can neither ask nor frame."""

from typing import Literal

import pytest
from playwright.async_api import Browser, Page, Route, expect

from services.sandbox.sample import ADMIN_ID
from tests.services.console.browser import DESKTOP, PHONE, wrong_with
from tests.services.widget.in_browser.site import OURS, Site
from tests.support.harness import looking

pytestmark = pytest.mark.system

EVIL = "https://evil.test/"
ASK = """async ([address, token]) => {
  try {
    const answer = await fetch(`${address}/widget/v1/session`, {
      method: 'POST', headers: { 'X-Auth-Token': token },
    });
    return String(answer.status);
  } catch (error) {
    return error.name;
  }
}"""
BRING = """async (id) => {
  const answer = await fetch(`/ajax/v2/integrations/${id}/disposable_token`);
  return (await answer.json()).token;
}"""


async def _elsewhere(browser: Browser, content: str) -> Page:
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()

    async def answer(route: Route) -> None:
        await route.fulfill(body=content, content_type="text/html")

    await page.route(EVIL, answer)
    await page.goto(EVIL)
    return page


async def test_S13_only_pages_of_the_tokens_account_can_ask(site: Site, wide: Browser) -> None:
    """A page elsewhere is refused by the browser, another account's page by the server."""
    account, other = await site.account(), await site.account()
    async with looking(
        wide, account.origin, ADMIN_ID, to="/settings/widgets/", server=OURS
    ) as page:
        token = await page.evaluate(BRING, account.kommo.harness.client_id)
        own = await page.evaluate(ASK, [OURS, token])
    async with looking(
        wide,
        other.origin,
        ADMIN_ID,
        to="/settings/widgets/",
        server=OURS,
        expected=["Failed to load resource"],
    ) as page:
        theirs = await page.evaluate(ASK, [OURS, token])
    page = await _elsewhere(wide, "<p>elsewhere</p>")
    foreign = await page.evaluate(ASK, [OURS, token])
    await page.context.close()

    assert (own, theirs, foreign) == ("200", "401", "TypeError")


@pytest.mark.parametrize(("theme", "size"), [("light", DESKTOP), ("dark", PHONE)])
async def test_what_the_frame_shows_can_be_read_by_everybody(
    site: Site, wide: Browser, theme: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    account, found = await site.account(), {}
    async with looking(
        wide,
        account.origin,
        ADMIN_ID,
        to="/settings/widgets/fairlead/",
        server=OURS,
        theme=theme,
        size=size,
        is_free=True,
    ) as page:
        main = page.frame_locator("iframe").locator("main")
        framed = page.frames[-1]
        await expect(main.get_by_role("heading", name="Schedules", level=1)).to_be_visible()
        found["schedules"] = await wrong_with(framed)
        await main.get_by_label("A new schedule, by its name").fill("office")
        await main.get_by_role("button", name="Add", exact=True).click()
        await expect(main.get_by_label("Mon", exact=True)).to_be_visible()
        found["schedule"] = await wrong_with(framed)

    assert found == {"schedules": [], "schedule": []}


async def test_S12_only_pages_of_the_account_can_frame_us(site: Site, wide: Browser) -> None:
    account = await site.account()
    address = f"{OURS}/widget/v1/frame?account={account.id}"
    async with looking(
        wide, account.origin, ADMIN_ID, to="/settings/widgets/fairlead/", server=OURS
    ) as page:
        await expect(page.frame_locator("iframe").locator("body")).to_contain_text("Schedules")
        src = await page.locator("iframe").get_attribute("src")
    page = await _elsewhere(wide, f"<iframe src='{address}'></iframe>")
    shown = await page.frames[1].locator("body").inner_text()
    blocked = await page.frames[1].evaluate("document.URL")
    await page.context.close()

    assert src == address
    assert "Schedules" not in shown
    assert blocked.startswith("chrome-error:")
