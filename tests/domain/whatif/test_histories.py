"""Recorded histories lived through again: what comes out is a history as good as any."""

from pathlib import Path

import pytest

from contracts.events import LeadAssigned, RulesApplied
from domain.evolve import evolve
from domain.explain.reproduced import is_reproduced
from domain.snapshot import digest
from domain.state import Account
from domain.whatif.past import PastReader
from domain.whatif.world import World
from tests.golden.replay import files, read

HISTORIES = list(files([]))


@pytest.mark.parametrize("path", HISTORIES, ids=[path.stem for path in HISTORIES])
def test_D10_3_what_would_have_been_is_a_history_like_any_other(path: Path) -> None:
    golden = read(path)
    events = [recorded for _, answer in golden.steps for recorded in answer]
    applied = [each.event for each in events if isinstance(each.event, RulesApplied)]
    account, again = (Account(golden.head["account_id"]) for _ in range(2))
    reader = PastReader(account)
    reader.read(events)

    world = World(account, reader.past)
    end = events[-1].event.at
    lived = list(world.live(applied[-1].rules, start=applied[0].at, end=end))

    for recorded in lived:
        assert recorded.version == again.version + 1
        evolve(again, recorded.event)
    assert digest(again) == digest(account)
    assert not account.requests.opened
    assert all(sum(ledger.values()) == 0 for ledger in account.credits.values())
    decided = [each.event for each in lived if isinstance(each.event, LeadAssigned)]
    assert decided
    assert all(map(is_reproduced, decided))
