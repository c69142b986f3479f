"""The disk of a whole installation is full: nothing is answered 200, and a balancer is told."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.running import Fairlead, Running, running
from tests.support.waiting import until

DISK = "size=260m"
FORM = {"content-type": "application/x-www-form-urlencoded"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_attack_F75_S4_a_full_disk_is_told_and_recovered_from(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with running(disk) as system, httpx.AsyncClient(headers=FORM) as http:
            address = f"http://127.0.0.1:{system.fairlead.port}"

            async def is_stored() -> bool:
                url = system.hook_url.get_secret_value()
                # Such as the database has no room for in a page that it has already.
                answer = await http.post(url, content=os.urandom(60_000), timeout=20)
                assert answer.status_code in (200, 404, 503)
                return answer.status_code == 200

            async def is_ready() -> bool:
                answer = await http.get(f"{address}/readyz", timeout=20)
                return answer.status_code == 200

            await until(is_stored)
            assert await is_ready()
            assert await asyncio.to_thread(_open_to_others, system.fairlead) == []

            filler = disk / "filler"
            await asyncio.to_thread(_fill, filler)
            await until(lambda: _not(is_ready()))
            for _ in range(5):
                assert (await is_stored(), await is_ready()) == (False, False)

            filler.unlink()
            await until(is_stored)
            await until(is_ready)
            assert await is_alive(system)


async def is_alive(system: Running) -> bool:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"http://127.0.0.1:{system.fairlead.port}/healthz")).is_success


async def _not(answer: object) -> bool:
    return not await answer  # type: ignore[misc]


def _fill(path: Path) -> None:
    """Until nothing fits any more, not even a page."""
    with path.open("wb", buffering=0) as file:
        for size in (1_048_576, 4_096):
            while True:
                try:
                    file.write(b"\0" * size)
                except OSError:
                    break


def _open_to_others(fairlead: Fairlead) -> list[str]:
    """What in the data folder somebody else may read."""
    return [
        file.name
        for file in fairlead.data.iterdir()
        if file.is_file() and file.stat().st_mode & 0o077
    ]
