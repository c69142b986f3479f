"""The local Kommo as a process of its own, and the person at its screen."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import orjson

START_WITHIN_S = 120.0
STOP_WITHIN_S = 30.0
ANSWER_WITHIN_S = 60.0
POLL_S = 0.05
FIRST_ACCOUNT_ID = 32_000_001


@dataclass(frozen=True, slots=True)
class LocalKommo:
    """Its address, and what a person does there.

    Attributes:
        token_file: Holds the administrator's token.
        number: Which of several accounts, from 1.
        neighbours: Further accounts of the same Kommo.
    """

    base_url: str
    token_file: Path
    http: httpx.AsyncClient
    number: int = 1
    neighbours: tuple["LocalKommo", ...] = ()

    async def get(self, path: str, **params: str | int) -> dict[str, Any]:
        """Read something behind `/sandbox`."""
        answer = await self.http.get(f"/sandbox{path}", params=params)
        answer.raise_for_status()
        found: dict[str, Any] = orjson.loads(answer.content)
        return found

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Order something behind `/sandbox`."""
        answer = await self.http.post(f"/sandbox{path}", content=orjson.dumps(body))
        answer.raise_for_status()
        found: dict[str, Any] = orjson.loads(answer.content)
        return found

    async def turn(self, knobs: dict[str, Any]) -> None:
        """Turn some of `services.sandbox.knobs`."""
        answer = await self.http.put("/sandbox/knobs", content=orjson.dumps(knobs))
        answer.raise_for_status()

    async def rows(self, journal: str, **params: str | int) -> list[dict[str, Any]]:
        """A whole journal, oldest row first."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = await self.get(f"/journal/{journal}", after=after, limit=10_000, **params)
            if not page["rows"]:
                return found
            found.extend(page["rows"])


@asynccontextmanager
async def local_kommo(
    folder: Path,
    *,
    leads: int,
    knobs: dict[str, Any],
    neighbours: int = 0,
    seeded: Mapping[str, Any] | None = None,
) -> AsyncIterator[LocalKommo]:
    """Run one with so many leads in the Inbox of Sales.

    Args:
        folder: For its files.
        leads: Owned by the administrator, whom nobody has distributed yet.
        knobs: Of `services.sandbox.knobs`.
        neighbours: So many further accounts, with the same ids of users, pipelines and leads.
        seeded: More of `services.sandbox.seed`, the same for each account.
    """
    port_file, token_file, seed = folder / "kommo.url", folder / "kommo.token", folder / "seed.json"
    others = [
        {
            "account_id": FIRST_ACCOUNT_ID + place,
            "subdomain": f"acme{place + 1}",
            "has_ids_of_first": True,
            "knobs": knobs,
            **(seeded or {}),
        }
        for place in range(1, neighbours + 1)
    ]
    seed.write_bytes(
        orjson.dumps({"leads": leads, "knobs": knobs, "neighbours": others} | dict(seeded or {}))
    )
    files = {"--seed": seed, "--port-file": port_file, "--token-file": token_file}
    with (folder / "kommo.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.sandbox",
            *(f"{option}={path}" for option, path in files.items()),
            "--while-stdin-is-open",
            # Nobody writes there; it is closed when this process ends, even if it is killed.
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            # Ctrl-C in our terminal is ours to pass on.
            start_new_session=True,
        )
    try:
        base_url = await written(port_file, process, START_WITHIN_S)
        async with AsyncExitStack() as clients:

            async def account(base_url: str, token_file: Path, number: int) -> LocalKommo:
                client = httpx.AsyncClient(base_url=base_url, timeout=ANSWER_WITHIN_S)
                http = await clients.enter_async_context(client)
                return LocalKommo(base_url, token_file, http, number)

            # Theirs are written before that of the first.
            beside = [
                await account(
                    await asyncio.to_thread(Path(f"{port_file}.{number}").read_text),
                    Path(f"{token_file}.{number}"),
                    number,
                )
                for number in range(2, neighbours + 2)
            ]
            first = await account(base_url, token_file, 1)
            yield replace(first, neighbours=tuple(beside))
    finally:
        await end(process)


async def written(path: Path, process: asyncio.subprocess.Process, within_s: float) -> str:
    """What a process writes to a file once it is ready.

    Raises:
        OSError: It ended instead, or was not ready in time.
    """
    try:
        async with asyncio.timeout(within_s):
            # The file is the process's way to say so; it has no other.
            while not path.exists():  # noqa: ASYNC240
                if process.returncode is not None:
                    raise ChildProcessError(f"{path.stem} ended with status {process.returncode}")
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise OSError(f"{path.stem} was not ready within {within_s:.0f} s") from error
    return path.read_text()  # noqa: ASYNC240 - a line


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, then see to it."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
