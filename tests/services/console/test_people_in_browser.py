"""Passkeys on a device that the browser pretends to have; what axe finds on these screens (W7)."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect

from services.application.installation import WEB_FILE
from tests.services.access.kit import grant
from tests.services.console.browser import DESKTOP, PHONE, browsing, wrong_with
from tests.services.console.site import Site

pytestmark = pytest.mark.server

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def test_W7_2_a_passkey_is_added_and_signs_in_and_axe_finds_nothing(
    site: Site, browser: Browser
) -> None:
    # As people on this machine reach it: passkeys are for a name.
    port = urlsplit(site.address).port
    file = site.installation.data / WEB_FILE
    file.write_text(json.dumps({"address": site.address}))
    cookie = await site.cookie_of(grant("administrator", site.account_id), grant("operator", None))
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
            async with browsing(browser, site, cookie, size=size, is_free=True) as page:
                for path in (
                    f"{site.base}/access",
                    f"{site.base}/access/keys",
                    f"{site.base}/access/deeds",
                    f"{site.base}/audit/looks",
                    f"{site.base}/access/held",
                    f"{site.base}/webhooks",
                    "/operations",
                    "/operations/letters",
                    "/profile",
                    "/prove",
                    "/sign-in",
                ):
                    await page.goto(path)
                    found[f"{size[0]} {path}"] = await wrong_with(page)
    finally:
        file.unlink()

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
