"""A stage is put under distribution in a browser, without YAML or a manual (W1, W4.4)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from services.rules_file.yaml import read
from tests.services.api.office import Office, open_office
from tests.services.console.browser import DESKTOP, PHONE, Scheme, browsing, wrong_with
from tests.services.console.rules_kit import EXAMPLE, visiting

pytestmark = pytest.mark.server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
async def test_W1_a_stage_is_put_under_distribution(
    office: Office, browser: Browser, size: tuple[int, int], scheme: Scheme
) -> None:
    async with visiting(office) as ana:
        where = await ana.begin(EXAMPLE)
        async with browsing(
            browser, office, ana.cookie, size=size, scheme=scheme, is_free=True
        ) as page:
            await page.goto(where)
            found = {"list": await wrong_with(page)}
            await page.get_by_label("Stage").select_option("Pipeline 3 / Stage 1")
            await page.get_by_role("button", name="Add a rule: everybody, evenly").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Pipeline 3 / Stage 1")
            await typed_and_kept(page)
            found["rule"] = await wrong_with(page)
            for path in ("settings", "yaml"):
                await page.goto(f"{where}/{path}")
                found[path] = await wrong_with(page)
            await page.get_by_role("link", name="Look over and apply").first.click()
            found["review"] = await wrong_with(page)
            await page.goto(ana.base)
            found["rules"] = await wrong_with(page)
        kept = read((await ana.draft(where)).content).data["rules"][-1]

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert kept["limit"] == {"max": 20}
    assert kept["participants"] == [{"manager": 501}]


async def test_W4_4_a_rule_is_dragged_to_its_place(office: Office, browser: Browser) -> None:
    async with visiting(office) as ana:
        where = await ana.begin(EXAMPLE)
        # All of it in sight: whatever is scrolled meanwhile is not what was taken hold of.
        async with browsing(browser, office, ana.cookie, size=(1280, 2000)) as page:
            await page.goto(where)
            heads = page.locator(".rule-head")
            last = await heads.last.locator("h3").inner_text()
            await expect(heads.first).to_have_attribute("draggable", "true")
            await heads.last.drag_to(heads.first, target_position={"x": 200, "y": 2})
            # The number is the server's: only a page that was made anew has it first.
            await expect(page.locator('h3[data-number="1"]')).to_have_text(last)
        rules = read((await ana.draft(where)).content).data["rules"]

    assert last == "partners"
    assert [each["id"] for each in rules] == ["partners", "spanish", "site", "chats"]


async def typed_and_kept(page: Page) -> None:
    """What is typed is kept by itself, and said in the sentence of its section."""
    limits = page.locator("#s-limits")
    await limits.locator("summary").first.click()
    await limits.get_by_label("Open leads at most").fill("many")
    told = page.locator('[data-remarks$="limit.max"] .remark')
    await expect(told).to_contain_text("many")
    await limits.get_by_label("Open leads at most").fill("20")
    await expect(told).to_have_count(0)
    await expect(limits.locator(".said")).to_have_text("at most 20 open leads")
    who = page.locator("#s-who").get_by_role("group", name="One more")
    await who.get_by_label("Who").select_option("Anna (501)")
    await who.get_by_role("button", name="Add").click()
    await expect(page.locator("#s-who").get_by_role("group", name="Number 1")).to_have_count(1)
