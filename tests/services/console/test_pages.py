"""What the pages of the console show to whom, and what a deed on them needs (W3, W4, S10, S11)."""

import asyncio
import csv
import json
import re
from copy import deepcopy
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from contracts.events import LEAD as UNITS
from projections import readings
from services.access.roles import ROLES, Role
from services.access.sessions import COOKIE
from services.application.pauses import pauses
from services.application.principal import Principal
from services.shared.errors import Unavailable
from services.storage.chain import ChainStore
from services.storage.database import TooBroad, borrow
from tests.services.access.kit import grant
from tests.services.cli.week import KeptWeek
from tests.services.console.browser import PHONE_AGENT
from tests.services.console.site import BRUNO, FORM, Site

pytestmark = pytest.mark.server

LEAD = 900001
# Came in the evening, and was given out in the morning.
OVERNIGHT = 900049
PAUSE = {"length": "open", "key": "a-test", "reason": "", "until": ""}


def text_of(answer: httpx.Response) -> str:
    """What a reader sees of a page, on one line."""
    return " ".join(
        unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</?time[^>]*>", "", answer.text))).split()
    )


async def test_W3_1_who_is_not_signed_in_signs_in_and_goes_on_where_they_wanted(
    site: Site,
) -> None:
    async with site.stranger() as stranger:
        answer = await stranger.get(f"{site.base}/leads", params={"lead": "7"})

    assert answer.status_code == 303
    wanted = f"%2Fa%2F{site.account_id}%2Fleads%3Flead%3D7"
    assert answer.headers["location"] == f"/sign-in?next={wanted}"


