"""A process of the role `web`, with whoever listens to its streams and asks, as it is told to.

It answers each line of its input once that is so: `on`, `off`, and `end`, with the seconds that it
took to end with its streams open.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import uvloop

from services.shared.logs import configure_logging
from services.storage.database import open_pool
from tests.bench.million import LARGE_ID, SETTINGS, installed
from tests.services.api.kit import access_of, client, served

STREAMS, OF_ONE = 100, 5
ASKED_PER_S = 20
PATHS = ("managers", "decisions", "requests", "fairness")


async def main(dsn: str, keys: list[str]) -> None:
    """Serve, and do as the lines say."""
    configure_logging(json_lines=True, level="ERROR")
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    pool, stop = await open_pool(dsn, size_max=10), asyncio.Event()
    installation, began = installed(pool), 0.0
    async with (
        AsyncExitStack() as ending,
        served(installation, access_of(installation), SETTINGS, stop=stop) as address,
    ):
        there: AsyncExitStack | None = None
        async for line in lines:
            order = line.decode().strip()
            if order == "end":
                break
            if order == "on" and there is None:
                there = AsyncExitStack()
                await there.enter_async_context(_listening(address, keys))
            elif order == "off" and there is not None:
                await there.aclose()
                there = None
            sys.stdout.write(f"{order}\n")
            sys.stdout.flush()
        if there is not None:
            ending.push_async_exit(there)
        began = time.perf_counter()
        stop.set()
        ending.callback(lambda: sys.stdout.write(f"end {time.perf_counter() - began}\n"))
    await pool.close()


@asynccontextmanager
async def _listening(address: str, keys: list[str]) -> AsyncIterator[None]:
    """Streams that are open and read, and somebody who asks."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client(address, key)) for key in keys]

        async def listen(stream: httpx.Response) -> None:
            async for _ in stream.aiter_raw():
                pass

        async def ask() -> None:
            for number in range(sys.maxsize):
                asked = clients[number % len(clients)]
                path = PATHS[number % len(PATHS)]
                (await asked.get(f"/accounts/{LARGE_ID}/{path}")).raise_for_status()
                await asyncio.sleep(1 / ASKED_PER_S)

        tasks = []
        for each in clients * OF_ONE:
            stream = await stack.enter_async_context(
                each.stream("GET", f"/accounts/{LARGE_ID}/feed", timeout=60)
            )
            stream.raise_for_status()
            tasks.append(asyncio.create_task(listen(stream)))
        tasks.append(asyncio.create_task(ask()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError, httpx.HTTPError):
                    await task


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2:]))
