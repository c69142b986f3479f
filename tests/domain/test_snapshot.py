"""A snapshot is of one moment, though it is written while decisions go on."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain import snapshot
from domain.decide import decide
from domain.evolve import evolve
from domain.snapshot import digest, dump, load, parts
from domain.state import Account, Timer
from tests.domain.scenario import dp, given
from tests.golden.replay import FOLDER, read

GOLDEN = sorted(FOLDER.glob("*/*.jsonl"))
# States in the middle of golden histories, as older revisions wrote them.
KEPT = [
    json.loads(line)
    for path in sorted(Path(__file__).with_name("snapshots").glob("*.jsonl"))
    for line in path.read_text().splitlines()
]
_PLACES = ("opened", "preparing", "reserved", "waiting")


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

    assert len(begun) > 0
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


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: f"{kept['story']}-{kept['version']}")
def test_F83_a_snapshot_of_an_older_revision_is_read_as_the_same_state(kept: Any) -> None:
    golden = read(FOLDER / kept["release"] / f"{kept['story']}.jsonl")
    replayed = Account(golden.head["account_id"])
    events = [recorded.event for _, answer in golden.steps for recorded in answer]
    for event in events[: kept["version"]]:
        evolve(replayed, event)

    account = load(json.dumps(kept["state"]).encode(), kept["revision"])

    assert account == replayed
    assert digest(account) == digest(replayed)


def test_F83_every_state_that_a_request_may_be_in_is_among_the_older_snapshots() -> None:
    oldest = [kept["state"] for kept in KEPT if kept["revision"] == 10]
    assert {name for state in oldest for name in _PLACES if state[name]} == set(_PLACES)


@pytest.mark.parametrize("rule_id", ["site", "отдел", "a\x7fb", 'a"\\/\n\x1f'])
def test_D10_3_whatever_a_name_consists_of_a_state_has_one_form(rule_id: str) -> None:
    account = given(*map(dp, range(1, 6))).account
    due_at = account.now + timedelta(days=1, microseconds=1)
    account.timers[f"look/{rule_id}"] = Timer(generation=1, due_at=due_at)

    state = dump(account)
    assert json.dumps(json.loads(state), sort_keys=True, separators=(",", ":")).encode() == state
    assert load(state) == account
