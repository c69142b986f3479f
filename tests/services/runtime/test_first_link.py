"""Who starts an installation is told how the first one joins it (W7)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.access.roles import Role
from services.access.wiring import Access
from services.runtime.web import serve_web
from services.web.settings import WebSettings
from tests.services.access.kit import grant, somebody
from tests.services.application.audit.kit import audience

STANDS_WITHIN_S = 180.0


@pytest.mark.parametrize("joined", [[], ["operator"]])
async def test_W7_1_the_first_link_is_printed_until_somebody_has_joined(
    pool: Any, tmp_path: Path, joined: list[Role]
) -> None:
    installation = (await audience(pool, data=tmp_path)).installation
    access = Access(pool, installation.accounts.vault, installation.access_settings)
    for role in joined:
        await somebody(access, grant(role, None))
    told: dict[str, str] = {}
    stop, listens = asyncio.Event(), asyncio.Event()

    def on_listening(what: str, address: str) -> None:
        told[what] = address
        asyncio.get_running_loop().call_soon(listens.set)

    serving = asyncio.create_task(
        serve_web(installation, WebSettings(port=0), access, stop=stop, on_listening=on_listening)
    )
    async with asyncio.timeout(STANDS_WITHIN_S):
        await listens.wait()
    stop.set()
    await serving

    port = told.pop("web").rpartition(":")[2]
    links = [address.partition("#")[0] for address in told.values()]
    assert links == ([] if joined else [f"http://localhost:{port}/join"])
