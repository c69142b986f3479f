"""Five hundred seeds with every test, those that failed once, and that a seed is a history."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import reproduction
from tests.simulation.faults import KINDS
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.system

SEEDS = 500
CHUNK = 20
FAILED_ONCE = Path(__file__).with_name("seeds.txt")
DIGESTS = """
import sys
from tests.simulation.simulation import simulate
print(*(simulate(int(seed)).digest for seed in sys.argv[1:]))
"""


def failed_once() -> list[int]:
    lines = FAILED_ONCE.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def found(seed: int) -> list[str]:
    """What a seed shows to be broken, each with the line that shows it again."""
    return [f"{finding} ({reproduction(seed)})" for finding in simulate(seed).findings]


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_I1_to_I10_hold_in_every_seed(first: int) -> None:
    broken = [text for seed in range(first, first + CHUNK) for text in found(seed)]
    gc.collect()

    assert broken == []


@pytest.mark.parametrize("seed", failed_once())
def test_a_seed_that_failed_once_does_so_no_more(seed: int) -> None:
    assert found(seed) == []


def test_D10_3_a_seed_gives_the_same_history_under_every_hash_seed() -> None:
    def digests(hash_seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", DIGESTS, "3", "8", "21"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        ).stdout

    assert digests("0") == digests("77")


def test_a_seed_meets_faults_and_tells_them_by_name() -> None:
    outcomes = [simulate(seed) for seed in range(CHUNK)]

    met = {kind for outcome in outcomes for kind in outcome.faults}
    assert met <= KINDS.keys()
    assert len(met) > len(KINDS) * 3 // 4
    assert len({outcome.digest for outcome in outcomes}) == CHUNK
