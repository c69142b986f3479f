"""What the doctor says of the spool."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.sentences import sentence
from services.application.doctor import spool
from services.application.doctor.finding import Diagnosis
from services.application.installation import Installation
from services.ingress.spool_file import SPOOL_FILE, Item, SpoolFile


def found(folder: Path, *, rows: int = 0, age_s: float = 0) -> Diagnosis:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    with closing(SpoolFile(folder / SPOOL_FILE, now=lambda: at)) as file:
        if rows:
            file.append("inbound", [Item(1, b"abc")] * rows)
    return looked(folder)


def told(finding: Diagnosis) -> tuple[str, str | None]:
    return finding.found.id, finding.remedy.id if finding.remedy is not None else None


def looked(folder: Path) -> Diagnosis:
    nothing: Any = None
    others = ("database", "pool", "wakeup", "events", "accounts", "dead_letters", "log")
    return spool.finding(
        Installation(data=folder, **dict.fromkeys(others, nothing)), datetime.now(UTC)
    )


def test_F15_an_empty_spool_is_in_order(tmp_path: Path) -> None:
    assert told(looked(tmp_path)) == ("doctor.no_spool", None)
    assert told(found(tmp_path)) == ("doctor.spool_empty", None)


@pytest.mark.parametrize(
    ("runs", "age_s", "remedy"),
    [
        (True, 5, None),
        (True, 90, "remedy.log_does_not_take_them"),
        (False, 5, "remedy.start_to_send"),
    ],
)
def test_F15_what_lies_in_the_spool_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, runs: bool, age_s: float, remedy: str | None
) -> None:
    monkeypatch.setattr(Installation, "running", lambda _: {"pid": 1} if runs else None)
    finding = found(tmp_path, rows=4, age_s=age_s)

    assert told(finding) == ("doctor.spool_holds", remedy)
    assert finding.found.arguments["count"] == 4
    assert finding.found.arguments["bytes"] == 12
    assert (finding.severity == "well") == (remedy is None)


def test_F77_a_damaged_spool_is_told_before_and_after_it_was_set_aside(tmp_path: Path) -> None:
    (tmp_path / SPOOL_FILE).write_bytes(b"nonsense" * 1_000)
    before = looked(tmp_path)
    after = found(tmp_path)

    assert told(before) == ("doctor.spool_unreadable", "remedy.start_to_set_aside")
    assert told(after) == ("doctor.spool_damaged", "remedy.look_at_damaged_spool")
    assert after.found.arguments == {
        "held": sentence("doctor.spool_empty"),
        "files": ("spool.db.damaged-1",),
    }
