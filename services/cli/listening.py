"""Where webhooks are received, for whoever looks: a file in the data folder, a line in the log."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from services.cli.installation import RUNTIME_FILE, Wrong

log = structlog.get_logger(__name__)


@contextmanager
def announced(
    data: Path, host: str, ops: str, on_listening: Callable[[str], None] | None
) -> Iterator[Callable[[int], None]]:
    """What to call with the port once webhooks are received; withdrawn afterwards."""
    runtime = data / RUNTIME_FILE

    def listening(port: int) -> None:
        address = f"http://{host}:{port}"
        told = {"pid": os.getpid(), "address": address, "ops": ops}
        _write_whole(runtime, json.dumps(told))
        log.info("fairlead_up", address=address, data=str(data))
        if on_listening is not None:
            on_listening(address)

    try:
        yield listening
    finally:
        runtime.unlink(missing_ok=True)


def not_listening(error: OSError, host: str, port: int) -> Wrong:
    """Why nothing can be received there, and what to do."""
    reason = (error.strerror or str(error)).partition(" (")[0]
    text = (
        f"webhooks cannot be received at {host}:{port}: {reason}; choose another --port or --host"
    )
    return Wrong(text)


def _write_whole(path: Path, text: str) -> None:
    """A reader finds the old text or the new one, never half of it."""
    aside = path.with_suffix(".tmp")
    aside.write_text(text)
    aside.replace(path)
