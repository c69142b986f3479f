"""Files that a person names: read to a limit, whatever they turn out to be."""

import os
import select
from pathlib import Path

from services.cli.output import fail

# A pipe that nobody writes to ends a command as well.
SILENT_MAX_S = 5.0
CHUNK = 65_536


def read(path: Path, *, bytes_max: int) -> bytes:
    """All of a file, of a pipe until its end.

    A device that never ends, or a pipe that nobody writes to, ends the command with a message, as
    does what cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    try:
        return _read(descriptor, path, bytes_max)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: Path, bytes_max: int) -> bytes:
    found = bytearray()
    while True:
        if not select.select([descriptor], [], [], SILENT_MAX_S)[0]:
            fail(f"{path}: nothing came for {SILENT_MAX_S:.0f} s")
        chunk = os.read(descriptor, CHUNK)
        if not chunk:
            return bytes(found)
        found += chunk
        if len(found) > bytes_max:
            fail(f"{path}: too long, at most {bytes_max // 1_024} KiB are read")
