"""`make try`: a console to click about in, with leads that keep coming, until Ctrl-C."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.async_api import expect

from services.demo.door import INSTALLER, VISITORS
from services.demo.week.sample import NEW
from tests.services.console.browser import PATIENCE_MS, opened
from tests.support.kept_demo import KeptDemo, standing
from tests.support.processes import descendants, running
from tests.support.waiting import until

DOOR = re.compile(r"open (http://localhost:\d+/\S+)")
FRESH = re.compile(r"An account to connect: (\S+) with the token (\S+)")
GIVEN = re.compile(r"(\d+) leads given out today")


@pytest.fixture(scope="module")
def trial() -> Iterator[KeptDemo]:
    with standing("try", "--no-browser", "--every=0.5", last="after Ctrl-C") as found:
        yield found


async def entered(trial: KeptDemo, login: str) -> httpx.Response:
    """The page at which somebody begins who chose whom to be."""
    (door,) = DOOR.findall(trial.printed)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        chosen = await browser.post(f"{door}/{login}")
        assert chosen.status_code == 303, chosen.text
        # Its jar keeps no cookie of a secure name for http, as browsers do on this machine.
        cookie = chosen.headers["set-cookie"].partition(";")[0]
        return await browser.get(chosen.headers["location"], headers={"cookie": cookie})


@pytest.mark.parametrize("login", [visitor.login for visitor in (*VISITORS, INSTALLER)])
async def test_W1_whoever_one_chooses_to_be_begins_at_their_page(
    trial: KeptDemo, login: str
) -> None:
    page = await entered(trial, login)

    assert (page.status_code, "</h1>" in page.text) == (200, True)


async def test_W3_6_leads_are_given_out_while_one_looks(trial: KeptDemo) -> None:
    async def given() -> int:
        (count,) = GIVEN.findall((await entered(trial, "sales-head")).text)
        return int(count)

    before = await given()

    async def is_more() -> bool:
        return await given() > before

    await until(is_more)


async def test_W1_an_account_is_set_up_in_the_browser_without_yaml(trial: KeptDemo) -> None:
    """Connected with each step tested, first schedule, first rule, first lead (W4.11, W4.1)."""
    (door,), ((kommo, token),) = DOOR.findall(trial.printed), FRESH.findall(trial.printed)
    async with opened() as browser, httpx.AsyncClient(trust_env=False, timeout=60) as person:
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        await page.goto(door)
        await page.get_by_role("button", name=INSTALLER.name).click()
        await page.get_by_label("Address of the account").fill(kommo)
        await page.get_by_role("textbox", name="Long-lived token").fill("a wrong one")
        await page.get_by_role("button", name="Test and connect").click()
        wrong = await page.get_by_role("alert").inner_text()
        await page.get_by_role("textbox", name="Long-lived token").fill(token)
        await page.get_by_role("button", name="Test and connect").click()
        await page.locator("main a.button").click()
        stage = page.locator("select[name=stage]")
        await stage.select_option(label="Site / New request")
        for day in await page.locator("input[name=day]").all():
            await day.set_checked(checked=False)
        await page.locator("form", has=stage).get_by_role("button").click()
        await expect(page.locator("#progress")).to_contain_text("1")
        value = {"pipeline_id": NEW.pipeline_id, "status_id": NEW.status_id}
        lead = await person.post(f"{kommo}/sandbox/leads", json={"leads": [value]})
        assert lead.status_code == 201, lead.text
        await page.locator("#progress a.button.main").click()
        await expect(page.locator(".verdict").first).to_contain_text("1 lead given out today")

    assert wrong


async def test_S1_nobody_gets_in_who_does_not_know_the_address(trial: KeptDemo) -> None:
    (door,) = DOOR.findall(trial.printed)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        start, _, secret = door.rpartition("/")
        guessed = await browser.post(f"{start}/{secret[::-1]}/sales-head")
        nobody = await browser.post(f"{door}/root")

    assert (guessed.status_code, nobody.status_code) == (404, 404)
    assert "set-cookie" not in nobody.headers


async def test_F13_even_killed_it_leaves_nobody_behind(trial: KeptDemo) -> None:
    """Told to end it ends in order, as the demo does (test_demo_keep); this is the worst case."""
    begun = descendants(trial.process.pid)
    trial.process.kill()
    trial.process.wait()

    # Kommo, Fairlead, what works beside it, PostgreSQL with its own.
    assert len(begun) > len(("kommo", "fairlead", "web", "postgres"))
    await until(lambda: not running(begun))
