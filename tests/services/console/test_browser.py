"""The console in a real browser: what axe finds, keys, the one-time link (W3, W5, W7)."""

import pytest
from playwright.async_api import Browser, expect

from tests.services.access.kit import grant
from tests.services.console.browser import DESKTOP, PHONE, SMALL, Scheme, browsing, wrong_with
from tests.services.console.site import BRUNO, Site

pytestmark = pytest.mark.server


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_W5_4_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    site: Site, browser: Browser, size: tuple[int, int], scheme: Scheme
) -> None:
    cookie = await site.cookie_of(
        grant("administrator", site.account_id, BRUNO), grant("operator", None)
    )
    found: dict[str, list[str]] = {}
    small: dict[str, list[str]] = {}
    async with browsing(browser, site, cookie, size=size, scheme=scheme, is_free=True) as page:
        for path in (
            "",
            "/leads",
            "/leads/900001",
            "/leads/900001/undo",
            f"/managers/{BRUNO}",
            f"/managers/{BRUNO}/correction?leads=-1.5&reason=a+test",
            f"/managers/{BRUNO}/handover",
            "/connection",
            "/distribute",
            "/me",
            "/rules/revisions",
            "/rules/revisions/1",
            "/waiting",
            "/fairness",
            "/setup",
        ):
            await page.goto(f"{site.base}{path}")
            found[path] = await wrong_with(page)
            small[path] = await page.evaluate(SMALL) if size == PHONE else []
        for path in ("/?all=1", "/join", "/connect", "/_gallery"):
            await page.goto(path)
            found[path] = await wrong_with(page)

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert {path: wrong for path, wrong in small.items() if wrong} == {}


async def test_W3_7_a_lead_is_found_by_keys_alone(site: Site, browser: Browser) -> None:
    cookie = await site.cookie("viewer")
    async with browsing(browser, site, cookie) as page:
        await page.goto(site.base)
        await page.keyboard.press("/")
        await page.keyboard.type("900001")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Lead 900001")
        await page.keyboard.press("g")
        await page.keyboard.press("t")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Today")
        assert page.url == f"{site.address}{site.base}"
        await page.keyboard.press("j")
        await expect(page.locator("#m501 a")).to_be_focused()
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("Control+k")
        await expect(page.locator("#palette").get_by_text("Carla (503)")).to_be_visible()
        await page.keyboard.type("carla")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Carla")


async def test_W3_7_rows_of_every_list_are_stepped_through(site: Site, browser: Browser) -> None:
    cookie = await site.cookie("viewer")
    focused = "document.activeElement.closest('tr')?.rowIndex"
    lists = ("/waiting", "/fairness", "/schedules")
    found: dict[str, list[int]] = {}
    async with browsing(browser, site, cookie, is_free=True) as page:
        for path in lists:
            await page.goto(f"{site.base}{path}")
            steps = []
            for key in ("j", "j", "k"):
                await page.keyboard.press(key)
                steps.append(await page.evaluate(focused))
            found[path] = steps

    assert found == {path: [1, 2, 1] for path in lists}


async def test_W3_7_keys_do_not_step_into_lines_that_are_folded(
    site: Site, browser: Browser
) -> None:
    cookie = await site.cookie("administrator", BRUNO)
    folded = "document.activeElement.closest('tr[data-row]').closest('details')?.id ?? 'shown'"
    found: list[str] = []
    async with browsing(browser, site, cookie, size=PHONE, is_free=True) as page:
        await page.goto(f"{site.base}/me")
        await page.keyboard.press("k")
        found.append(await page.evaluate(folded))
        await page.locator("#statement-more summary").click()
        await page.keyboard.press("k")
        found.append(await page.evaluate(folded))
        wrong = await wrong_with(page)

    assert found == ["shown", "statement-more"]
    assert wrong == []


async def test_W7_1_what_is_behind_the_link_goes_into_the_form_and_out_of_the_address(
    site: Site, browser: Browser
) -> None:
    missing = "Failed to load resource: the server responded with a status of 404 (Not Found)"
    async with browsing(browser, site, expected=[missing]) as page:
        async with page.expect_request("**/join/look") as asked:
            await page.goto("/join#not-a-token")
        request = await asked.value
        assert request.post_data == "token=not-a-token"
        await expect(page.get_by_role("heading", level=1)).to_have_text("This link cannot be used")
        assert "#" not in page.url
