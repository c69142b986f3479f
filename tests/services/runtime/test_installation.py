"""Whether a fairlead runs on the folder, as the lock tells, and not a process id."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.application.installation import RUNTIME_FILE, Installation

OURS = {"pid": os.getpid(), "address": "http://127.0.0.1:8080"}


def installation(data: Path) -> Installation:
    nothing: Any = None
    return Installation(
        data=data,
        database=nothing,
        pool=nothing,
        wakeup=nothing,
        events=nothing,
        accounts=nothing,
        dead_letters=nothing,
        log=nothing,
    )


@contextmanager
def held(data: Path) -> Iterator[None]:
    """As the running fairlead holds the folder."""
    with (data / "fairlead.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def test_F78_a_process_that_lives_is_not_fairlead_unless_it_holds_the_folder(
    tmp_path: Path,
) -> None:
    """What a killed fairlead left names a process that is somebody else's by now."""
    (tmp_path / RUNTIME_FILE).write_text(json.dumps(OURS))
    assert installation(tmp_path).running() is None

    with held(tmp_path):
        assert installation(tmp_path).running() == OURS

    assert installation(tmp_path).running() is None


@pytest.mark.parametrize("left", [json.dumps(OURS | {"pid": 1}), "{", ""])
def test_F78_what_another_one_left_is_not_what_runs_now(tmp_path: Path, left: str) -> None:
    (tmp_path / RUNTIME_FILE).write_text(left)

    with held(tmp_path):
        assert installation(tmp_path).running() is None


def test_F78_a_fairlead_that_starts_has_no_address_yet(tmp_path: Path) -> None:
    with held(tmp_path):
        assert installation(tmp_path).running() is None
