"""What comes in over HTTP, right and wrong, on a whole installation."""

import asyncio
import random
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from contracts.events import RequestOpened
from services.demo.sample import NEW_REQUEST, SALES
from services.runtime.installation import open_installation
from tests.support.running import ADMIN_ID, running
from tests.support.waiting import until
from tests.system.checks import all_set, decided, each_once, settled

FORM = {"content-type": "application/x-www-form-urlencoded"}
LEADS = 200


async def test_F33_F34_F35_hostile_bodies_are_answered_kept_and_harm_nobody(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as system, httpx.AsyncClient(headers=FORM) as http:
        url = system.hook_url.get_secret_value()
        await _until_known(http, url)
        foreign = f"http://127.0.0.1:{system.fairlead.port}/kommo/{'A' * 43}/"
        answers = {
            "3 MB": await _answer(http, url, b"leads[add][0][id]=1&" + b"x" * 3_000_000),
            "bytes": await _answer(http, url, b"\xff\xfe\x00\x80" * 50),
            "half a text": await _answer(http, url, b"leads[status][0][id]=%ff%fe&a[=1"),
            "nothing": await _answer(http, url, b""),
            "JSON": await _answer(http, url, b'{"leads": [1'),
            "unknown secret": await _answer(http, foreign, b"leads[add][0][id]=1"),
            "unknown path": await _answer(http, url.replace("/kommo/", "/hooks/"), b"a=1"),
        }
        lead_ids = await system.new_leads(20)
        await system.move(lead_ids)
        await until(lambda: all_set(system, lead_ids))

        assert answers == {
            "3 MB": 413,
            "bytes": 200,
            "half a text": 200,
            "nothing": 200,
            "JSON": 200,
            "unknown secret": 404,
            "unknown path": 404,
        }
        await each_once(system, lead_ids)
        async with open_installation(system.fairlead.data) as installation:
            letters = await installation.dead_letters.page(limit=100)
        assert any(letter.body.startswith(b"leads[add][0][id]=1&xxx") for letter in letters)
        assert any(b"\xff\xfe\x00\x80" in letter.body for letter in letters)
        assert any(b"leads[status][0][id]=%ff" in letter.body for letter in letters)


async def test_F27_each_webhook_five_times_in_any_order_is_one_decision(tmp_path: Path) -> None:
    chance = random.Random(27)
    # Kommo itself tells nothing: every hook of this test is ours.
    async with running(tmp_path, knobs={"drop_fraction": 1.0}) as system:
        lead_ids = await system.new_leads(LEADS)
        await system.move(lead_ids)
        bodies = [_trigger(lead_id) for lead_id in lead_ids] * 5
        chance.shuffle(bodies)
        async with httpx.AsyncClient(headers=FORM) as http:
            url = system.hook_url.get_secret_value()
            await _until_known(http, url)
            for start in range(0, len(bodies), 50):
                part = bodies[start : start + 50]
                answers = await asyncio.gather(*(_answer(http, url, body) for body in part))
                assert set(answers) == {200}
        await until(lambda: all_set(system, lead_ids))

        await each_once(system, lead_ids)


@pytest.mark.parametrize("fraction", [0.3, 1.0])
async def test_F30_the_sweep_finds_every_change_whose_webhooks_were_lost(
    tmp_path: Path, fraction: float
) -> None:
    async with running(tmp_path, knobs={"drop_fraction": fraction}) as system:
        lead_ids = await system.new_leads(LEADS)
        await system.move(lead_ids)
        await until(lambda: all_set(system, lead_ids))

        events = await each_once(system, lead_ids)
        opened = [r.event for r in events if isinstance(r.event, RequestOpened)]
        found = sum(event.source == "sweep" for event in opened)
        assert 0 < found <= LEADS
        assert found == LEADS or fraction < 1


async def test_F27_invented_leads_are_never_written(tmp_path: Path) -> None:
    """A webhook is a hint: for a lead that Kommo does not know, nothing is left waiting."""
    async with running(tmp_path) as system, httpx.AsyncClient(headers=FORM) as http:
        url = system.hook_url.get_secret_value()
        await _until_known(http, url)
        (real,) = await system.new_leads(1)
        for invented in (real + 10_000, 2**53, 9):
            assert await _answer(http, url, _trigger(invented)) == 200
        await system.move([real])
        await until(lambda: all_set(system, [real]))

        events = await settled(system)
        assert decided(events)[real] == 1
        assert set(await system.writes()) == {real}
        assert (await system.owners())[real] != ADMIN_ID


async def _until_known(http: httpx.AsyncClient, url: str) -> None:
    """Ingress looks for new secrets once a second at most."""

    async def is_known() -> bool:
        return await _answer(http, url, b"") == 200

    await until(is_known)


def _trigger(lead_id: int) -> bytes:
    """A plain Digital Pipeline hook."""
    fields = {
        "leads[status][0][id]": lead_id,
        "leads[status][0][pipeline_id]": SALES,
        "leads[status][0][status_id]": NEW_REQUEST,
        "account[id]": 32_000_001,
        "account[subdomain]": "acme",
    }
    return "&".join(f"{quote(name)}={value}" for name, value in fields.items()).encode()


async def _answer(http: httpx.AsyncClient, url: str, body: bytes) -> int:
    return (await http.post(url, content=body)).status_code
