"""Leads distributed from the console: foreseen in numbers, ordered once (W3.5, W4.7, D1.6)."""

import asyncio

import pytest

from tests.services.cli.week import KeptWeek
from tests.services.console.site import Site
from tests.services.console.test_pages import kept_commands, text_of

pytestmark = pytest.mark.server

STAGE = "7000001/61000003"


async def test_W4_7_an_order_is_foreseen_as_by_the_command_line(site: Site, week: KeptWeek) -> None:
    said = await asyncio.to_thread(week.say, "distribute", "--stage", STAGE)
    async with site.signed_in("supervisor") as client:
        start = await client.get(f"{site.base}/waiting")
        page = text_of(await client.get(f"{site.base}/distribute", params={"stage": STAGE}))
        ended = await client.get(f"{site.base}/distribute", params={"ended": "yes"})
        wrong = await client.get(f"{site.base}/distribute", params={"leads": "900001 x"})

    lines = said.out.splitlines()
    assert lines[-1] == "Nothing to do."
    assert [line for line in lines[:-1] if line not in page] == []
    assert "Distribute 29 leads?" in page
    assert "Nothing would come of it." in page
    assert f"{site.base}/distribute" in start.text
    assert (ended.status_code, wrong.status_code) == (422, 422)
    assert "No open lead is without a manager." in text_of(ended)


async def test_W3_5_an_order_sent_twice_is_given_once_and_told(site: Site) -> None:
    order = {"leads": "900014, 900120", "key": "an-order"}
    async with site.signed_in("supervisor") as client:
        before = await kept_commands(site)
        done = await client.post(f"{site.base}/distribute", data=order)
        again = await client.post(f"{site.base}/distribute", data=order)
        told = await client.get(done.headers["location"])

    assert await kept_commands(site) == before + 1
    assert again.headers["location"] == done.headers["location"]
    assert "It is kept, and takes effect soon." in text_of(told)


async def test_S32_another_number_than_the_one_foreseen_orders_nothing(site: Site) -> None:
    async with site.signed_in("supervisor") as client:
        before = await kept_commands(site)
        order = {"leads": "900014 900120", "key": "a-number", "confirm": "3"}
        refused = await client.post(f"{site.base}/distribute", data=order)

    assert refused.status_code == 422
    assert "Left alone, already decided for their stage: 900014, 900120." in text_of(refused)
    assert await kept_commands(site) == before


async def test_W3_2_whoever_may_not_order_is_not_offered_it(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        page = await viewer.get(f"{site.base}/waiting")
        refused = await viewer.get(f"{site.base}/distribute")

    assert "/distribute" not in page.text
    assert refused.status_code == 403
