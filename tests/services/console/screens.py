"""Pictures of every screen, as wide and as narrow as it gets: `make screens OUT=folder`.

The screens are those of the navigation, so that a new one is in by itself.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import Browser

from tests.services.access.kit import grant
from tests.services.cli.week import kept_week
from tests.services.console.browser import DESKTOP, PHONE, Scheme, browsing, opened
from tests.services.console.site import BRUNO, Site, week_site

# 1280 pixels at 400%.
ZOOMED = (320, 225)
SIZES: Mapping[str, tuple[int, int]] = {"desktop": DESKTOP, "phone": PHONE, "zoomed": ZOOMED}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# What the navigation does not lead to by itself.
BEHIND = {"lead": "/leads/900001", "manager": f"/managers/{BRUNO}"}


async def take(browser: Browser, site: Site, folder: Path, only: frozenset[str]) -> None:
    """A picture of each screen in each size and scheme, or of some by name."""
    cookie = await site.cookie_of(
        grant("administrator", site.account_id, BRUNO), grant("operator", None)
    )
    async with browsing(browser, site, cookie, is_free=True) as page:
        await page.goto(site.base)
        links = await page.locator("nav.screens a").all()
        screens = {await each.inner_text(): await each.get_attribute("href") for each in links}
    screens |= {name: site.base + path for name, path in BEHIND.items()}
    for scheme in SCHEMES:
        for size, pixels in SIZES.items():
            async with browsing(
                browser, site, cookie, size=pixels, scheme=scheme, is_free=True
            ) as page:
                for name, path in screens.items():
                    if only and name.lower() not in only:
                        continue
                    assert path is not None, "a link of the navigation leads somewhere"
                    await page.goto(path)
                    file = folder / f"{name.lower().replace(' ', '-')}-{size}-{scheme}.png"
                    await page.screenshot(path=file, full_page=True)


async def look(data: Path, folder: Path, only: frozenset[str]) -> None:
    """All of an installation that is kept."""
    async with week_site(data) as site, opened() as browser:
        await take(browser, site, folder, only)


if __name__ == "__main__":
    out, *names = sys.argv[1:]
    Path(out).mkdir(parents=True, exist_ok=True)
    with kept_week() as kept:
        asyncio.run(look(kept.data, Path(out), frozenset(name.lower() for name in names)))
