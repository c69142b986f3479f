"""Programs of Debian that some tests run: installed where we may, else it is said how."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

LOCK = Path(tempfile.gettempdir()) / "fairlead-apt.lock"


def require(program: str, package: str) -> str:
    """The path of a program, installed if it is missing."""
    found = _path_of(program)
    if found is not None:
        return found
    line = f"apt-get update && apt-get install -y --no-install-recommends {package}"
    if os.geteuid() or shutil.which("apt-get") is None:
        pytest.skip(f"{program} is not installed: {line}")
    # Another worker may want another one at the same time, and apt waits for nobody.
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # In this run level nothing is started by its installation.
        done = subprocess.run(
            ["sh", "-c", line],
            env={**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2_000:]
    found = _path_of(program)
    assert found is not None, f"{package} brings {program}"
    return found


def _path_of(program: str) -> str | None:
    """PostgreSQL's programs are in a folder of their version, and not all of them in the path."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(versions[-1]) if versions else shutil.which(program)
