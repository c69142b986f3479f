"""Schedules made on the widget's page, chosen in a trigger's form, leads at their edges."""

from collections import Counter
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser

from services.sandbox.sample import ADMIN_ID
from tests.services.widget.in_browser.jobs import (
    ANA,
    BRUNO,
    CARLA,
    Turns,
    a_trigger,
    at_board,
    kept,
    scheduled,
    seen,
)
from tests.services.widget.in_browser.site import Site

pytestmark = pytest.mark.system

ZONE = ZoneInfo("America/Sao_Paulo")


def _at(site: Site, days: int, hour: int, minute: int, second: int = 0) -> datetime:
    """An instant of a day to come, by the account's zone."""
    day = (site.clock.now().astimezone(ZONE) + timedelta(days=days)).date()
    return datetime.combine(day, time(hour, minute, second), ZONE)


async def test_D4_1_weekly_hours_to_the_minute(site: Site, wide: Browser) -> None:
    account = await site.account()
    await scheduled(site, wide, account, {"early": "8-12:17", "late": "12:17-20"})
    async with a_trigger(site, wide, account, ANA, BRUNO) as board:
        await board.field("schedule").select_option("early")
        await board.field(f"participants.{BRUNO}.schedule").select_option("late")
    site.clock.put_to(_at(site, 1, 12, 16))
    before = await account.one_by_one(2)
    site.clock.put_to(_at(site, 0, 12, 17, 1))
    after = await account.one_by_one(2)

    assert (before, after) == ([ANA] * 2, [BRUNO] * 2)


async def test_D4_1_two_days_of_work_and_two_free_ones(site: Site, wide: Browser) -> None:
    account = await site.account()
    first = _at(site, 1, 0, 0).date()
    turns = {
        name: Turns(first=day, pattern="2/2", hours="9-21")
        for name, day in (("one", first), ("two", first + timedelta(days=2)))
    }
    await scheduled(site, wide, account, turns)
    async with a_trigger(site, wide, account, ANA, BRUNO) as board:
        await board.field(f"participants.{ANA}.schedule").select_option("one")
        await board.field(f"participants.{BRUNO}.schedule").select_option("two")
    got = []
    for _ in range(5):
        site.clock.put_to(_at(site, 1, 10, 0))
        got += await account.one_by_one(1)

    assert got == [ANA, ANA, BRUNO, BRUNO, ANA]


async def test_D8_1_off_hours_a_lead_waits_for_the_next_shift_or_goes_to_duty(
    site: Site, wide: Browser
) -> None:
    account = await site.account()
    await scheduled(site, wide, account, {"office": "9-18"})
    async with a_trigger(site, wide, account, ANA) as board:
        await board.field("schedule").select_option("office")
    site.clock.put_to(_at(site, 1, 19, 0))
    (waiting,) = account.new_leads()
    account.move(waiting)
    await account.is_heard(waiting)
    at_night = account.responsible(waiting)
    site.clock.put_to(_at(site, 1, 9, 0, 5))
    in_the_morning = await account.given(waiting)
    async with at_board(site, wide, account) as board:
        await board.open()
        await board.section("again_title")
        await board.field("duty").select_option(str(CARLA))
        await board.section("off_title")
        await board.field("off_hours").select_option("duty")
        await kept(board)
        await seen(board)
    site.clock.put_to(_at(site, 0, 19, 0))

    assert at_night == ADMIN_ID
    assert in_the_morning == [ANA]
    assert await account.one_by_one(1) == [CARLA]


async def test_D2_1_by_default_all_managers_by_the_schedule(site: Site, wide: Browser) -> None:
    """Nobody is chosen: everybody of the account, equally, as long as their schedule lets them."""
    account = await site.account()
    await scheduled(site, wide, account, {"office": "9-18"})
    async with a_trigger(site, wide, account) as board:
        await board.field("schedule").select_option("office")
    everybody = [each.id for each in account.kommo.account.users.values()]
    site.clock.put_to(_at(site, 1, 10, 0))
    leads = account.new_leads(len(everybody), responsible_user_id=0)
    account.move(*leads)

    assert Counter(await account.given(*leads, but=0)) == Counter(everybody)
