"""A new address for an account's webhooks while leads come in (S1)."""

import asyncio
from pathlib import Path

import httpx
import pytest

from services.access.roles import ROLES
from services.application.addresses import rotate_address
from services.application.principal import Principal
from services.application.refused import Refused
from tests.support.running import TESTER, Running, running
from tests.support.waiting import until
from tests.system.checks import all_set, each_once, is_known

PART, PARTS = 20, 6


async def test_S1_rotating_the_address_under_load_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        await until(lambda: is_known(system))
        lead_ids = await system.new_leads(PART * PARTS)
        moving = asyncio.create_task(_move_in_parts(system, lead_ids))
        async with system.opened() as installation:
            account = await installation.account(None)
            rotated = await rotate_address(
                installation,
                account,
                TESTER,
                public_url=f"http://127.0.0.1:{system.fairlead.port}",
                overlap_s=3_600,
            )
        await moving
        await until(lambda: all_set(system, lead_ids))

        assert rotated.former_until is not None
        assert await _subscribed(system) == [rotated.hook_url.get_secret_value()]
        refused = await system.kommo.rows("deliveries")
        assert [row["status"] for row in refused if row["status"] != 200] == []
        await each_once(system, lead_ids)


async def test_S1_without_an_overlap_the_former_address_is_unknown_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        await until(lambda: is_known(system))
        former = system.hook_url.get_secret_value()
        async with system.opened() as installation:
            account = await installation.account(None)
            rotated = await rotate_address(
                installation,
                account,
                TESTER,
                public_url=f"http://127.0.0.1:{system.fairlead.port}",
                overlap_s=0,
            )
            with pytest.raises(Refused, match="not_allowed"):
                await rotate_address(
                    installation,
                    account,
                    Principal(id="person:1", scopes=ROLES["supervisor"]),
                    public_url="http://127.0.0.1:9",
                    overlap_s=0,
                )

        await until(lambda: _has_status(rotated.hook_url.get_secret_value(), 200))
        await until(lambda: _has_status(former, 404))
        assert rotated.former_until is None


async def _has_status(url: str, status: int) -> bool:
    async with httpx.AsyncClient() as http:
        return (await http.get(url)).status_code == status


async def _move_in_parts(system: Running, lead_ids: list[int]) -> None:
    for start in range(0, len(lead_ids), PART):
        await system.move(lead_ids[start : start + PART])


async def _subscribed(system: Running) -> list[str]:
    async with httpx.AsyncClient() as http:
        token = system.kommo.token_file.read_text()
        answer = await http.get(
            f"{system.kommo.base_url}/api/v4/webhooks",
            headers={"Authorization": f"Bearer {token}"},
        )
    return [hook["destination"] for hook in answer.json()["_embedded"]["webhooks"]]
