"""The loader, the screens and the guards of the harness, with a widget of ten lines."""

import hashlib
import re
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from services.sandbox.app import Sandbox, running_sandbox
from services.sandbox.sample import ADMIN_ID, NEW_REQUEST, SALES
from tests.services.sandbox.harness.tiny import tiny
from tests.support.harness import chromium, gone_to, looking

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]

VENDORED = {
    "jquery.min.js": "2051d61446d4dbffb03727031022a08c84528ab44d203a7669c101e5fbdd5515",
    "moment.min.js": "e22419e8154be2a34a950dbb4c4c448413751c53ef02f00c6c56af28aa2c4964",
    "require.js": "c1fc6b1d53af7522f78d664922abb32acac64ed0ecccb8f907f1e6fc7262563a",
    "twig.min.js": "7257a6302887016f9db1da790227d3f5a7b36af5b58234d875c5cd2523ae14d5",
    "underscore-min.js": "1bb03826b26326516a3f4c9a9b39f03e3000a4828f91a75e1dfc88c2269af5ed",
}
CLIENT = "11111111-2222-4333-8444-555555555555"
CARD, BOARD = "/leads/detail/900001", f"/settings/pipeline/leads/{SALES}"
ONCE = re.compile("changed, init$")
TWICE = re.compile(r"changed, init.*changed, init$")
BEGUN = "constructed, render, init, bind_actions, page:changed"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kommo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        running.knobs.turn({"requests_per_second": 10_000})
        redirect = {"client_id": CLIENT, "redirect_uri": "https://fairlead.test/oauth/"}
        async with httpx.AsyncClient(base_url=running.base_url) as client:
            await client.post("/sandbox/leads", json={"count": 1, "silent": True})
            await client.post("/sandbox/integrations", json=redirect)
        await shown(running, tiny(tmp_path_factory.mktemp("tiny")))
        yield running


async def shown(kommo: Sandbox, archive: Path, *, installed: bool = True) -> None:
    order = {"archive": str(archive), "client_id": CLIENT}
    async with httpx.AsyncClient(base_url=kommo.base_url) as client:
        answer = await client.put("/sandbox/harness", json=order)
    assert answer.status_code == 200, answer.text
    kommo.account.widgets["fairlead"].settings = {} if installed else None


async def told(page: Page) -> str:
    return await page.locator("html").get_attribute("data-told") or ""


async def test_what_others_wrote_is_what_they_published() -> None:
    folder = resources.files("services.sandbox.harness") / "vendor"
    found = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in folder.iterdir()
        if each.name.endswith(".js")
    }

    assert found == VENDORED


async def test_the_order_of_calls_from_page_to_page(kommo: Sandbox, browser: Browser) -> None:
    async with looking(browser, kommo.base_url, ADMIN_ID, to=CARD) as page:
        panel = page.locator(".card-widgets__widget-fairlead")
        first = await told(page)
        await expect(panel.get_by_role("button", name="Take it")).to_be_hidden()
        await panel.locator(".js-widget-caption-block").click()
        await expect(panel.get_by_role("button", name="Take it")).to_be_visible()
        await gone_to(page, "Settings page")
        second = await told(page)
        await expect(page.locator("#list_page_holder")).to_have_text("advanced")
        await gone_to(page, "Menu: tiny")
        third = await told(page)

    assert first == BEGUN
    begun_again = "constructed, render, init, bind_actions"
    assert second == f"{first}, destroy, {begun_again}, advancedSettings, page:changed"
    assert third == f"{second}, destroy, {begun_again}, initMenuPage tiny, page:changed"


async def test_the_knobs_of_the_loader(kommo: Sandbox, browser: Browser) -> None:
    found = {}
    for knob, expected in (
        ("init_once", ()),
        ("thenable", ()),
        ("exception", ("harness: widget fairlead: Error: as the knob says",) * 2),
    ):
        async with looking(
            browser, kommo.base_url, ADMIN_ID, to=CARD, knobs=[knob], expected=expected
        ) as page:
            if knob == "thenable":
                await expect(page.locator("html")).to_have_attribute("data-told", ONCE)
            await gone_to(page, "Integrations")
            if knob == "thenable":
                await expect(page.locator("html")).to_have_attribute("data-told", TWICE)
            found[knob] = await told(page)

    assert found["init_once"] == f"{BEGUN}, render, page:changed"
    assert found["thenable"].startswith("constructed, render, bind_actions, page:changed")
    assert found["exception"] == "constructed, destroy, constructed"


