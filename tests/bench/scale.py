"""One large account: 200 managers, 50 rules, 200,000 open leads, and a backlog to release."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.events import AllocationEvent, LeadAssigned
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    Inbound,
    InboundBody,
    LeadObserved,
    TimerDue,
    TriggerFired,
)
from contracts.stage import Stage
from domain.account import Account
from domain.decide import decide
from domain.requests import SERVED_PER_STEP_MAX
from domain.snapshot import REVISION, digest, dump, load
from services.allocator.accounts import Stores
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.codec import encode_inbound
from services.log.port import Entry
from services.log.postgres import PostgresLogReader, PostgresLogWriter
from services.storage.events import EventStore
from services.storage.snapshots import Snapshot, SnapshotStore
from tests.bench.allocator import BATCH, KOMMO_LEADS_PER_S
from tests.bench.database import bench_pool
from tests.bench.figures import Figure

MANAGERS, RULES, OPEN_LEADS = 200, 50, 200_000
ELIGIBLE = 20  # of a rule, as on a shift
LEADS = 5_000
BACKLOG = 50_000
RUNS = 3
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 22, 3, tzinfo=UTC)  # a Sunday
TEAM = range(1, MANAGERS + 1)
ALL_DAYS = ("mon", "tue", "wed", "thu", "fri")


async def measure_scale(folder: Path) -> list[Figure]:
    """Decisions with storage, the sizes of the state, and the release of a backlog."""
    account = _large_account()
    state, loaded = dump(account), list[float]()
    for _ in range(RUNS):
        started = time.perf_counter()
        load(state)
        loaded.append(time.perf_counter() - started)
    async with bench_pool(folder) as pool:
        runs = [await _decide(pool, state, run) for run in range(1, RUNS + 2)][1:]
    per_s, per_cpu_s = zip(*runs, strict=True)
    release_s, step_ms = _release()
    size = f"{MANAGERS} managers, {RULES} rules, {OPEN_LEADS:,} open leads"
    return [
        Figure(f"scale: decisions with storage, {ELIGIBLE} eligible of {size}", per_s, "per s"),
        Figure(
            "scale: the same / Kommo's 1,750 leads per second",
            [each / KOMMO_LEADS_PER_S for each in per_s],
            "times",
        ),
        Figure(
            "scale: per second of the allocator's core / Kommo's 1,750",
            [each / KOMMO_LEADS_PER_S for each in per_cpu_s],
            "times",
        ),
        Figure("scale: snapshot of that account", [len(state) / 1e6], "MB"),
        Figure("scale: snapshot per open lead", [len(state) / OPEN_LEADS], "bytes"),
        Figure("scale: reading the snapshot", loaded, "s"),
        Figure(f"scale: releasing a backlog of {BACKLOG:,}, deciding alone", [release_s], "s"),
        Figure(
            f"scale: one step of it, at most {SERVED_PER_STEP_MAX} leads, others wait for",
            step_ms,
            "ms",
        ),
    ]


def _rules() -> dict[str, Any]:
    """Forty of the team in each rule, half of them on the other shift."""
    return {
        "version": 1,
        "default_schedule": "day",
        "schedules": {
            "day": {"weekly": {key: ["09:00-18:00"] for key in ALL_DAYS}},
            "late": {"weekly": {key: ["18:00-02:00"] for key in ALL_DAYS}},
        },
        "rules": [
            {
                "id": f"r{number}",
                "stages": [{"pipeline": number, "stage": 1}],
                "limit": {"max": 1_000_000},
                "participants": [
                    {
                        "manager": (number * 7 + k * 5) % MANAGERS + 1,
                        "coefficient": k % 4 + 1,
                        **({"schedule": "late"} if k >= ELIGIBLE else {}),
                    }
                    for k in range(2 * ELIGIBLE)
                ],
            }
            for number in range(1, RULES + 1)
        ],
    }


def _told(account: Account, body: InboundBody, at: datetime) -> tuple[AllocationEvent, ...]:
    message = Inbound(account_id=account.account_id, message_id="m", at=at, body=body)
    return decide(account, message)


def _large_account() -> Account:
    account = Account(1)
    _told(account, DescribeAccount(timezone="UTC", active_user_ids=tuple(TEAM)), NIGHT)
    _told(account, ApplyRules(rules=_rules(), by="bench"), NIGHT)
    for lead in range(1, OPEN_LEADS + 1):
        seen = LeadObserved(
            lead_id=lead,
            stage=Stage(lead % RULES + 1, 2),
            responsible_id=lead % MANAGERS + 1,
            modified_at=NIGHT - timedelta(days=1),
            created_at=NIGHT - timedelta(days=2),
            reason="baseline",
        )
        _told(account, seen, NIGHT)
    assert len(account.leads) == OPEN_LEADS
    return account


async def _decide(pool: Any, state: bytes, account_id: int) -> tuple[float, float]:
    """Decisions with storage per second, and per second of this process' own core.

    The snapshot stands for the events before it. PostgreSQL works beside us: where something
    else takes the cores, only the second figure says what deciding costs.
    """
    account = load(state)
    account.account_id, account.version = account_id, 0
    copied = dump(account)
    snapshots = SnapshotStore(pool)
    await snapshots.save(
        Snapshot(
            account_id=account_id,
            version=0,
            revision=REVISION,
            digest=digest(account),
            state=copied,
        )
    )
    entries = [
        Entry(
            account_id,
            encode_inbound(
                Inbound(
                    account_id=account_id,
                    message_id=f"d{number}",
                    at=NOON + timedelta(milliseconds=number),
                    body=_trigger(number),
                )
            ),
        )
        for number in range(LEADS)
    ]
    await PostgresLogWriter(pool).publish(entries)
    allocator = Allocator(
        PostgresLogReader(pool, CONSUMER),
        Stores(EventStore(pool), snapshots),
        AllocatorSettings(batch_size_max=BATCH, batch_wait_ms=1),
        on_stored=lambda: None,
    )
    done, first, started, cpu = 0, 0, time.perf_counter(), time.process_time()
    while done < LEADS:
        before, done = done, done + await allocator.step()
        if before == 0:  # the account was loaded with the first batch
            first, started, cpu = done, time.perf_counter(), time.process_time()
    decided = LEADS - first
    return decided / (time.perf_counter() - started), decided / (time.process_time() - cpu)


def _trigger(number: int) -> TriggerFired:
    stage = Stage(number % RULES + 1, 1)
    return TriggerFired(lead_id=OPEN_LEADS + 1 + number, stage=stage, source="dp_hook")


def _release() -> tuple[float, list[float]]:
    """Seconds to decide a whole backlog at an opening, and milliseconds of each of its steps."""
    account = Account(1)
    _told(account, DescribeAccount(timezone="UTC", active_user_ids=tuple(TEAM)), NIGHT)
    _told(account, ApplyRules(rules=_rules(), by="bench"), NIGHT)
    for number in range(BACKLOG):
        _told(account, _trigger(number), NIGHT)
    steps, given = list[float](), 0
    while account.waiting:
        due = next(
            TimerDue(timer_id=timer_id, generation=timer.generation)
            for timer_id, timer in account.timers.items()
            if timer.due_at is not None and timer.due_at <= NOON
        )
        started = time.perf_counter()
        events = _told(account, due, NOON)
        steps.append((time.perf_counter() - started) * 1_000)
        served = sum(isinstance(event, LeadAssigned) for event in events)
        assert served <= SERVED_PER_STEP_MAX
        given += served
    assert given == BACKLOG
    return sum(steps) / 1_000, steps
