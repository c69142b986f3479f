"""Who waits for what, who has duty, and whether it is fair, at the end of the week (W4.6, W4.7)."""

import csv
import re
from io import StringIO

import pytest

from contracts.events import LEAD
from services.access.roles import ROLES
from services.application.books import fair
from services.application.duty import on_duty
from services.application.principal import Principal
from services.application.waiting import waiting_now
from tests.services.console.site import BRUNO, Site
from tests.services.console.test_pages import text_of

pytestmark = pytest.mark.server

VIEWER = Principal(id="person:1", scopes=ROLES["viewer"])


async def test_W4_7_who_waits_is_told_by_reason_with_the_oldest_and_the_next_look(
    site: Site,
) -> None:
    account = await site.installation.accounts.get(site.account_id)
    now = await waiting_now(site.installation, account, VIEWER)
    async with site.signed_in("viewer") as viewer:
        page = text_of(await viewer.get(f"{site.base}/waiting"))
        shown = await viewer.get(site.base)
        lead = await viewer.get(f"{site.base}/leads/900237")
    today = text_of(shown)

    assert "11 leads wait for a manager." in page
    assert [(each.reason, each.leads) for each in now.reasons] == [
        ("owner", 3),
        ("behind_queue", 8),
    ]
    assert "its owner 3 900209 since 2026-10-23 18:02 2026-10-26 09:00" in page
    assert "its turn, behind older leads 8 900237 since 01:45 2026-10-26 00:45" in page
    assert "site 8 900237 since 01:45 2026-10-26 00:45" in today
    assert (
        "site : nobody can take one now. It waits, and is looked at again at 2026-10-26 00:45."
        in (today)
    )
    hovered = r'title="2026-10-25 23:45:\d\d UTC">2026-10-26 00:45</time>'
    assert "next look <time datetime=" in lead.text
    assert "is looked at again at <time " in shown.text
    assert len(re.findall(hovered, shown.text)) == 2


async def test_W3_3_a_filter_is_in_the_address_is_said_in_words_and_can_be_cleared(
    site: Site,
) -> None:
    async with site.signed_in("viewer") as viewer:
        owners = await viewer.get(f"{site.base}/waiting", params={"reason": "owner"})
        none = await viewer.get(f"{site.base}/waiting", params={"rule": "hotline"})
        sheet = await viewer.get(f"{site.base}/waiting.csv", params={"reason": "owner"})
        beyond = await viewer.get(f"{site.base}/waiting", params={"after": 2**62})

    assert "Whoever waits longest first · its owner" in text_of(owners)
    assert "900209" in text_of(owners)
    assert "900239" not in text_of(owners)
    assert "rule hotline" in text_of(none)
    assert f'href="{site.base}/waiting"' in none.text
    rows = list(csv.DictReader(StringIO(sheet.text)))
    assert [(row["lead_id"], row["rule"], row["reason"]) for row in rows] == [
        ("900209", "vip", "owner"),
        ("900207", "vip", "owner"),
        ("900241", "vip", "owner"),
    ]
    assert beyond.status_code == 200


async def test_W3_3_pages_lead_on_and_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.console.screens.waiting.PAGE", 4)
    async with site.signed_in("viewer") as viewer:
        first = await viewer.get(f"{site.base}/waiting")
        second = await viewer.get(address_of(first.text, "next"))
        third = await viewer.get(address_of(second.text, "next"))
        back = await viewer.get(address_of(second.text, "prev"))

    pages = [leads_of(each.text) for each in (first, second, third)]
    assert [len(page) for page in pages] == [4, 4, 3]
    assert len({lead for page in pages for lead in page}) == 11
    assert leads_of(back.text) == pages[0]
    assert 'rel="prev"' not in first.text
    assert 'rel="next"' not in third.text


async def test_W4_7_who_has_duty_now_and_for_a_week(site: Site) -> None:
    account = await site.installation.accounts.get(site.account_id)
    now = await on_duty(site.installation, account, VIEWER, now=site.at)
    async with site.signed_in("viewer") as viewer:
        answer = await viewer.get(f"{site.base}/waiting")
    page = text_of(answer)

    assert [each.manager_ids for each in now] == [(507,), (507,)]
    assert page.count("Now: Grace (507).") == 2
    assert "Sun 25 00:00\N{EN DASH}06:00 Grace (507) 06:00\N{EN DASH}22:00 Hugo (508) 22:00" in page
    # The clocks go back in that night: until 6 it is 7 hours of the week's 169.
    assert f'width="{700 * 7 / 169:.1f}" height="24" class="there"' in answer.text
    assert f'x1="{700 * 25 / 169:.1f}"' in answer.text
    assert "nobody of the rota; Hugo takes what comes" in page


async def test_W4_6_everybodys_deviation_is_told_with_the_bound_and_corrections_apart(
    site: Site,
) -> None:
    account = await site.installation.accounts.get(site.account_id)
    found = await fair(site.installation, account, VIEWER)
    ana = next(each for each in found.shares if each.manager_id == 501)
    async with site.signed_in("viewer") as viewer:
        answer = await viewer.get(f"{site.base}/fairness")
    page = text_of(answer)

    assert "It is fair: nobody is further than 0.544 leads from their fair share." in page
    assert "Nobody should ever be 2.000 leads away or more." in page
    assert f"{ana.assigned} {ana.share_units / LEAD:.3f} +0.544 1.044 +2.897" in page
    assert len(re.findall('class="(?:above|below)"', answer.text)) == len(found.shares)
    # The line ends where whoever is furthest is now.
    assert answer.text.rindex("0.544</td>") > answer.text.index("As numbers")


async def test_W3_2_both_are_for_whoever_may_read(site: Site) -> None:
    async with site.signed_in("manager", BRUNO) as bruno:
        answers = [await bruno.get(f"{site.base}/{path}") for path in ("waiting", "fairness")]
        own = await bruno.get(f"{site.base}/me")

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "/fairness" not in own.text


def address_of(page: str, rel: str) -> str:
    """Where a link of a page leads."""
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    assert found is not None, rel
    return found[1].replace("&amp;", "&")


def leads_of(page: str) -> list[str]:
    """The leads of a list, in order."""
    return re.findall(r'<th scope="row"><a href="/a/\d+/leads/(\d+)"', page)
