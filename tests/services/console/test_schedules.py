"""Schedules: seen by whoever may read, changed in a draft by whoever may change rules (W4.5)."""

import re
from collections.abc import AsyncIterator
from html import unescape
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from services.access.roles import ROLES
from services.application.principal import Principal
from services.application.shifts import coverage
from services.application.span import day_from
from services.console.bands import days_from
from services.storage.rules_drafts import RulesDraft, RulesDrafts
from tests.services.console.browser import PHONE, browsing, wrong_with
from tests.services.console.site import Site
from tests.services.console.test_pages import text_of

pytestmark = pytest.mark.server

VIEWER = Principal(id="person:1", scopes=ROLES["viewer"])
COMMENT = "# nobody is asked to come on Saturday"


@pytest_asyncio.fixture(loop_scope="session")
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator of an account without drafts; what they make is gone afterwards."""
    await site.installation.pool.execute("DELETE FROM rules_drafts")
    async with site.signed_in("administrator") as signed:
        yield signed
    await site.installation.pool.execute("DELETE FROM rules_drafts")


def form_of(page: httpx.Response, action: str, **fields: str) -> dict[str, str]:
    """What a form of a page sends, with other fields typed."""
    form = next(each for each in page.text.split("<form")[1:] if f'action="{action}"' in each)
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form.split("</form>")[0]):
        name, value = (re.search(rf'{key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and (("checkbox" not in tag) or "checked" in tag):
            found[name[1]] = unescape(value[1]) if value else ""
    return found | fields


async def draft_of(site: Site) -> RulesDraft:
    (found,) = await RulesDrafts(site.installation.pool).of_account(site.account_id)
    return found


async def rewritten(
    client: httpx.AsyncClient, site: Site, page: httpx.Response, was: str, becomes: str
) -> None:
    """A draft of whoever is signed in, in which they wrote something else."""
    path = f"{site.base}/schedules/office"
    await client.post(path, data=form_of(page, path))
    made = await draft_of(site)
    assert was in made.content
    await RulesDrafts(site.installation.pool).change(
        site.account_id,
        made.draft_id,
        edition=1,
        name=made.name,
        base_revision=made.base_revision,
        content=made.content.replace(was, becomes),
        by=made.made_by,
    )


async def test_W4_5_a_day_that_is_typed_goes_into_the_draft_and_comments_stay(
    site: Site, client: httpx.AsyncClient
) -> None:
    path = f"{site.base}/schedules/office"
    page = await client.get(path)
    await rewritten(client, site, page, "  office:", f"  {COMMENT}\n  office:")
    before = await draft_of(site)
    page = await client.get(path)
    kept = await client.post(path, data=form_of(page, path, day_wed="9:30-13, 22-2"))
    late = await client.post(path, data=form_of(page, path, day_mon="8-12"))
    told = await client.get(kept.headers["location"])
    after = await draft_of(site)

    added = [line for line in after.content.splitlines() if line not in before.content]
    assert COMMENT in after.content
    assert [line.strip() for line in added] == ["wed: [09:30-13:00, 22:00-02:00]"]
    assert (kept.status_code, late.status_code) == (303, 412)
    assert after.edition == before.edition + 1
    assert "Kept in your draft." in text_of(told)
    assert "Wed" in text_of(told)
    assert 'value="9:30-13 22-2"' in told.text
    assert f'href="{site.base}/rules/drafts/{after.draft_id}"' in told.text


async def test_W4_5_what_is_no_hours_is_told_at_its_field_and_nothing_is_kept(
    site: Site, client: httpx.AsyncClient
) -> None:
    path = f"{site.base}/schedules/office"
    page = await client.get(path)
    wrong = await client.post(path, data=form_of(page, path, day_tue="nine to five"))
    look = await client.post(f"{path}/look", data=form_of(page, path, day_tue="22-6", day_sun="x"))

    assert wrong.status_code == 422
    assert '"nine" is no hours of a day.' in text_of(wrong)
    assert 'value="nine to five"' in wrong.text
    assert await RulesDrafts(site.installation.pool).of_account(site.account_id) == []
    assert 'class="carried"' in look.text.split('id="week-wed"')[1].split("</svg>")[0]
    assert '"x" is no hours of a day.' in text_of(look)


async def test_W4_5_another_date_never_moves_the_time(
    site: Site, client: httpx.AsyncClient
) -> None:
    path = f"{site.base}/schedules/turns"
    page = await client.get(path)
    sent = form_of(page, path, anchor="2027-03-27", hours="10-19")
    await client.post(path, data=sent)
    moved = await client.get(path, params={"from": "2027-03-22"})
    text = (await draft_of(site)).content

    assert "anchor: 2027-03-27" in text
    assert "10:00-19:00" in text
    assert "skip" in text
    hours = re.findall(r'<span class="number">([^<]+)</span>', moved.text)
    assert {*hours} == {"10-19", "free"}
    # The day on which the clocks go forward is named, and its shift lasts as long as ever.
    assert "Sun 28.03. free clocks -60 min" in text_of(moved)


async def test_W4_5_exceptions_absences_and_swaps_are_added_and_taken_out(
    site: Site, client: httpx.AsyncClient
) -> None:
    path, base = f"{site.base}/schedules/office", site.base
    page = await client.get(path)
    action = f"{path}/exceptions"
    sent = form_of(page, action, first="2026-10-28", last="2026-10-29", reason="moving house")
    assert (await client.post(action, data=sent)).status_code == 303
    page = await client.get(f"{base}/schedules")
    absence = form_of(page, f"{base}/absences", first="2026-11-02", reason="ill")
    missing = await client.post(f"{base}/absences", data=absence)
    page = await client.get(f"{base}/schedules")
    await client.post(f"{base}/absences", data=absence | {"manager": "501"})
    page = await client.get(f"{base}/schedules")
    swap = form_of(page, f"{base}/swaps", manager="502", on="2026-11-02", hours="8-9")
    await client.post(f"{base}/swaps", data=swap | {"instead_of": "501"})
    shown = text_of(await client.get(path))
    page = await client.get(f"{base}/schedules")
    await client.post(f"{base}/absences", data=form_of(page, f"{base}/absences", remove="1"))
    after = (await draft_of(site)).content

    assert missing.status_code == 422
    assert "Something has to stand here." in text_of(missing)
    assert "Wed 28.10. free moving house" in shown
    assert "Fri 30.10. 9-13 14-18" in shown
    assert "Ana is away" in shown
    assert "Bruno works 8-9 instead of Ana" in shown
    assert "from: 2026-10-28" in after
    assert "to: 2026-10-30" in after
    assert "reason: ill" not in after


async def test_W4_5_who_is_there_is_what_the_application_tells_of_the_same_days(
    site: Site,
) -> None:
    account = await site.installation.accounts.get(site.account_id)
    _, day = day_from("", now=site.at, timezone=account.timezone)
    span = days_from(day.start, ZoneInfo(account.timezone), 7)
    found = await coverage(site.installation, account, VIEWER, "site", span=span)
    async with site.signed_in("viewer") as viewer:
        answer = await viewer.get(f"{site.base}/schedules")
    of_site = answer.text.split("<h3>site</h3>")[1].split("</figure>")[0]

    gaps = sum(not each.manager_ids for each in found)
    assert of_site.count('class="gap"') == gaps
    assert of_site.count('class="there"') == len(found) - gaps
    assert f"nobody is there {gaps} times" in text_of(answer)


async def test_W4_5_who_is_there_is_told_by_the_rules_name_where_it_has_one(
    site: Site, client: httpx.AsyncClient
) -> None:
    page = await client.get(f"{site.base}/schedules/office")
    await rewritten(client, site, page, "- id: vip\n", "- id: vip\n    name: VIP clients\n")
    coverage_of = (await client.get(f"{site.base}/schedules")).text

    headings = re.findall(r"<h3>([^<]+)</h3>", coverage_of)
    assert "VIP clients" in headings
    assert "site" in headings  # it has no name
    assert "vip" not in headings


async def test_W3_2_whoever_may_not_change_rules_only_sees_them(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        page = await viewer.get(f"{site.base}/schedules/office")
        all_ = await viewer.get(f"{site.base}/schedules")
        refused = await viewer.post(
            f"{site.base}/schedules/office", data={"kind": "always", "edition": "0", "key": "k"}
        )
        unknown = await viewer.get(f"{site.base}/schedules/nothing")

    assert "Keep in the draft" not in page.text
    assert "week.js" not in page.text
    assert page.text.count("readonly") >= 7
    assert "Remove" not in all_.text
    assert (refused.status_code, unknown.status_code) == (403, 404)


async def test_W4_5_hours_are_typed_dragged_and_changed_by_keys(
    site: Site, browser: Browser
) -> None:
    cookie = await site.cookie("administrator")
    path, found = f"{site.base}/schedules/office", dict[str, list[str]]()
    async with browsing(browser, site, cookie, is_free=True) as page:
        await page.goto(path)
        found["desktop"] = await wrong_with(page)
        sunday, saturday = page.get_by_label("Sun"), page.get_by_label("Sat")
        await sunday.fill("22-6")
        await expect(page.locator("#week-mon .carried")).to_have_attribute("width", "360")
        await sunday.fill("nine")
        await expect(page.locator("#wrong-sun")).to_contain_text("is no hours of a day")
        await expect(sunday).to_have_attribute("aria-invalid", "true")
        await sunday.fill("9-12")
        await expect(page.locator("#wrong-sun")).to_have_text("")
        await sunday.press("End")
        await sunday.press("ArrowUp")
        await expect(sunday).to_have_value("9-12:15")
        await sunday.press("Shift+ArrowDown")
        await expect(sunday).to_have_value("9-12:14")
        box = await page.locator("#week-sat svg").bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        await page.mouse.move(box["x"] + box["width"] * 10 / 24, middle)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 14 / 24, middle, steps=4)
        await page.mouse.up()
        await expect(saturday).to_have_value("10-14")
        drawn = page.locator("#week-sat .there")
        await expect(drawn).to_have_attribute("width", "240")
        await page.mouse.move(box["x"] + box["width"] * 14 / 24, middle)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 16 / 24, middle, steps=4)
        await page.mouse.up()
        await expect(saturday).to_have_value("10-16")
        await page.get_by_role("button", name="Keep in the draft").press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Kept in your draft.")
        await expect(page.get_by_label("Sat")).to_have_value("10-16")
        await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        found["phone"] = await wrong_with(page)
        await page.goto(f"{site.base}/schedules")
        found["all"] = await wrong_with(page)
        await page.goto(f"{site.base}/schedules/turns")
        found["turns"] = await wrong_with(page)
    await site.installation.pool.execute("DELETE FROM rules_drafts")

    assert {name: wrong for name, wrong in found.items() if wrong} == {}