async def test_nothing_is_loaded_for_people_who_pay_nothing(
    kommo: Sandbox, browser: Browser
) -> None:
    kommo.account.users[512].is_free = True
    async with looking(browser, kommo.base_url, 512, to=CARD) as page:
        assert await told(page) == ""


@pytest.mark.parametrize("marker", ["above", "around", "inside"])
async def test_a_trigger_keeps_its_inputs_once_both_saves_are_pressed(
    kommo: Sandbox, browser: Browser, marker: str
) -> None:
    kommo.account.triggers.clear()
    async with looking(browser, kommo.base_url, ADMIN_ID, to=BOARD, marker=marker) as page:
        column = page.locator(f".digital-pipeline__column[data-stage-id='{NEW_REQUEST}']")
        for rule in ("r7", "r8"):
            await column.get_by_role("button", name="Add a trigger").click()
            await page.locator(".js-trigger-choose").click()
            field = column.locator("input[name=rule]")
            await expect(field).to_have_value("r7")
            await field.fill(rule)
            await column.get_by_role("button", name="Done").click()
        assert kommo.account.triggers == {}
        await page.locator(".digital-pipeline__save-button").click()
        await expect(page.locator("#page_holder")).to_have_attribute("data-saved", "1")
        await page.get_by_role("button", name="Copy").click()
        await page.get_by_role("link", name="Open the copy").click()
        await expect(page.get_by_role("heading", name="Sales (copy)")).to_be_visible()

    kept = [
        (each.stage.pipeline_id == SALES, each.stage.status_id == NEW_REQUEST, dict(each.settings))
        for each in kommo.account.triggers.values()
    ]
    settings = [{"rule": "r7", "key": ""}, {"rule": "r8", "key": ""}]
    assert kept == [(True, True, each) for each in settings] + [
        (False, False, each) for each in settings
    ]
    assert {each.destination for each in kommo.account.triggers.values()} == {
        "https://fairlead.test/dp/secret/"
    }


async def test_a_widget_is_installed_set_and_disabled_by_clicks(
    kommo: Sandbox, browser: Browser, tmp_path: Path
) -> None:
    await shown(kommo, tiny(tmp_path), installed=False)
    widget, found = kommo.account.widgets["fairlead"], []
    async with looking(browser, kommo.base_url, ADMIN_ID, to="/settings/widgets/") as page:
        for button, active in (("Install", "Y"), ("Save", "Y"), ("Disable", "N")):
            await page.locator(".widget-card").click()
            await page.get_by_role("button", name=button).click()
            await expect(page.locator("#page_holder")).to_have_attribute("data-active", active)
            await expect(page.get_by_role("dialog")).to_have_count(0)
            found.append(widget.settings)
        assert (await told(page)).endswith("settings, onSave N, destroy")

    assert found == [{"config": '{"v":1}'}, {"config": '{"v":1}'}, None]
    await shown(kommo, tiny(tmp_path))


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("APP.mine = 1;", "harness: APP.mine was written"),
        ("APP.constant('managers')[501].title = 'x';", "harness: APP.constant('managers').501"),
        ("APP.router;", "harness: APP.router is not documented"),
        ("console.log('hello');", "hello"),
        ("alert('hello');", "alert: hello"),
        ("fetch('https://elsewhere.test/').catch(function () {});", "Content Security Policy"),
        ("eval('1');", "Content Security Policy"),
        ("self.i18n('no.such');", "harness: there is no text no.such"),
    ],
)
async def test_what_a_widget_must_not_do_fails_the_test(
    kommo: Sandbox, browser: Browser, tmp_path: Path, deed: str, said: str
) -> None:
    await shown(kommo, tiny(tmp_path, deed))
    with pytest.raises(AssertionError, match=re.escape(said)):
        async with looking(browser, kommo.base_url, ADMIN_ID, to="/settings/widgets/"):
            pass
    await shown(kommo, tiny(tmp_path))
