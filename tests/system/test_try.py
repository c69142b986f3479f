"""`make try`: a console to click about in, with leads that keep coming, until Ctrl-C."""

import re
from collections.abc import Iterator

import httpx
import pytest

from services.demo.door import VISITORS
from tests.support.kept_demo import KeptDemo, standing
from tests.support.waiting import until

DOOR = re.compile(r"open (http://localhost:\d+/\S+)")
GIVEN = re.compile(r"(\d+) leads given out today")


@pytest.fixture(scope="module")
def trial() -> Iterator[KeptDemo]:
    with standing("try", "--no-browser", "--every=0.5", last="after Ctrl-C") as found:
        yield found


async def entered(trial: KeptDemo, login: str) -> httpx.Response:
    """The page at which somebody begins who chose whom to be."""
    (door,) = DOOR.findall(trial.printed)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        chosen = await browser.post(f"{door}/{login}")
        assert chosen.status_code == 303, chosen.text
        # Its jar keeps no cookie of a secure name for http, as browsers do on this machine.
        cookie = chosen.headers["set-cookie"].partition(";")[0]
        return await browser.get(chosen.headers["location"], headers={"cookie": cookie})


@pytest.mark.parametrize("login", [visitor.login for visitor in VISITORS])
async def test_W1_whoever_one_chooses_to_be_begins_at_their_page(
    trial: KeptDemo, login: str
) -> None:
    page = await entered(trial, login)

    assert (page.status_code, "</h1>" in page.text) == (200, True)


async def test_W3_6_leads_are_given_out_while_one_looks(trial: KeptDemo) -> None:
    async def given() -> int:
        (count,) = GIVEN.findall((await entered(trial, "sales-head")).text)
        return int(count)

    before = await given()

    async def is_more() -> bool:
        return await given() > before

    await until(is_more)


async def test_S1_nobody_gets_in_who_does_not_know_the_address(trial: KeptDemo) -> None:
    (door,) = DOOR.findall(trial.printed)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        start, _, secret = door.rpartition("/")
        guessed = await browser.post(f"{start}/{secret[::-1]}/sales-head")
        nobody = await browser.post(f"{door}/root")

    assert (guessed.status_code, nobody.status_code) == (404, 404)
    assert "set-cookie" not in nobody.headers


def test_F13_ctrl_c_ends_it_in_order(trial: KeptDemo) -> None:
    assert trial.interrupt() == 0
