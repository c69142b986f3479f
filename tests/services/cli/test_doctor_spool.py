"""What the doctor says of the spool."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.cli.doctor import _spool
from services.cli.finding import Finding
from services.cli.installation import Installation
from services.ingress.spool_file import SPOOL_FILE, Item, SpoolFile


def found(folder: Path, *, rows: int = 0, age_s: float = 0) -> Finding:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    with closing(SpoolFile(folder / SPOOL_FILE, now=lambda: at)) as file:
        if rows:
            file.append("inbound", [Item(1, b"abc")] * rows)
    return looked(folder)


def looked(folder: Path) -> Finding:
    nothing: Any = None
    others = ("database", "pool", "wakeup", "events", "accounts", "dead_letters", "log")
    return _spool(Installation(data=folder, **dict.fromkeys(others, nothing)))


def test_F15_an_empty_spool_is_in_order(tmp_path: Path) -> None:
    assert looked(tmp_path) == Finding("spool", "none yet")
    assert found(tmp_path) == Finding("spool", "empty")


@pytest.mark.parametrize(
    ("runs", "age_s", "advice"),
    [(True, 5, ""), (True, 90, "the log does not take them"), (False, 5, "start it")],
)
def test_F15_what_lies_in_the_spool_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, runs: bool, age_s: float, advice: str
) -> None:
    monkeypatch.setattr(Installation, "running", lambda _: {"pid": 1} if runs else None)
    finding = found(tmp_path, rows=4, age_s=age_s)

    assert finding.found.startswith("4 messages, 12 bytes, oldest ")
    assert finding.advice.startswith(advice)
    assert bool(finding.advice) == bool(advice)


def test_F77_a_damaged_spool_is_told_before_and_after_it_was_set_aside(tmp_path: Path) -> None:
    (tmp_path / SPOOL_FILE).write_bytes(b"nonsense" * 1_000)
    before = looked(tmp_path)
    after = found(tmp_path)

    assert before.found.startswith("cannot be read")
    assert "makes a new one" in before.advice
    assert after.found == "empty; damaged, set aside: spool.db.damaged-1"
    assert ".recover" in after.advice
