"""Backlogs of many accounts behind one address, on virtual time: how fairly, how fast."""

import asyncio
import time
from pathlib import Path

from services.gateway.settings import PushSettings
from services.kommo.settings import LimiterSettings
from tests.bench.figures import Figure
from tests.simulation.backlog import STEP_S, Outcome, run_backlog

ACCOUNTS, LEADS = 100, 3_000
LARGE, SMALL = 100_000, 10
BURSTS = (50, 1_000)
RATE_PER_S = LimiterSettings().rate_per_s
BATCH = PushSettings().batch_size_max


async def measure_backlog(folder: Path) -> list[Figure]:
    """All decided at once: by the requests that Kommo's limit imposes, and between the accounts."""
    del folder
    return await asyncio.to_thread(_measure)


def _measure() -> list[Figure]:
    alike = [LEADS] * ACCOUNTS
    cpu = time.process_time()
    fresh = run_backlog(alike, until_s=3_600)
    cpu = time.process_time() - cpu
    cpu_short = time.process_time()
    short = run_backlog([LEADS // 10] * ACCOUNTS, until_s=3_600)
    cpu_short = time.process_time() - cpu_short
    old = run_backlog(alike, until_s=3_600, is_old=True)
    told = run_backlog(alike, until_s=3_600, is_told=True)
    large = run_backlog([LARGE] + [SMALL] * (ACCOUNTS - 1), until_s=3_600)
    name = f"{ACCOUNTS} accounts x {LEADS:,} leads"
    return [
        *_figures(f"{name}, decided at once", fresh, alike, is_read=False),
        *_figures(f"{name}, from before the start", old, alike, is_read=True),
        *_figures(f"{name}, told by hooks alone", told, alike, is_read=True),
        Figure(
            f"{name}, told by hooks alone: time to that of trusted ones",
            [_ended(told) / _ended(fresh)],
            "times",
        ),
        *(each for size in BURSTS for each in _burst(size)),
        Figure(
            f"{LARGE:,} leads beside {ACCOUNTS - 1} accounts x {SMALL}: theirs are set",
            [max(times[-1] for times in list(large.set_at.values())[1:])],
            "s",
        ),
        Figure(
            "CPU per request, 10 times the backlog to the shorter one (sandbox included)",
            [cpu / len(fresh.requests) / (cpu_short / len(short.requests))],
            "times",
        ),
    ]


def _figures(name: str, outcome: Outcome, sizes: list[int], *, is_read: bool) -> list[Figure]:
    reads = sum(method == "GET" for _, method, _ in outcome.requests)
    patches = outcome.patches()
    round_s = len(sizes) * (2 if is_read else 1) / RATE_PER_S
    ended_s = max(times[-1] for times in outcome.set_at.values())
    return [
        Figure(
            f"{name}: PATCHes to those of {BATCH} leads each",
            [len(patches) / sum(-(-size // BATCH) for size in sizes)],
            "times",
        ),
        Figure(f"{name}: readings per PATCH", [reads / len(patches)], ""),
        Figure(
            f"{name}: time to what the limit imposes",
            [ended_s / (len(outcome.requests) / RATE_PER_S)],
            "times",
        ),
        Figure(f"{name}: last first lead to a round", [max(outcome.first()) / round_s], "times"),
        Figure(
            f"{name}: p95 of the last account to the first",
            [max(outcome.p95()) / min(outcome.p95())],
            "times",
        ),
    ]


def _burst(size: int) -> list[Figure]:
    """How long one account's leads take that are told of at once."""
    trusted = run_backlog([size], until_s=3_600)
    told = run_backlog([size], until_s=3_600, is_told=True)
    return [
        Figure(f"{size:,} leads at once, trusted: the last is set", [_ended(trusted)], "s"),
        Figure(
            f"{size:,} leads at once, told by hooks alone: the last is set", [_ended(told)], "s"
        ),
    ]


def _ended(outcome: Outcome) -> float:
    """When the last lead was set, from when they were decided."""
    return max(times[-1] for times in outcome.set_at.values()) - STEP_S
