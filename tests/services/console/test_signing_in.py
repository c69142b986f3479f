"""Signing in at the console: by a link, a password and a code; and what strangers see (W7, S10)."""

import re
from collections.abc import Mapping

import httpx
import pyotp
import pytest

from services.access.sessions import COOKIE
from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.application.people.inviting import first_link
from services.console.seeing import local
from services.storage.database import borrow
from tests.services.access.kit import grant, somebody
from tests.services.console.site import FORM, Site
from tests.services.console.test_pages import text_of

PHRASE = "four plain words here"


def hidden(answer: httpx.Response) -> dict[str, str]:
    """What a form carries unseen."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text))


def cookie_of(answer: httpx.Response) -> Mapping[str, str]:
    """As the next request sends it."""
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


async def unclaimed(access: Access) -> None:
    """Have nobody keep the installation, whoever did for other tests."""
    async with borrow(access.pool) as connection:
        await connection.execute("DELETE FROM grants WHERE role = 'operator'")


@pytest.mark.server
async def test_W7_1_the_first_link_makes_an_operator_who_signs_in_with_a_code(site: Site) -> None:
    await unclaimed(site.access)
    made = await first_link(site.access, Caller(principal="cli:root"))
    assert made is not None
    token = made[1].get_secret_value()
    async with site.stranger() as browser:
        nobody_yet = await browser.get("/sign-in")
        form = await browser.get("/join")
        link = await browser.post("/join/look", data={"token": token})
        joined = await browser.post(
            "/join",
            data={**hidden(link), "name": "Ana", "login": "ana@example.com", "password": PHRASE},
        )
        again = await browser.post("/join/look", data={"token": token})
        step = await browser.post(
            "/sign-in", data={"login": "ana@example.com", "password": PHRASE, "next": "/"}
        )
        secret = re.search(r'<p class="secret">([A-Z2-7]+)</p>', step.text)
        assert secret is not None
        code = pyotp.TOTP(secret[1]).at(site.at)
        done = await browser.post("/sign-in/code", data={**hidden(step), "code": code})
        start = await browser.get("/", headers=dict(cookie_of(done)))

    assert "Not set up yet" in text_of(nobody_yet)
    assert "data-join" in form.text
    assert joined.headers["location"] == "/sign-in"
    assert again.status_code == 404
    assert len(re.findall("<li>", done.text)) == 10
    attributes = "HttpOnly; Max-Age=604800; Path=/; SameSite=lax; Secure"
    assert done.headers["set-cookie"].partition("; ")[2] == attributes
    assert start.headers["location"] == site.base


@pytest.mark.server
async def test_S29_a_wrong_login_and_a_wrong_password_are_told_alike(site: Site) -> None:
    await somebody(site.access, grant("viewer", site.account_id), login="known@example.com")
    async with site.stranger() as browser:
        answers = [
            await browser.post("/sign-in", data={"login": login, "password": "wrong", "next": ""})
            for login in ("known@example.com", "nobody@example.com")
        ]

    told = [text_of(answer) for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert told[0] == told[1]


@pytest.mark.server
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test", "content-type": FORM},
        {"sec-fetch-site": "cross-site", "content-type": FORM},
        {"origin": "null", "content-type": FORM},
        {"content-type": "text/plain"},
    ],
    ids=str,
)
async def test_S10_nobody_is_signed_in_by_a_page_of_strangers(
    site: Site, headers: dict[str, str]
) -> None:
    async with site.stranger() as browser:
        answer = await browser.post("/sign-in", content="login=a&password=b&next=", headers=headers)

    assert answer.status_code in (403, 422)
    assert "set-cookie" not in answer.headers


@pytest.mark.server
async def test_W7_4_whoever_signs_out_is_signed_out(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        before = await viewer.get(site.base)
        out = await viewer.post("/sign-out", content="", headers={"content-type": FORM})
        after = await viewer.get(site.base)

    assert (before.status_code, out.headers["location"]) == (200, "/sign-in")
    assert after.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/a/1/me?x=1", "/a/1/me?x=1"),
        ("", "/"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("javascript:alert(1)", "/"),
        ("a/1", "/"),
    ],
)
def test_S10_nobody_is_sent_elsewhere_after_signing_in(wanted: str, goes_to: str) -> None:
    assert local(wanted) == goes_to


@pytest.mark.server
async def test_W5_5_pages_speak_the_language_of_the_browser_then_of_the_person(site: Site) -> None:
    cookie = await site.cookie_of(grant("viewer", site.account_id), language="ru")
    async with site.stranger(**{"accept-language": "pt-BR,pt;q=0.9"}) as browser:
        stranger = await browser.get("/sign-in")
        person = await browser.get(site.base, headers={"cookie": f"{COOKIE}={cookie}"})
        wrong = await browser.get(f"{site.base}/rules/file", headers={"cookie": f"{COOKIE}=x"})
        gone = await browser.get(
            f"{site.base}/rules/revisions/12345", headers={"cookie": f"{COOKIE}={cookie}"}
        )
        forbidden = await browser.get(
            f"{site.base}/webhooks", headers={"cookie": f"{COOKIE}={cookie}"}
        )

    assert gone.status_code == 404
    assert '<html lang="pt-BR">' in stranger.text
    assert "Fairlead" in stranger.text
    assert ('<html lang="ru">' in person.text, "Сегодня" in person.text) == (True, True)
    assert (wrong.status_code, forbidden.status_code) == (303, 403)
    assert ('<html lang="ru">' in forbidden.text, "Нельзя" in forbidden.text) == (True, True)
    assert ("найд" in gone.text, "12345" in gone.text) == (True, False)