async def test_W4_1_today_says_in_a_sentence_whether_all_is_well(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        page = await viewer.get(site.base)

    assert page.status_code == 200
    assert (
        "All is well. 4 leads given out today, 0 lost, 11 wait,"
        " nobody further than 0.544 leads from their fair share." in text_of(page)
    )
    assert "off shift until 2026-10-26 09:00" in text_of(page)
    # Grace has the night: her bar is there, and the leads of the hotline are hers.
    assert "00:00\N{EN DASH}06:00, 22:00\N{EN DASH}24:00" in text_of(page)
    assert "hotline : nobody is at work, so Grace, who has duty." in text_of(page)
    assert "/pause" not in page.text


async def test_W4_1_the_numbers_are_those_of_the_command_line(site: Site, week: KeptWeek) -> None:
    day_ago, now = (site.at - timedelta(days=1)).isoformat(), site.at.isoformat()

    def said(*words: object) -> Any:
        return json.loads(week.say(*words, "--json").out)

    def say() -> tuple[Any, ...]:
        return (
            said("accounts", "list")[0],
            said("loads"),
            said("speed", "--by", "rule", "--from", day_ago, "--to", now),
            week.say("statement", BRUNO).out,
        )

    account, loads, legs, statement = await asyncio.to_thread(say)
    async with site.signed_in("viewer") as viewer:
        today = text_of(await viewer.get(site.base))
        manager = text_of(await viewer.get(f"{site.base}/managers/{BRUNO}"))
        fairness = text_of(await viewer.get(f"{site.base}/fairness"))

    assert f"{account['waiting']} wait," in today
    assert f"nobody further than {account['deviation_units'] / UNITS:.3f} leads" in today
    assert f"nobody is further than {account['deviation_units'] / UNITS:.3f} leads" in fairness
    for each in loads["managers"]:
        line = re.search(rf"\({each['manager_id']}\) .*?(?=[A-Z]\w+ \(\d+\)|Beyond share:)", today)
        assert line is None or f" {each['open_leads']} " in line[0], each
    assert [each["of"] for each in legs["speed"]] == ["hotline", "site", "vip"]
    for each in legs["speed"]:
        assert f"{each['of']} {each['given']} " in today
    found = re.search(r"(\d+) leads; the fair share is ([\d.]+)\.", statement)
    balance = re.search(r"Balance: (\S+) leads", manager)
    assert found is not None
    assert balance is not None
    assert f"Got {found[1]} leads; their fair share is {found[2]}." in manager
    assert f"{found[1]} {found[2]} " in fairness
    assert balance[1] in statement


@pytest.mark.parametrize(
    ("page", "reading", "error", "told", "stays"),
    [
        ("", "today.everybody", ValueError("secret"), "a mistake of ours", "900237 since 01:45"),
        ("", "today.next_able", ValueError("secret"), "a mistake of ours", "Bruno (502)"),
        ("", "today.speed", TooBroad("secret"), "It took too long", "Bruno (502)"),
        ("/managers/502", "manager.oneself", KeyError("secret"), "a mistake of ours", "Balance:"),
        ("/managers/502", "manager.why_not", TooBroad("secret"), "It took too long", "Balance:"),
        ("/managers/502", "manager.statement_view", OSError("secret"), "a mistake", "off shift"),
        ("/managers/502", "manager.shifts_of_manager", Unavailable("x"), "in a moment", "Balance:"),
    ],
)
async def test_W3_4_a_part_that_fails_says_so_and_the_rest_of_the_page_stays(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    page: str,
    reading: str,
    error: Exception,
    told: str,
    stays: str,
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(f"services.console.screens.{reading}", fail)
    async with site.signed_in("administrator") as somebody:
        with capture_logs() as logged:
            found = await somebody.get(f"{site.base}{page}")

    text = text_of(found)
    assert [each["log_level"] for each in logged if each["event"] == "part_failed"]
    assert found.status_code == 200
    assert text.count("This part of the page could not be shown.") == 1
    assert told in text
    assert f"this id: {found.headers['request-id']}" in text
    assert stays in text
    assert "All is well." not in text
    assert "secret" not in found.text


async def test_W3_9_an_account_in_a_zone_that_is_unknown_here_is_told(site: Site) -> None:
    """As where the machine's zones are older than Kommo's."""
    pool, account_id = site.installation.pool, site.account_id
    move = "UPDATE accounts SET timezone = $2 WHERE account_id = $1"
    account = await site.installation.accounts.get(account_id)
    async with site.signed_in("viewer") as viewer:
        await pool.execute(move, account_id, "Mars/Olympus")
        try:
            page = await viewer.get(site.base)
        finally:
            await pool.execute(move, account_id, account.timezone)

    assert page.status_code < 500, page.text
    assert "Mars/Olympus" in text_of(page)


async def test_W4_2_a_lead_tells_its_story_and_everybody_who_could_have_got_it(
    site: Site,
) -> None:
    async with site.signed_in("viewer") as viewer:
        story = await viewer.get(f"{site.base}/leads/{LEAD}")
        found = await viewer.get(
            f"{site.base}/leads", params={"lead": f"https://week.kommo.com/leads/detail/{LEAD}"}
        )
        unknown = await viewer.get(f"{site.base}/leads/1")
        wrong = await viewer.get(f"{site.base}/leads", params={"lead": "x7"})

    assert f'Ana got lead {LEAD} under rule "vip" (revision 1).' in text_of(story)
    assert f"Lead {LEAD} is in stage Site / New request" in text_of(story)
    assert found.headers["location"] == f"{site.base}/leads/{LEAD}"
    assert (unknown.status_code, wrong.status_code) == (404, 422)
    assert "Nothing was decided about this lead" in text_of(unknown)
    assert "Expected a number, such as 900001." in text_of(wrong)


async def test_W4_2_a_decision_is_decided_again_with_the_digest_that_the_audit_has_there(
    site: Site,
) -> None:
    async with site.signed_in("viewer") as viewer:
        page = await viewer.get(f"{site.base}/leads/{LEAD}")
    decided = next(each for each in page.text.split("<li ")[1:] if "Decided again" in each)
    version = re.search(r'id="v(\d+)"', decided)
    assert version is not None
    chain = await ChainStore(site.installation.pool).behind(site.account_id, int(version[1]))
    link = chain.link.hex()

    said = "Decided again: the same answer. Digest of the log up to here:"
    assert f"{said} {link[:16]} Copy" in text_of(page)
    assert f'data-copy="{link}"' in decided


async def test_W4_2_a_story_tells_how_long_nothing_happened(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        overnight = text_of(await viewer.get(f"{site.base}/leads/{OVERNIGHT}"))

    assert overnight.count("Nothing happened for") == 1
    assert "Nothing happened for 9 hours 22 minutes. 2026-10-21 07:00" in overnight


async def test_W3_9_rules_are_told_by_name_on_pages_and_at_the_terminal(
    site: Site, week: KeptWeek
) -> None:
    name = "UPDATE readings.rules SET rules = $2 WHERE account_id = $1"
    pool, account_id = site.installation.pool, site.account_id
    async with borrow(pool) as connection:
        known = await readings.rules_of(connection, account_id)
        assert known is not None
        rules = deepcopy(known[1])
        next(each for each in rules["rules"] if each["id"] == "vip")["name"] = "VIP clients"
        await connection.execute(name, account_id, rules)
        try:
            async with site.signed_in("administrator") as boss:
                today, waiting, manager, why, lead, palette = [
                    text_of(await boss.get(f"{site.base}{path}"))
                    for path in (
                        "",
                        "/waiting",
                        f"/managers/{BRUNO}",
                        f"/managers/{BRUNO}/why/got",
                        f"/leads/{LEAD}",
                        "/palette",
                    )
                ]
            said = await asyncio.to_thread(week.say, "explain", LEAD)
        finally:
            await connection.execute(name, account_id, known[1])

    assert "VIP clients : " in today
    assert "hotline : " in today  # it has no name
    for page in (today, waiting, manager, why, palette):
        assert "VIP clients" in page
        assert not re.search(r"\bvip\b", page)
    assert f'Ana got lead {LEAD} under rule "VIP clients" (revision 1).' in lead
    assert 'under rule "VIP clients"' in " ".join(said.out.split())


async def test_W4_3_a_statement_has_a_range_a_file_and_who_posted_what(site: Site) -> None:
    lasted = {"from": "2026-10-23", "to": "2026-10-23"}
    async with site.signed_in("manager", BRUNO) as bruno:
        page = await bruno.get(f"{site.base}/me", params=lasted)
        sheet = await bruno.get(f"{site.base}/managers/{BRUNO}/statement.csv", params=lasted)
        others = await bruno.get(f"{site.base}/managers/501/statement.csv")
        empty = await bruno.get(f"{site.base}/me", params={"from": "soon"})

    rows = list(csv.DictReader(StringIO(sheet.text)))
    assert [(row["movement"], row["by"], row["reason"]) for row in rows] == [
        ("corrected", "Vera", "training on Thursday")
    ]
    assert "corrected training on Thursday · Vera" in text_of(page)
    assert "fairlead statement" not in page.text
    assert "Mon 26 09:00\N{EN DASH}13:00, 14:00\N{EN DASH}18:00" in text_of(page)
    assert (others.status_code, empty.status_code) == (403, 422)


async def test_W3_8_on_a_phone_the_statement_has_twenty_lines_a_page(site: Site) -> None:
    lasted = {"from": "2026-10-19"}
    phone = {"user-agent": PHONE_AGENT}
    async with site.signed_in("manager", BRUNO) as bruno:
        sheet = await bruno.get(f"{site.base}/managers/{BRUNO}/statement.csv", params=lasted)
        pages = [await bruno.get(f"{site.base}/me", params=lasted, headers=phone)]
        while older := re.search(r'href="([^"]+)#statement" rel="next"', pages[-1].text):
            pages.append(await bruno.get(unescape(older[1]), headers=phone))
        desk = await bruno.get(f"{site.base}/me", params=lasted)

    rows = [re.findall(r'<tr id="s(\d+)"', page.text) for page in pages]
    found = [each for page in rows for each in page]
    assert [len(page) for page in rows[:-1]] == [20] * (len(rows) - 1)
    assert len(found) == len(set(found)) == len(list(csv.DictReader(StringIO(sheet.text)))) > 50
    assert len(re.findall(r'<tr id="s(\d+)"', desk.text)) == 50
    assert [page.text.count('id="statement-more"') for page in (*pages[:2], desk)] == [1, 0, 0]
    shown = re.findall(r'<tr id="s(\d+)"', pages[0].text.split('id="statement-more"')[0])
    assert shown == rows[0][:5]
    assert "15 more lines" in text_of(pages[0])


async def test_W4_3_a_click_on_a_line_lists_all_its_leads(site: Site) -> None:
    async with site.signed_in("manager", BRUNO) as bruno:
        own = await bruno.get(f"{site.base}/me", params={"from": "2026-10-19"})
        links = [unescape(each) for each in re.findall(r'href="([^"]+/why/[^"]+)"', own.text)]
        counts, listed = [], []
        for link in links:
            page = await bruno.get(link)
            (count,) = re.findall(r"· (\d+) leads?<", page.text)
            leads = re.findall(r'<th scope="row">(\d+)</th>', page.text)
            while older := re.search(r'href="([^"]+)" rel="next"', page.text):
                page = await bruno.get(unescape(older[1]))
                leads += re.findall(r'<th scope="row">(\d+)</th>', page.text)
            counts.append(int(count))
            listed.append(len(leads))
            assert "Ana" not in text_of(page)
        others = await bruno.get(links[0].replace(str(BRUNO), "501"))
        unknown = await bruno.get(f"{site.base}/managers/{BRUNO}/why/luck")

    assert max(counts) > 50
    assert listed == counts
    assert (others.status_code, unknown.status_code) == (403, 404)


async def test_W4_3_a_manager_sees_their_own_page_and_nobody_elses(site: Site) -> None:
    async with site.signed_in("manager", BRUNO) as bruno:
        start = await bruno.get(site.base)
        own = await bruno.get(f"{site.base}/me")
        others = await bruno.get(f"{site.base}/managers/501")
        lead = await bruno.get(f"{site.base}/leads/{LEAD}")

    assert start.headers["location"] == f"{site.base}/me"
    assert "You got 25 of 274 leads given out in this range." in text_of(own)
    assert "others were owed more than you" in text_of(own)
    assert not re.search(r"\b(they|their|them)\b", text_of(own))
    assert "Ana" not in text_of(own)
    assert (others.status_code, lead.status_code) == (403, 403)


@pytest.mark.parametrize("role", ["viewer", "supervisor"])
async def test_W3_2_what_a_role_may_not_do_is_not_offered(site: Site, role: Role) -> None:
    async with site.signed_in(role) as client:
        page = await client.get(f"{site.base}/managers/{BRUNO}")

    assert ('/pause"' in page.text) == (role == "supervisor")


async def test_S5_an_account_of_others_is_as_one_that_is_none(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        foreign, nonsense = await viewer.get("/a/31"), await viewer.get("/a/x")

    assert (foreign.status_code, nonsense.status_code) == (404, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"fairlead-csrf": ""},
        {"fairlead-csrf": "wrong"},
        {"origin": "https://evil.test"},
        {"sec-fetch-site": "cross-site"},
        {"content-type": "text/plain"},
        {"content-type": "application/json"},
    ],
    ids=str,
)
async def test_S10_a_deed_that_is_not_of_a_page_of_ours_changes_nothing(
    site: Site, headers: dict[str, str]
) -> None:
    before = await kept_commands(site)
    async with site.signed_in("supervisor") as client:
        answer = await client.post(
            f"{site.base}/managers/{BRUNO}/pause",
            content="length=open&key=k1&reason=&until=",
            headers={"content-type": FORM, **headers},
        )

    assert answer.status_code == 403
    assert await kept_commands(site) == before


async def test_W3_5_a_pause_is_recorded_and_told(site: Site) -> None:
    before = await kept_commands(site)
    async with site.signed_in("supervisor") as client:
        done = await client.post(f"{site.base}/managers/{BRUNO}/pause", data=PAUSE)
        told = await client.get(done.headers["location"])

    # Nothing runs beside the page that could answer: it is kept, and that is what is said.
    assert "It is kept, and takes effect soon." in text_of(told)
    assert await kept_commands(site) == before + 1
    viewer = Principal(id="person:1", scopes=ROLES["viewer"])
    account = await site.installation.accounts.get(site.account_id)
    assert BRUNO not in {
        each.manager_id for each in await pauses(site.installation, account, viewer)
    }


@pytest.mark.parametrize(
    ("length", "until", "told"),
    [
        ("until", "soon", "Expected a time like 15:00"),
        ("forever", "", "Expected one of: 30m, 1h, until, open."),
    ],
)
async def test_W3_5_a_pause_of_no_length_is_refused_by_what_was_expected(
    site: Site, length: str, until: str, told: str
) -> None:
    async with site.signed_in("supervisor") as client:
        answer = await client.post(
            f"{site.base}/managers/{BRUNO}/pause",
            data={**PAUSE, "length": length, "until": until},
        )

    assert answer.status_code == 422
    assert told in text_of(answer)


async def test_S11_a_name_is_text_and_a_page_may_load_what_is_ours_alone(site: Site) -> None:
    account = await site.installation.accounts.get(site.account_id)
    users = [{"id": BRUNO, "name": "<script>alert(1)</script>"}]
    await site.installation.accounts.update_directory(
        site.account_id, {**account.directory, "users": users}
    )
    async with site.signed_in("viewer") as viewer:
        page = await viewer.get(site.base)
    await site.installation.accounts.update_directory(site.account_id, account.directory)

    assert "<script>alert" not in page.text
    assert "<script>alert(1)</script> (502)" in text_of(page).replace(" / ", "/")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store"
    of_ours = r'<script(?! type="module" src="/static/)'
    assert not re.search(rf"<style|style=|{of_ours}|\son\w+=", page.text)


async def test_W6_4_the_gallery_is_for_whoever_makes_screens(site: Site) -> None:
    operator = await site.cookie_of(grant("operator", None))
    async with site.signed_in("supervisor") as supervisor:
        refused = await supervisor.get("/_gallery")
    async with site.stranger(cookie=f"{COOKIE}={operator}") as client:
        shown = await client.get("/_gallery")

    assert refused.status_code == 404
    assert shown.status_code == 200
    assert "Not everything here shows it yet." in text_of(shown)


async def kept_commands(site: Site) -> int:
    """How many commands were ever given."""
    count: int = await site.installation.pool.fetchval("SELECT count(*) FROM kept_commands")
    return count
