"""The simulation by hand: one seed in words, or as many as there is time for.

python -m tests.simulation seed 7
python -m tests.simulation long --minutes 30
"""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field

from tests.simulation.faults import KINDS
from tests.simulation.simulation import Outcome, simulate

CHUNK = 20
AHEAD = 4  # chunks handed to each worker before it asks for them
EXPECTED_PERCENT = 5


def main() -> int:
    """Run what the command line asks for; 1 if something was found."""
    options = _options()
    if options.what == "seed":
        return _one(options.seed)
    return _long(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    ways = parser.add_subparsers(dest="what", required=True)
    one = ways.add_parser("seed", help="run one seed and tell all that happens")
    one.add_argument("seed", type=int)
    long = ways.add_parser("long", help="run many seeds on all cores")
    long.add_argument("--minutes", type=float, help="begin no seed after so long")
    long.add_argument("--seeds", type=int, help="run so many")
    long.add_argument("--first", type=int, default=0, help="the first seed")
    long.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.what == "long" and options.minutes is None and options.seeds is None:
        parser.error("tell how long: --minutes or --seeds")
    return options


def _one(seed: int) -> int:
    outcome = simulate(seed, words=_say)
    _say(f"\nseed {seed}: {outcome.events} events, {outcome.virtual_s / 3_600:.1f} h, digest")
    _say(outcome.digest)
    for kind, count in sorted(outcome.faults.items()):
        _say(f"  {kind:<20} {count:>6}  {KINDS[kind]}")
    for finding in outcome.findings:
        _say(f"FOUND {finding}")
    return 1 if outcome.findings else 0


@dataclass
class _Tally:
    """What a long run has come to so far."""

    seeds: int = 0
    events: int = 0
    virtual_s: float = 0.0
    failed: list[int] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.events += outcome.events
        self.virtual_s += outcome.virtual_s
        self.met.update(outcome.faults.keys())
        if outcome.findings:
            self.failed.append(outcome.seed)
            for finding in outcome.findings[:3]:
                _say(f"seed {outcome.seed}: {finding}")
            _say(f"seed {outcome.seed}: {reproduction(outcome.seed)}")


def _long(options: argparse.Namespace) -> int:
    tally, began = _Tally(), time.monotonic()
    until = None if options.minutes is None else began + options.minutes * 60
    with ProcessPoolExecutor(options.workers) as workers:
        pending: set[Future[list[Outcome]]] = set()
        for first, count in _chunks(options.first, options.seeds):
            if until is not None and time.monotonic() >= until:
                break
            pending.add(workers.submit(_some, first, count))
            if len(pending) >= options.workers * AHEAD:
                pending = _collect(pending, tally)
        while pending:
            pending = _collect(pending, tally)
    _report(tally, time.monotonic() - began)
    return 1 if tally.failed else 0


def _chunks(first: int, seeds: int | None) -> Iterator[tuple[int, int]]:
    last = None if seeds is None else first + seeds
    while last is None or first < last:
        count = CHUNK if last is None else min(CHUNK, last - first)
        yield first, count
        first += count


def _some(first: int, count: int) -> list[Outcome]:
    outcomes = [simulate(seed) for seed in range(first, first + count)]
    gc.collect()
    return outcomes


def _collect(pending: set[Future[list[Outcome]]], tally: _Tally) -> set[Future[list[Outcome]]]:
    done, pending = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        for outcome in future.result():
            tally.add(outcome)
    return pending


def _report(tally: _Tally, took_s: float) -> None:
    seeds = max(tally.seeds, 1)
    for kind in KINDS:
        percent = 100 * tally.met[kind] / seeds
        rare = "  rare" if percent < EXPECTED_PERCENT else ""
        _say(f"  {kind:<20} {percent:5.1f}% of the seeds{rare}")
    _say(
        f"{tally.seeds} seeds, {tally.events} events, {tally.virtual_s / 86_400:.0f} days of"
        f" virtual time in {took_s:.0f} s: {tally.seeds / max(took_s, 0.001):.1f} seeds/s,"
        f" {len(tally.failed)} failed"
    )


def reproduction(seed: int) -> str:
    """The line that shows a seed again, in words."""
    return f"make sim SEED={seed}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
