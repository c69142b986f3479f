"""The card, the settings, the page and the avatar's switch beside a server that is pretended."""

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from services.sandbox.app import Sandbox
from services.sandbox.sample import ADMIN_ID, NEW_REQUEST
from tests.services.console.browser import DESKTOP, PHONE, wrong_with
from tests.services.widget.in_browser.clicks import Board
from tests.services.widget.in_browser.pretended import (
    ADMINISTRATOR,
    LEAD,
    ORIGIN,
    Pretended,
    built,
    show,
)
from tests.support.harness import gone_to, looking

pytestmark = pytest.mark.server

# Of the texts that stand in these places in English.
ENGLISH = re.compile(
    r"I take it|Pass on|Decided|You take leads|Who takes part|Owner first|Off hours"
)
CARD, SETTINGS, PAGE = "/leads/detail/900001", "/settings/widgets/", "/settings/widgets/fairlead/"


async def test_the_card_is_worked_by_keyboard_and_asks_once_for_a_session(
    kommo: Sandbox, browser: Browser
) -> None:
    server = Pretended(me={**ADMINISTRATOR, "user_id": 501})
    async with looking(browser, kommo.base_url, 501, to=CARD, server=server) as page:
        panel = page.locator(".card-widgets__widget-fairlead")
        await panel.locator(".js-widget-caption-block").press("Enter")
        await expect(panel).to_contain_text(LEAD["sentence"])
        await panel.get_by_role("button", name="I take it").press("Enter")
        await expect(panel).to_contain_text("It is yours.")
        await panel.get_by_label("Pause until").select_option("open")
        await panel.get_by_role("button", name="Pause", exact=True).press("Enter")
        await expect(panel).to_contain_text("The pause holds.")
        await gone_to(page, "Settings page")
        await gone_to(page, "Lead")
        await expect(page.locator(".card-widgets__widget-fairlead")).to_have_count(1)

    asked = [path for _, path, _ in server.asked]
    assert server.posted("/pause") == [{"manager_id": 501, "until": None, "reason": ""}]
    assert asked.index("/session") == 0
    assert [asked.count(each) for each in ("/leads/900001/take", "/session")] == [1, 3]


async def test_a_new_card_has_no_panel(kommo: Sandbox, browser: Browser) -> None:
    server = Pretended()
    async with looking(
        browser, kommo.base_url, ADMIN_ID, to="/leads/detail/0", server=server
    ) as page:
        await expect(page.locator(".card-widgets__widget")).to_have_count(0)

    assert server.asked == []


