"""An installation of the demo's own, as a process."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from services.application.installation import RUNTIME_FILE
from services.demo.kommo_process import end, written

UP_WITHIN_S = 120.0


@asynccontextmanager
async def fairlead_up(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[str]:
    """`fairlead up` as a process of its own; yields where it receives webhooks."""
    data = folder / "data"
    with (folder / "fairlead.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.cli",
            "up",
            "--port=0",
            f"--data={data}",
            "--while-stdin-is-open",
            # Nobody writes there; it is closed when this process ends, even if it is killed.
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "FAIRLEAD_WEB_ENABLED": "false", **settings},
            start_new_session=True,
        )
    try:
        runtime = json.loads(await written(data / RUNTIME_FILE, process, UP_WITHIN_S))
        assert runtime["pid"] == process.pid  # noqa: S101 - the folder is ours
        yield runtime["address"]
    finally:
        await end(process)
