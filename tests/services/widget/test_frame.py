"""The frame: whose pages can show it, and who sees the screens in it."""

import re
from typing import Any

import pytest
from pydantic import SecretStr

from services.runtime.database import prepare_at
from services.sandbox.sample import ACCOUNT_ID
from tests.services.widget.kit import lobby

pytestmark = pytest.mark.server

FRAME = "/widget/v1/frame"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def _ancestors(policy: str) -> list[str]:
    found = re.search(r"frame-ancestors ([^;]+)", policy)
    assert found is not None
    return found[1].split()


async def test_S12_the_accounts_own_hosts_alone_can_frame_it(pool: Any) -> None:
    async with lobby(pool) as here, here.stranger() as client:
        shell = await client.get(
            FRAME, params={"account": ACCOUNT_ID, "hosts": "https://evil.test"}
        )
        unknown = await client.get(FRAME, params={"account": 7})
        hosts = _ancestors(shell.headers["content-security-policy"])

    assert hosts == [
        here.origin,
        "https://acme.kommo.com",
        "https://acme.amocrm.com",
        "https://acme.amocrm.ru",
    ]
    assert "Office" not in shell.text
    assert unknown.status_code == 404
    assert _ancestors(unknown.headers["content-security-policy"]) == ["'none'"]
    assert "set-cookie" not in shell.headers


async def test_S5_screens_in_it_are_the_accounts_of_the_token(pool: Any, database_url: str) -> None:
    await prepare_at(SecretStr(database_url))
    async with (
        lobby(pool) as here,
        here.stranger() as stranger,
        here.working(500) as administrator,
        here.working(501) as manager,
    ):
        path = f"{FRAME}/a/{ACCOUNT_ID}/schedules"
        administrator.headers["origin"] = manager.headers["origin"] = here.address
        nobody = await stranger.get(path)
        elsewhere = await administrator.get(f"{FRAME}/a/7/schedules")
        foreign = await administrator.post(
            path, content="name=night", headers={**FORM, "origin": "https://evil.test"}
        )
        seen = await administrator.get(path)
        fields = dict(re.findall(r'name="(edition|key)" value="([^"]*)"', seen.text))
        made = await administrator.post(path, data={**fields, "name": "night"})
        refused = await manager.post(path, data={**fields, "name": "day"})

    assert [each.status_code for each in (nobody, elsewhere, foreign)] == [401, 401, 403]
    assert seen.status_code == 200
    assert f'href="{path}' in seen.text or f'action="{path}' in seen.text
    assert (made.status_code, made.headers["location"]) == (303, f"{path}/night")
    assert refused.status_code == 403
