"""What tests write lies in memory where there is enough: a disk's waits are half of their time.

PostgreSQL, Apache Kafka and the spool are as real there and sync as often; what a machine loses
that loses its power is no matter of these tests.
"""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - only where whoever runs the tests named no other place
NEEDED_BYTES = 6 * 1024**3


def write_to_memory() -> None:
    """Have temporary folders of this process and those it starts in memory, if that is large."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    room = os.statvfs(MEMORY)
    if room.f_bavail * room.f_frsize >= NEEDED_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is found anew
