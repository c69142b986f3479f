"""A snapshot is of one moment, though it is written while decisions go on."""

from pathlib import Path

import pytest

from domain import snapshot
from domain.account import Account
from domain.decide import decide
from domain.snapshot import dump, load, parts
from tests.domain.scenario import dp, given
from tests.golden.replay import FOLDER, read

GOLDEN = sorted(FOLDER.glob("*/*.jsonl"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_I7_a_snapshot_is_of_its_moment_whatever_happens_before_its_last_part(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "ROWS_PER_PART", 2)
    golden = read(path)
    account = Account(golden.head["account_id"])
    begun = []
    for message, _ in golden.steps:
        begun.append((parts(account), dump(account)))
        decide(account, message)

    for taken, expected in begun:
        assert b"".join(taken) == expected


def test_I13_no_part_of_a_snapshot_holds_more_than_so_many_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshot, "ROWS_PER_PART", 2)
    account = given(*map(dp, range(1, 6))).account

    told = [part for part in parts(account) if b"[1,[" in part or b"[5,[" in part]
    assert len(told) == 2
    assert load(b"".join(parts(account))) == account
