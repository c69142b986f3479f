"""Passkeys on a device that the browser pretends to have; what axe finds on these screens (W7)."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect

from services.access.sessions import COOKIE, csrf_token
from services.application import gaps
from services.application.gaps import PartitionPlace, PlannedResumption
from services.application.installation import WEB_FILE
from services.log.kafka_ends import Bounds
from services.log.kafka_gaps import Gap
from tests.services.access.kit import grant
from tests.services.console.browser import DESKTOP, PHONE, SMALL, browsing, wrong_with
from tests.services.console.site import Site
from tests.services.console.test_operations import letters

pytestmark = pytest.mark.server

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def planned(*_: object, **__: object) -> PlannedResumption:
    """A partition that lost messages, as on an installation with Kafka."""
    gap = Gap(position=10, earliest=90, latest=100)
    place = PartitionPlace(partition=3, position=10, held=Bounds(earliest=90, latest=100), gap=gap)
    return PlannedResumption(place=place, gap=gap, position=90)


async def test_W7_2_a_passkey_is_added_and_signs_in_and_axe_finds_nothing(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As people on this machine reach it: passkeys are for a name.
    port = urlsplit(site.address).port
    file = site.installation.data / WEB_FILE
    file.write_text(json.dumps({"address": site.address}))
    cookie = await site.cookie_of(grant("administrator", site.account_id), grant("operator", None))
    # Another session than the one that signs out.
    kept = await site.cookie_of(grant("administrator", site.account_id), grant("operator", None))
    headers = {"cookie": f"{COOKIE}={kept}", "fairlead-csrf": csrf_token(kept)}
    async with site.stranger(**headers) as client:
        target = {"name": "axe", "url": "http://127.0.0.1:9/", "events": []}
        await client.post(f"{site.base}/webhooks", data=target)
    reason = "expected JSON, got " + "x" * 150
    await letters(site, reason, *[b"a=1&b=2"] * 3)
    for number in range(12):  # more reasons than a page has at once
        await letters(site, f"{reason} {number}", b"{}")
    (letter, *_) = await site.installation.dead_letters.page(reason=reason)
    monkeypatch.setattr(gaps, "plan", planned)
    found: dict[str, list[str]] = {}
    try:
        async with browsing(browser, site, cookie) as page:
            # The cookie of a host with this name, without https, as on a laptop.
            await page.context.add_cookies(
                [
                    {**each, "domain": "localhost"}  # type: ignore[typeddict-item, misc]
                    for each in await page.context.cookies()
                ]
            )
            devices = await page.context.new_cdp_session(page)
            await devices.send("WebAuthn.enable")
            await devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
            await page.goto(f"http://localhost:{port}/profile")
            await page.get_by_label("What you call it").fill("the laptop")
            await page.get_by_role("button", name="Add a passkey").click()
            await expect(page.get_by_role("status")).to_have_text("The passkey is added.")
            await page.get_by_role("button", name="Sign out", exact=True).click()
            await page.get_by_role("button", name="Sign in with a passkey").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Today")
        for size in (PHONE, DESKTOP):
            async with browsing(browser, site, kept, size=size, is_free=True) as page:
                for path in (
                    f"{site.base}/access",
                    f"{site.base}/access/keys",
                    f"{site.base}/access/deeds",
                    f"{site.base}/audit/looks",
                    f"{site.base}/access/held",
                    f"{site.base}/webhooks",
                    f"{site.base}/webhooks/axe",
                    "/operations",
                    "/operations/gaps/3",
                    "/operations/letters",
                    f"/operations/letters?reason={reason}",
                    f"/operations/letters/{letter.id}",
                    "/profile",
                    "/prove",
                    "/sign-in",
                ):
                    await page.goto(path)
                    assert "/sign-in" not in page.url or path == "/sign-in", path
                    found[f"{size[0]} {path}"] = await wrong_with(page)
                    if size == PHONE and path.startswith("/operations"):
                        found[f"small {path}"] = await page.evaluate(SMALL)
                        cut = page.locator(".scroll")
                        found[f"cut {path}"] = [
                            path
                            for each in await cut.all()
                            if await each.evaluate("each => each.scrollWidth > each.clientWidth")
                        ]
    finally:
        file.unlink()
        async with site.stranger(**headers) as client:
            await client.post(f"{site.base}/webhooks/axe/remove", data={"x": ""})
        for each in await site.installation.dead_letters.page(limit=50):
            await site.installation.dead_letters.settle(each.id, "dismissed", by="a test", why="-")

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
