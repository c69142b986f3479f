"""Where webhooks are received, for whoever looks: a file in the data folder, a line in the log."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.application.installation import RUNTIME_FILE
from services.runtime.wrong import Wrong
from services.shared.private_files import write_private

log = structlog.get_logger(__name__)

# Role and address of one that listens.
OnListening = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where webhooks are received.

    Attributes:
        port: 0 for any free one.
        on_bound: Gets the port once webhooks are received.
    """

    host: str
    port: int
    on_bound: Callable[[int], None]


@contextmanager
def announced(
    data: Path, host: str, ops: str, on_listening: Callable[[str], None]
) -> Iterator[Callable[[int], None]]:
    """What to call with the port once webhooks are received; withdrawn afterwards."""

    def listening(address: str) -> None:
        log.info("fairlead_up", address=address, data=str(data))
        on_listening(address)

    with told_in(data / RUNTIME_FILE, host, listening, ops=ops) as on_bound:
        yield on_bound


@contextmanager
def told_in(
    path: Path, host: str, on_listening: Callable[[str], None], **beside: str
) -> Iterator[Callable[[int], None]]:
    """What to call with the port once somebody is served; the file tells until it is over.

    Args:
        path: The file; it has the process, the address, and what else is given.
        host: Of the address.
        on_listening: Told the address.
        beside: Goes into the file, too.
    """
    is_told = False

    def on_bound(port: int) -> None:
        nonlocal is_told
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        told = {"pid": os.getpid(), "address": address, **beside}
        _write_whole(path, json.dumps(told))
        is_told = True
        on_listening(address)

    try:
        yield on_bound
    finally:
        if is_told:  # else it is another process's
            path.unlink(missing_ok=True)


def not_listening(error: OSError, host: str, port: int, *, what: str, choose: str) -> Wrong:
    """Why nobody can be served there, and what to do.

    Args:
        error: What the system says.
        host: Of the address.
        port: The same.
        what: Would be there: `webhooks cannot be received`.
        choose: What to set: `--port or --host`.
    """
    reason = (error.strerror or str(error)).partition(" (")[0]
    return Wrong(f"{what} at {host}:{port}: {reason}; choose another {choose}")


def _write_whole(path: Path, text: str) -> None:
    """A reader finds the old text or the new one, never half of it."""
    aside = path.with_suffix(".tmp")
    write_private(aside, text)
    aside.replace(path)