@pytest.mark.parametrize(("theme", "size"), [("light", DESKTOP), ("dark", PHONE)])
async def test_what_is_drawn_can_be_read_by_everybody(
    kommo: Sandbox, browser: Browser, theme: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    server, found = Pretended(), {}
    kommo.account.triggers = {}
    async with looking(
        browser, kommo.base_url, ADMIN_ID, to=CARD, server=server, theme=theme, size=size
    ) as page:
        await page.locator(".js-widget-caption-block").click()
        await expect(page.locator(".fairlead__card")).to_contain_text("The whole story")
        await page.locator(".js-left-avatar").click()
        await page.locator(".fairlead__avatar").get_by_role("button", name="My activity").click()
        await expect(page.locator(".fairlead__avatar")).to_contain_text("You take leads")
        found["card"] = await wrong_with(page)
        await gone_to(page, "Integrations")
        await page.locator(".widget-card").click()
        await expect(page.get_by_role("dialog")).to_contain_text("Connected")
        found["settings"] = await wrong_with(page)
        await page.keyboard.press("Escape")
        await gone_to(page, "Settings page")
        await expect(page.frame_locator("iframe").locator("p")).to_have_text("Schedules")
        found["page"] = await wrong_with(page)
        await gone_to(page, "Pipeline")
        board = Board(page, NEW_REQUEST)
        await board.add()
        await board.field("chosen.501").check()
        for name in ("limits", "linked", "owners", "again_title", "off_title"):
            await board.section(name)
        await board.field("limit").check()
        await board.field("redistribution").check()
        await board.field("redistribution.after_minutes").fill("15")
        await board.field("limit.max").fill("9")
        await board.is_ready()
        found["form"] = await wrong_with(page)
        await board.close("Cancel")

    assert found == {"card": [], "settings": [], "page": [], "form": []}


@pytest.mark.parametrize(
    ("language", "take", "connected", "who"),
    [
        ("es", "Lo tomo", "Conectado", "Quién participa"),
        ("pt", "Eu assumo", "Conectado", "Quem participa"),
        ("ru", "Беру", "Подключено", "Кто участвует"),
    ],
)
async def test_W5_5_every_place_speaks_the_language_of_kommos_user(
    kommo: Sandbox, browser: Browser, language: str, take: str, connected: str, who: str
) -> None:
    """A text that is missing in a language, or its English, would be told on or found."""
    server = Pretended()
    kommo.account.triggers = {}
    async with looking(
        browser, kommo.base_url, ADMIN_ID, to=CARD, server=server, language=language
    ) as page:
        panel = page.locator(".card-widgets__widget-fairlead")
        await panel.locator(".js-widget-caption-block").press("Enter")
        await expect(panel.get_by_role("button", name=take)).to_be_visible()
        card = await panel.inner_text()
        await gone_to(page, "Integrations")
        await page.locator(".widget-card").click()
        await expect(page.get_by_role("dialog")).to_contain_text(connected)
        await page.keyboard.press("Escape")
        await gone_to(page, "Pipeline")
        board = Board(page, NEW_REQUEST)
        await board.column.get_by_role("button", name="Add a trigger").click()
        await page.locator(".js-trigger-choose").click()
        await expect(board.form).to_contain_text(who)
        await expect(board.done).to_be_enabled()
        form = await board.form.inner_text()
        await board.close("Cancel")

    assert ENGLISH.findall(f"{card} {form}") == []


async def test_settings_are_kept_by_our_server_and_kommo_keeps_a_version(
    kommo: Sandbox, browser: Browser
) -> None:
    server, widget = Pretended(), kommo.account.widgets["fairlead"]
    async with looking(browser, kommo.base_url, ADMIN_ID, to=SETTINGS, server=server) as page:
        dialog = page.get_by_role("dialog")
        await page.locator(".widget-card").click()
        await dialog.get_by_label("Managers may pause themselves").uncheck()
        await expect(dialog).to_contain_text("Saved.")
        await dialog.get_by_role("button", name="Disable").click()
        await expect(dialog).to_have_count(0)
        disabled = widget.settings
        asked = len(server.asked)
        await page.locator(".widget-card").click()
        await expect(dialog).to_contain_text("Install the widget first")
        assert len(server.asked) == asked
        await dialog.get_by_role("button", name="Install").click()
        await expect(dialog).to_have_count(0)

    assert disabled is None
    assert widget.settings == {"config": '{"v":1}'}
    assert server.posted("/activity") == [{"enabled": True, "managers_may_change": False}]


@pytest.mark.parametrize("container", ["", "?container=work-area"])
async def test_S12_the_page_frames_our_server_whose_address_holds_no_secret(
    kommo: Sandbox, browser: Browser, container: str
) -> None:
    server = Pretended()
    to = f"{PAGE}{container}"
    async with looking(browser, kommo.base_url, ADMIN_ID, to=to, server=server) as page:
        frame = page.locator("iframe")
        await expect(frame).to_have_count(1)
        await expect(page.frame_locator("iframe").locator("p")).to_have_text("Schedules")

        address = f"{ORIGIN}/widget/v1/frame?account=32000001"
        assert await frame.get_attribute("src") == address


async def test_the_public_build_has_a_page_in_the_menu_and_no_switch_at_the_avatar(
    kommo: Sandbox, browser: Browser, tmp_path: Path
) -> None:
    server, harness = Pretended(), kommo.harness
    private = harness.archive
    await show(kommo, built(tmp_path, "public"))
    try:
        async with looking(
            browser,
            kommo.base_url,
            ADMIN_ID,
            to="/widget_page/fairlead/fairlead/",
            server=server,
            size=PHONE,
        ) as page:
            await expect(page.locator("#work-area-fairlead iframe")).to_have_count(1)
            await gone_to(page, "Lead")
            await expect(page.locator(".card-widgets__widget-fairlead")).to_have_count(1)
            await expect(page.locator(".fairlead__avatar")).to_have_count(0)
            await gone_to(page, "Integrations")
            await page.locator(".widget-card").click()
            privacy = page.get_by_role("dialog").get_by_role("link", name="Privacy policy")
            await expect(privacy).to_have_attribute("href", f"{ORIGIN}/en/privacy")
    finally:
        harness.archive = private

    assert server.posted("/session")
