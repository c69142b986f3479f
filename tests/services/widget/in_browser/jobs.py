"""How a job is begun in the tests of the whole: at the board, in the settings, on a card."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Locator, expect

from services.sandbox.sample import ADMIN_ID, NEW_REQUEST, SALES
from tests.services.widget.in_browser.clicks import Board
from tests.services.widget.in_browser.site import OURS, Account, Site
from tests.support.harness import looking

ANA, BRUNO, CARLA, DIEGO = 501, 502, 503, 504
BOARD = f"/settings/pipeline/leads/{SALES}"


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
        await panel.locator(".js-widget-caption-block").click()
        yield panel
