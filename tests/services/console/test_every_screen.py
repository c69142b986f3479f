"""What holds for every screen that the navigation leads to, so that a new one is in by itself (W8).

Which deeds a role is offered follows from the table of roles; names that strangers chose are text;
nothing is clipped on a phone in longer languages.
"""

import gzip
import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from services.access.roles import ROLES, Role, Scope
from services.access.sessions import COOKIE
from tests.services.access.kit import grant
from tests.services.console.browser import PHONE, browsing
from tests.services.console.site import BRUNO, FORM, Site

pytestmark = pytest.mark.server

NAVIGATION = re.compile(r'<nav[^>]*class="screens".*?</nav>', re.DOTALL)
HREF = re.compile(r'href="([^"]+)"')
FORMS = re.compile(r'<form\b[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
BUTTON = re.compile(r'<a\b[^>]*class="button[^"]*"[^>]*href="([^"?#]*)')
ENABLED = re.compile(r"<button\b(?![^>]*\bdisabled\b)")
NUMBER = re.compile(r"\d{3,}")
LOADED = re.compile(r'(?:<script[^>]* src|<link[^>]* rel="(?:stylesheet|icon)"[^>]* href)="([^"]+)')
# Bytes: of a page as it is, of one packed, and of all that comes with the first one.
HTML_MAX, LATER_MAX, FIRST_MAX = 150_000, 20_000, 60_000
# What the navigation does not lead to by itself.
BEHIND = (f"/managers/{BRUNO}", "/leads/900001", "/schedules/office", "/setup")

# Each deed of a page of the week, and what it wants of the table of roles.
DEEDS: Mapping[str, Scope] = {
    "/managers/N/pause": "activity",
    "/managers/N/handover": "activity",
    "/leads/N/undo": "activity",
    "/distribute": "activity",
    "/managers/N/correction": "ledger",
    "/audit/replay": "audit",
    "/rules/drafts": "rules",
    "/absences": "rules",
    "/swaps": "rules",
    "/schedules": "rules",
    "/schedules/office": "rules",
    "/schedules/office/exceptions": "rules",
    "/connection/address": "access",
    "/connection/disconnect": "access",
    "/connection/sweep": "access",
    "/connection/token": "access",
    "/connection/webhooks": "access",
    "/access/invitations": "access",
    "/webhooks": "access",
}
# Other screens, which a page leads to by a button, or asks with a filter.
SCREENS = {"", "/audit/then", "/leads", "/managers/N", "/me", "/proof", "/waiting"}
PAYLOAD = "<img src=x onerror=alert(1)>\"'{{7*7}}\u202e"

# Every word is 40% longer, as in the longest languages.
LENGTHEN = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const longer = (word) => word + word.slice(0, Math.ceil(word.length * 0.4));
  while (walker.nextNode()) {
    const at = walker.currentNode;
    if (!at.parentElement.closest("script, style, code, pre, svg, textarea"))
      at.data = at.data.replace(/\\p{L}+/gu, longer);
  }
}"""
CLIPPED = """() => [...document.querySelectorAll("body *")].filter((each) => {
  const isCut = ["hidden", "clip"].includes(getComputedStyle(each).overflowX);
  const isSeen = each.clientWidth > 1 && !each.closest(".unseen, svg");
  return isCut && isSeen && each.scrollWidth > each.clientWidth + 1;
}).map((each) => each.outerHTML.slice(0, 100))"""
WIDE = "document.documentElement.scrollWidth - window.innerWidth"


async def screens(client: httpx.AsyncClient, site: Site, start: str = "") -> list[str]:
    """What somebody's navigation leads to, in the account, and what is behind."""
    page = await client.get(f"{site.base}{start}")
    (navigation,) = NAVIGATION.findall(page.text)
    found = [html.unescape(each) for each in HREF.findall(navigation)]
    return [each for each in dict.fromkeys(found) if each.startswith(site.base)]


def offered(page: str, base: str) -> set[str]:
    """The deeds that a page offers, whatever their numbers."""
    posted = [action for action, inner in FORMS.findall(page) if ENABLED.search(inner)]
    found = {html.unescape(each) for each in (*posted, *BUTTON.findall(page))}
    own = {each.removeprefix(base) for each in found if each.startswith(base)}
    return {NUMBER.sub("N", each) for each in own} - SCREENS


