"""Golden histories replay exactly, under every hash seed; what differs is said (F82, I7)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain import snapshot
from domain.requests import assign
from services.shared.codec import EVENT_NAMES, INBOUND_NAMES
from tests.golden.record import Released, write
from tests.golden.replay import Differs, files, read, replay
from tests.golden.stories import STORIES

ROOT = Path(__file__).parents[2]
FILES = list(files([]))
PLAIN = next(path for path in FILES if path.stem == "plain-day")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_F82_I7_a_golden_history_replays_exactly(path: Path) -> None:
    golden = read(path)

    assert golden.expected["revision"] in snapshot.READABLE
    assert replay(golden) != ""  # what differs is raised


@pytest.mark.server
def test_I7_replay_does_not_depend_on_the_hash_seed() -> None:
    printed = set()
    for hash_seed in ("0", "1", "42", "random"):
        run = subprocess.run(
            [sys.executable, "-m", "tests.golden.replay"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        )
        printed.add(run.stdout)

    (lines,) = printed
    assert len(lines.splitlines()) == len(FILES) >= 5


def test_every_event_and_every_message_has_a_golden_line() -> None:
    lines = [json.loads(line) for path in FILES for line in path.read_text().splitlines()]
    events = {line["name"] for line in lines if "event" in line}
    messages = {line["message"]["type"] for line in lines if "message" in line}

    # A new kind belongs into a story (tests/golden/stories.py); then: make golden-record
    assert sorted(set(EVENT_NAMES.values()) - events) == []
    assert sorted(set(INBOUND_NAMES.values()) - messages) == []


def _spoiled(folder: Path, change: Any) -> Path:
    """A copy of a golden file with one line changed."""
    lines = [json.loads(line) for line in PLAIN.read_text().splitlines()]
    change(lines)
    path = folder / "spoiled.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def _decision(lines: list[Any]) -> Any:
    return next(line for line in lines if line.get("name") == "lead.assigned")["event"]["data"]


def _another_reason(lines: list[Any]) -> None:
    _decision(lines)["reason"] = "longest_wait"


def _another_turn(lines: list[Any]) -> None:
    _decision(lines)["revision"] = 77


def _one_event_less(lines: list[Any]) -> None:
    del lines[-2]


def _a_gap(lines: list[Any]) -> None:
    next(line for line in lines if line.get("version") == 9)["version"] = 10


def _another_digest(lines: list[Any]) -> None:
    lines[-1] |= {"digest": "00", "revision": snapshot.REVISION}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_another_reason, "its standings give another decision"),
        (
            _another_turn,
            "a deliberate change raises a version in domain.requests.assign.POLICY_VERSIONS",
        ),
        (_one_event_less, r"decided \d events, recorded were \d"),
        (_a_gap, "version 10 stands at place 9"),
        (_another_digest, "recorded was 00"),
    ],
)
def test_F82_what_differs_is_said(tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(Differs, match=said):
        replay(read(_spoiled(tmp_path, change)))


def test_F82_another_decision_passes_only_under_a_named_policy_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = read(_spoiled(tmp_path, _another_turn))
    golden.expected["revision"] = 0  # the digest tells of the state, which is another one, too

    with pytest.raises(Differs):
        replay(golden)
    monkeypatch.setitem(assign.POLICY_VERSIONS, "fair_share", 99)  # type: ignore[arg-type]
    replay(golden)


def test_F82_the_files_of_a_released_version_are_never_written_again(tmp_path: Path) -> None:
    written = write("9.9.9", "# Changelog\n\n## Unreleased\n\n## 9.9.8\n", tmp_path)
    before = [path.read_text() for path in written]

    with pytest.raises(Released, match=r"9\.9\.9 is released, its files are never edited"):
        write("9.9.9", "# Changelog\n\n## Unreleased\n\n## 9.9.9 - 2026-12-01\n", tmp_path)

    assert [path.stem for path in written] == list(STORIES)
    assert [path.read_text() for path in written] == before
    assert list(tmp_path.iterdir()) == [tmp_path / "9.9.9"]
