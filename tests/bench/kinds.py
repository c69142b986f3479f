"""What a decision costs where leads are told apart as well (D3.9), against today's."""

import time
from pathlib import Path
from typing import Any

from contracts.events import LeadAssigned
from tests.bench.figures import Figure, ratio
from tests.bench.large_account import NOON, described, tell, trigger

LEADS = 2_000  # of a turn
ROUNDS = 9
# The stage is told by the request: what is measured is the choice and the ledger, not a reading.
LEDGERS: dict[str, dict[str, Any]] = {
    "none": {},
    "one": {"account": {"kinds": ["stage"]}},
}


async def measure_kinds(_: Path) -> list[Figure]:
    """CPU time of decisions among 20 of 40 managers, in turn with and without a dimension."""
    accounts = {name: described(ledgers=ledgers) for name, ledgers in LEDGERS.items()}
    took: dict[str, list[float]] = {name: [] for name in LEDGERS}
    for turn in range(ROUNDS):
        for name, account in accounts.items():
            before = time.process_time()
            for lead in range(LEADS):
                events = tell(account, trigger(turn * LEADS + lead), NOON)
                assert isinstance(events[-1], LeadAssigned)
            took[name].append(time.process_time() - before)
    each = [seconds / LEADS * 1e6 for seconds in took["one"]]
    return [
        Figure("a decision of a ledger with one dimension", each, "us"),
        ratio("the same against a ledger of totals alone", took["one"], took["none"]),
    ]
