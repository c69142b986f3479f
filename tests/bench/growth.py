"""How the CPU of a decision grows with what an account has, one thing at a time.

Told is what it costs at each size, and how many times that is what it costs at the one before. A
bend is a fault, or has its reason in docs/benchmarks.md.
"""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    Inbound,
    InboundBody,
    LeadObserved,
    LeadReported,
    TriggerFired,
)
from contracts.stage import WON, Stage
from domain.decide import decide
from domain.snapshot import dump, load
from domain.state import Account
from tests.bench.figures import Figure, ratio

RUNS = 5
DECISIONS = 200  # of a run
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PARTICIPANTS = (10, 100, 1_000)
RULES = (1, 50, 500)
OPEN_LEADS = (1_000, 10_000, 100_000)
ACCOUNTS = (1, 100, 1_000)
HISTORY = (10_000, 100_000, 1_000_000)  # events
KEPT_LEADS = 100  # of each of many accounts


class Living:
    """An account whose leads come, are given out, and close when they are told to."""

    def __init__(self, *, managers: int = 12, rules: int = 1) -> None:
        self.account = Account(1)
        self._at = NOON
        self._lead_id = 0
        self._rules = rules
        team = tuple(range(1, managers + 1))
        self.tell(DescribeAccount(timezone="UTC", active_user_ids=team))
        self.tell(ApplyRules(rules=_rules_of(rules, team), by="bench"))

    def copied(self, account: Account) -> "Living":
        """The same life, of a copy of the account."""
        other = copy(self)
        other.account = account
        return other

    def tell(self, body: InboundBody) -> None:
        self._at += timedelta(milliseconds=1)
        message = Inbound(account_id=1, message_id="m", at=self._at, body=body)
        decide(self.account, message)

    def lead(self) -> None:
        """One comes, to the rules in turn."""
        self._lead_id += 1
        stage = Stage(self._lead_id % self._rules + 1, 2)
        self.tell(TriggerFired(lead_id=self._lead_id, stage=stage, source="dp_hook"))

    def close(self) -> None:
        """The one that came last is won, a day passes for those before."""
        self._at += timedelta(minutes=10)
        lead = self.account.leads[self._lead_id]
        self.tell(
            LeadReported(
                lead_id=self._lead_id,
                action="status",
                stage=Stage(lead.stage.pipeline_id, WON),
                old_status_id=lead.stage.status_id,
                responsible_id=lead.owner_id,
                modified_at=self._at,
            )
        )

    def hold(self, leads: int) -> None:
        """So many are open where no rule gives out any."""
        for lead_id in range(10**7, 10**7 + leads):
            self.tell(
                LeadObserved(
                    lead_id=lead_id,
                    stage=Stage(lead_id % 50 + 1, 3),
                    responsible_id=lead_id % 12 + 1,
                    modified_at=NOON - timedelta(days=1),
                    created_at=NOON - timedelta(days=2),
                    reason="baseline",
                )
            )


async def measure_growth(folder: Path) -> list[Figure]:
    """Every curve."""
    del folder
    figures: list[Figure] = []
    for what, sizes, grown in (
        ("participants", PARTICIPANTS, lambda n: Living(managers=n)),
        ("rules", RULES, lambda n: Living(rules=n)),
        ("open leads", OPEN_LEADS, _holding),
        ("events of history", HISTORY, _with_history),
    ):
        figures += _curve(f"{what}: a decision", sizes, [_costs(grown(size)) for size in sizes])
    return figures + _of_many_accounts()


def _holding(leads: int) -> Living:
    living = Living()
    living.hold(leads)
    return living


def _with_history(events: int) -> Living:
    living = Living()
    while living.account.version < events:
        living.lead()
        living.close()
    return living


def _of_many_accounts() -> list[Figure]:
    """Accounts in one memory: a decision of each in turn, one more that is read, what it takes."""
    living = Living()
    for _ in range(KEPT_LEADS):
        living.lead()
    state = dump(living.account)
    kept = list[Living]()
    turns, reads = list[list[float]](), list[list[float]]()
    for size in ACCOUNTS:
        kept += [living.copied(load(state)) for _ in range(size - len(kept))]
        gc.collect()
        turns.append([_timed(partial(_each_gets_one, kept)) / size for _ in range(RUNS)])
        reads.append([_timed(lambda: [load(state) for _ in range(20)]) / 20 for _ in range(RUNS)])
    return [
        *_curve("accounts in memory: a decision of each in turn", ACCOUNTS, turns),
        *_curve("accounts in memory: one more is read", ACCOUNTS, reads),
        Figure(f"growth: memory of an account of {KEPT_LEADS} leads", [_memory_kb(state)], "kB"),
    ]


def _each_gets_one(accounts: Sequence[Living]) -> None:
    for each in accounts:
        each.lead()


def _memory_kb(state: bytes) -> float:
    tracemalloc.start()
    try:
        accounts = [load(state) for _ in range(20)]
        return tracemalloc.get_traced_memory()[0] / len(accounts) / 1_000
    finally:
        tracemalloc.stop()


def _costs(living: Living) -> list[float]:
    """Microseconds of CPU of a decision, run by run."""
    runs = []
    for _ in range(RUNS + 1):
        gc.collect()
        runs.append(_timed(lambda: [living.lead() for _ in range(DECISIONS)]) / DECISIONS)
    return runs[1:]


def _timed(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e6


def _curve(name: str, sizes: Sequence[int], costs: Sequence[Sequence[float]]) -> Iterator[Figure]:
    yield Figure(f"growth: {sizes[0]:,} {name}", costs[0], "us CPU")
    for before, size, less, more in zip(sizes, sizes[1:], costs, costs[1:], strict=False):
        yield Figure(f"growth: {size:,} {name}", more, "us CPU")
        yield ratio(f"growth: {size:,} / {before:,} {name}", more, less)


def _rules_of(count: int, team: Sequence[int]) -> dict[str, Any]:
    return {
        "version": 1,
        "default_schedule": "day",
        "schedules": {"day": {"always": True}},
        "rules": [
            {
                "id": f"r{number}",
                "stages": [{"pipeline": number, "stage": 2}],
                "limit": {"max": 1_000_000},
                "participants": [{"manager": m, "coefficient": m % 4 + 1} for m in team],
            }
            for number in range(1, count + 1)
        ],
    }
