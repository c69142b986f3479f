"""The API dies between commit and answer: whoever asks again gets the first answer (F11)."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from contracts.events import CreditMoved
from services.application.installation import WEB_FILE
from services.shared.failpoints import POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE
from tests.support.running import Running, running
from tests.support.waiting import until

WITHIN_S = 180.0
BODY = {"credit_units": 1_000_000_000, "reason": "was ill"}


@pytest.mark.fault
async def test_F11_the_api_dies_before_it_answers_and_a_repeat_gives_the_first_answer(
    tmp_path: Path,
) -> None:
    environment = {
        "FAIRLEAD_WEB_ENABLED": "true",
        "FAIRLEAD_WEB_PORT": "0",
        PROFILE_VARIABLE: TEST_PROFILE,
        # Each process beside dies of its second command, before it answers.
        POINTS_VARIABLE: "api.after_commit@2=kill",
    }
    async with running(tmp_path, environment=environment) as system:
        key = await _key(system)
        first = await _correct(system, key, "a")
        with pytest.raises(httpx.TransportError):
            await _correct(system, key, "b", tries=1)
        again = await _correct(system, key, "b")

        assert (first.status_code, again.status_code) == (200, 200)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json()["command"]["effect"] == "done"
        assert await _corrections(system) == 2


async def _correct(system: Running, key: str, once: str, *, tries: int = 0) -> httpx.Response:
    """Post a correction, again while nobody is there; `tries` of 1 tells that nobody is."""
    headers = {
        "authorization": f"Bearer {key}",
        "idempotency-key": once,
        "prefer": "wait=10",
    }
    place = f"/api/v1/accounts/{system.account_id}/managers/501/corrections"
    found: list[httpx.Response] = []

    async def is_answered() -> bool:
        file = system.fairlead.data / WEB_FILE
        if not file.exists():
            return False
        address = orjson.loads(file.read_bytes())["address"]
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
            try:
                answer = await client.post(place, json=BODY, headers=headers)
            except httpx.TransportError:
                if tries == 1:
                    raise
                return False
        found.append(answer)
        return answer.status_code == httpx.codes.OK

    async with asyncio.timeout(WITHIN_S):
        await until(is_answered, within_s=WITHIN_S, every_s=0.2)
    return found[-1]


async def _key(system: Running) -> str:
    """As whoever is at the machine makes one."""
    async with system.opened() as installation:
        _, text = await installation.who_may().keys.make(
            label="a test",
            account_id=system.account_id,
            scopes={"ledger"},
            person_id=None,
            made_by="cli:root",
        )
    return text.get_secret_value()


async def _corrections(system: Running) -> int:
    found, after = 0, 0
    page: list[Any]
    async with system.opened() as installation:
        while page := await installation.events.stream(system.account_id, after):
            found += sum(isinstance(each.event, CreditMoved) for each in page)
            after = page[-1].version
    return found