@pytest.mark.parametrize("role", ["administrator", "supervisor", "viewer"])
async def test_S8_a_role_is_offered_what_the_table_says_and_refused_the_rest(
    site: Site, role: Role
) -> None:
    seen: set[str] = set()
    async with site.signed_in(role) as client:
        for path in [*await screens(client, site), *(site.base + each for each in BEHIND)]:
            page = await client.get(path)
            assert page.status_code in {200, 303}, path
            seen |= offered(page.text, site.base)
        refused = {
            deed: (
                await client.post(
                    site.base + deed.replace("N", str(BRUNO)),
                    content="key=no",
                    headers={"content-type": FORM},
                )
            ).status_code
            for deed, scope in DEEDS.items()
            if scope not in ROLES[role]
        }

    assert seen == {deed for deed, scope in DEEDS.items() if scope in ROLES[role]}
    assert {each for each in refused.items() if each[1] not in {403, 404, 405, 422}} == set()


async def test_S8_a_manager_is_offered_their_own_pause_and_nothing_else(site: Site) -> None:
    async with site.signed_in("manager", BRUNO) as client:
        paths = await screens(client, site, "/me")
        seen = set().union(*[offered((await client.get(each)).text, site.base) for each in paths])
        pages = {each: (await client.get(site.base + each)).status_code for each in BEHIND[1:]}

    assert paths == [f"{site.base}/me"]
    assert seen == {"/managers/N/pause"}
    assert set(pages.values()) == {403}


async def test_a_first_load_is_small_and_later_pages_are_smaller(site: Site) -> None:
    sizes: dict[str, tuple[int, int]] = {}
    parts: set[str] = set()
    async with site.signed_in("administrator") as client:
        for path in [*await screens(client, site), *(site.base + each for each in BEHIND)]:
            page = (await client.get(path)).content
            sizes[path] = (len(page), len(gzip.compress(page)))
            parts |= {html.unescape(each) for each in LOADED.findall(page.decode())}
        loaded = [(await client.get(each)).raise_for_status().content for each in sorted(parts)]

    assert len(parts) > 2
    assert {path: size for path, size in sizes.items() if size[0] > HTML_MAX} == {}
    assert {path: size for path, size in sizes.items() if size[1] > LATER_MAX} == {}
    first = max(size for _, size in sizes.values())
    assert sum(len(gzip.compress(each)) for each in loaded) + first <= FIRST_MAX


@asynccontextmanager
async def named_by_strangers(site: Site) -> AsyncIterator[None]:
    """Everything that Kommo names is called what nobody should be called."""
    account = await site.installation.account(site.account_id)
    before = account.directory

    def named(thing: dict[str, Any]) -> dict[str, Any]:
        inner = {"stages": [named(each) for each in thing["stages"]]} if "stages" in thing else {}
        return {**thing, "name": PAYLOAD, **inner}

    strange = {
        **before,
        "users": [named(each) for each in before["users"]],
        "pipelines": [named(each) for each in before["pipelines"]],
    }
    await site.installation.accounts.update_directory(site.account_id, strange)
    try:
        yield
    finally:
        await site.installation.accounts.update_directory(site.account_id, before)


async def test_S11_names_that_strangers_chose_are_text_on_every_screen(site: Site) -> None:
    cookie = await site.cookie_of(
        grant("administrator", site.account_id, BRUNO), grant("operator", None)
    )
    told = []
    async with (
        named_by_strangers(site),
        site.stranger(cookie=f"{COOKIE}={cookie}") as client,
    ):
        for path in [*await screens(client, site), *(site.base + each for each in BEHIND)]:
            page = await client.get(path)
            assert page.status_code == 200, path
            assert "<img" not in page.text, path
            assert "49" not in page.text.partition("onerror=alert(1)&gt;")[2][:20], path
            if "&lt;img src=x onerror=alert(1)&gt;" in page.text:
                told.append(path.removeprefix(site.base))

    assert {"", "/rules", "/schedules", f"/managers/{BRUNO}", "/leads/900001"} <= {*told}


@pytest.mark.parametrize("language", ["ru", "longer"])
async def test_W5_5_on_a_phone_nothing_is_clipped_in_longer_languages(
    site: Site, browser: Browser, language: str
) -> None:
    person_language = "ru" if language == "ru" else "en"
    cookie = await site.cookie_of(
        grant("administrator", site.account_id, BRUNO),
        grant("operator", None),
        language=person_language,
    )
    found: dict[str, list[str]] = {}
    async with site.stranger(cookie=f"{COOKIE}={cookie}") as client:
        paths = [*await screens(client, site), *(site.base + each for each in BEHIND)]
    async with browsing(browser, site, cookie, size=PHONE, is_free=True) as page:
        for path in [*paths, "/operations", "/connect", "/profile"]:
            await page.goto(path)
            if language == "longer":
                await page.evaluate(LENGTHEN)
            wide = await page.evaluate(WIDE)
            found[path] = [
                *(await page.evaluate(CLIPPED)),
                *([f"{wide} px too wide"] if wide > 0 else []),
            ]
            assert await page.locator(f'html[lang="{person_language}"]').count() == 1, path

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
