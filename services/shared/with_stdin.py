"""A process that ends with whoever started it, however that one ends: standard input is closed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def stopping_with_stdin(stop: asyncio.Event) -> AsyncIterator[None]:
    """Set `stop` as soon as standard input is closed: whoever started this process is gone."""
    watching = asyncio.create_task(_stop_at_end(stop))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _stop_at_end(stop: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while await reader.read(1_024):
            pass  # nobody says anything there
        stop.set()
    finally:
        transport.close()
