"""How a job is begun in the tests of the whole: at the board, in the settings, on a card."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from playwright.async_api import Browser, Locator, expect

from services.sandbox.sample import ADMIN_ID, NEW_REQUEST, SALES
from tests.services.widget.in_browser.clicks import Board, by_keys
from tests.services.widget.in_browser.site import OURS, Account, Site
from tests.support.harness import looking

ANA, BRUNO, CARLA, DIEGO = 501, 502, 503, 504
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BOARD = f"/settings/pipeline/leads/{SALES}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """A schedule of working and free days in turn."""

    first: date
    pattern: str
    hours: str


@asynccontextmanager
async def at_board(
    site: Site, browser: Browser, account: Account, to: str = BOARD, stage: int = NEW_REQUEST
) -> AsyncIterator[Board]:
    """The administrator at the pipeline."""
    async with looking(
        browser, account.origin, ADMIN_ID, to=to, server=OURS, at=site.clock.now()
    ) as page:
        yield Board(page, stage)


@asynccontextmanager
async def a_trigger(
    site: Site, browser: Browser, account: Account, *managers: int
) -> AsyncIterator[Board]:
    """A new trigger for these managers, in force at the end of the block."""
    async with at_board(site, browser, account) as board:
        await board.add()
        for manager_id in managers:
            await board.field(f"chosen.{manager_id}").check()
        yield board
        await kept(board)


async def kept(board: Board) -> None:
    """Save the trigger that is open, and the pipeline."""
    await board.is_ready()
    await board.close()
    await board.save()


async def seen(board: Board, place: int = 0) -> None:
    """Open a trigger that was changed and close it again: what it holds is then in force.

    A lead would do it by its hook, but for the lead that the account's webhook told of first.
    """
    await board.open(place)
    await expect(board.field("name")).to_be_visible()
    await board.close("Cancel")


@asynccontextmanager
async def in_settings(site: Site, browser: Browser, account: Account) -> AsyncIterator[Locator]:
    """The administrator in the modal of the widget's settings."""
    async with looking(
        browser,
        account.origin,
        ADMIN_ID,
        to="/settings/widgets/",
        server=OURS,
        at=site.clock.now(),
    ) as page:
        await page.locator(".widget-card").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Connected")
        yield dialog


async def scheduled(
    site: Site, browser: Browser, account: Account, schedules: Mapping[str, str | Turns]
) -> None:
    """The administrator makes schedules on the widget's own page, and puts them in force there."""
    async with looking(
        browser,
        account.origin,
        ADMIN_ID,
        to="/settings/widgets/fairlead/",
        server=OURS,
        at=site.clock.now(),
    ) as page:
        frame = page.frame_locator("iframe")
        for name, hours in schedules.items():
            await frame.get_by_label("A new schedule, by its name").fill(name)
            await frame.get_by_role("button", name="Add", exact=True).click()
            await expect(frame.get_by_role("heading", level=1)).to_contain_text(name)
            if isinstance(hours, Turns):
                await frame.get_by_role("link", name="In turns").click()
                await frame.get_by_label("First day of a turn").fill(f"{hours.first:%Y-%m-%d}")
                await frame.get_by_label("Working and free days").fill(hours.pattern)
                await frame.get_by_label("Hours of every working day").fill(hours.hours)
            else:
                for day in DAYS:
                    await frame.get_by_label(day, exact=True).fill(hours)
            await frame.get_by_role("button", name="Keep in the draft").click()
            await expect(frame.locator("main")).to_contain_text("Kept in your draft")
            await frame.locator("main").get_by_role("link", name="Schedules").first.click()
            await expect(frame.locator("main").get_by_role("link", name=name)).to_be_visible()
        await frame.get_by_role("link", name="Check it and apply it").click()
        await frame.get_by_role("link", name="Look over and apply").first.click()
        force = frame.get_by_role("button", name="Put it in force")
        await expect(force).to_be_visible()
        for remark in await frame.locator("input[name=seen]").all():
            await remark.check()
        await force.click()
        await expect(frame.locator("main")).to_contain_text("in force")
        await expect(force).to_have_count(0)


@asynccontextmanager
async def on_card(
    site: Site, browser: Browser, account: Account, lead_id: int, *, by: int, expected: int = 0
) -> AsyncIterator[Locator]:
    """Somebody at the panel on a lead's card.

    Args:
        site: Where.
        browser: Whose.
        account: The lead's.
        lead_id: The lead.
        by: Who is looking.
        expected: How many requests of the widget will be refused.
    """
    async with looking(
        browser,
        account.origin,
        by,
        to=f"/leads/detail/{lead_id}",
        server=OURS,
        at=site.clock.now(),
        expected=["Failed to load resource"] * expected,
    ) as page:
        panel = page.locator(".card-widgets__widget-fairlead")
        await by_keys(page, panel.locator(".js-widget-caption-block"))
        yield panel
