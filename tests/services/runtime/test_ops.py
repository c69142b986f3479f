"""Health and metrics of a running installation, and what an operator may get wrong."""

import asyncio
import socket
from http import HTTPStatus
from pathlib import Path

import httpx
import orjson
import pytest

from services.application.installation import RUNTIME_FILE
from tests.services.cli.conftest import command, process
from tests.services.runtime.test_up import up
from tests.support.waiting import until


async def _ready(address: str) -> httpx.Response:
    """What it says once it is ready; the accounts are read just after it is up."""
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == HTTPStatus.OK

        await until(is_ready)
        return await client.get("/readyz")


@pytest.mark.server
def test_S25_up_tells_where_its_health_and_metrics_are(tmp_path: Path) -> None:
    with up(tmp_path):
        address = orjson.loads((tmp_path / RUNTIME_FILE).read_bytes())["ops"]
        ready = asyncio.run(_ready(address))
        metrics = httpx.get(f"{address}/metrics", timeout=30)
        said = command(tmp_path, "doctor")

    assert address.startswith("http://127.0.0.1:")
    assert ready.status_code == 200, ready.text
    assert [part["part"] for part in ready.json()["parts"]] == ["database", "ingress", "process"]
    assert "fairlead_build_info{version=" in metrics.text
    assert f"health and metrics at {address}" in said.out


@pytest.mark.server
def test_S25_a_port_of_its_own_that_is_taken_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("FAIRLEAD_OPS_PORT", str(port))
        said = process(tmp_path, "up", "--port=0")

    assert said.status == 1
    assert said.err.splitlines()[-1] == (
        f"error: health and metrics cannot be served at 127.0.0.1:{port}: Address already in use;"
        " choose another FAIRLEAD_OPS_PORT or FAIRLEAD_OPS_HOST"
    )
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
