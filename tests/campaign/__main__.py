"""The long form of fault tests and property tests: `make campaign`.

Runs each test marked `fault` in rounds, and each property once on as many times its examples.
Prints a line for each: how often it ran, what was accepted, decided and confirmed by Kommo, lost
and done twice. Fails with the first violation.

    python -m tests.campaign [--rounds 10] [what pytest takes, such as -k F14 or -k attack]
"""

import argparse
import os
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from tests.support.campaign import PROPERTY, ROUNDS_VARIABLE, Tally

HEADINGS = ("rounds", "failed", "accepted", "decided", "confirmed", "lost", "twice")
WIDTH = 11


@dataclass(slots=True)
class Line:
    """What one test came to in all its rounds."""

    rounds: int = 0
    failed: int = 0
    tallies: list[Tally] = field(default_factory=list)

    def __str__(self) -> str:
        numbers = [self.rounds, self.failed]
        cells = [f"{number:>{WIDTH},}" for number in numbers]
        for name in HEADINGS[len(numbers) :]:
            known = [n for tally in self.tallies if (n := getattr(tally, name)) is not None]
            cells.append(f"{sum(known):>{WIDTH},}" if known else f"{'-':>{WIDTH}}")
        return "".join(cells)


@dataclass(slots=True, eq=False)
class Lines:
    """A plugin of pytest that adds up."""

    of_tests: dict[str, Line] = field(default_factory=lambda: defaultdict(Line))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        line = self.of_tests[report.nodeid.partition("[")[0]]
        if report.when == "call":
            line.rounds += 1
        line.failed += report.failed
        if report.when == "teardown":  # what the test recorded is in each of its reports
            line.tallies += [
                Tally(**told) for name, told in report.user_properties if name == PROPERTY
            ]

    @property
    def is_clean(self) -> bool:
        lines = self.of_tests.values()
        tallies = [tally for line in lines for tally in line.tallies]
        return (
            any(line.rounds for line in lines)  # not all of them skipped
            and not any(line.failed for line in lines)
            and not any(tally.lost or tally.twice for tally in tallies)
        )

    def __str__(self) -> str:
        head = "".join(f"{heading:>{WIDTH}}" for heading in HEADINGS)
        rows = [f"{'row':<14}{head}  test"]
        for nodeid in sorted(self.of_tests, key=_place):
            name = nodeid.rpartition("::")[2].removeprefix("test_")
            rows.append(f"{' '.join(_rows(nodeid)):<14}{self.of_tests[nodeid]}  {name}")
        return "\n".join(rows)


def _rows(nodeid: str) -> list[str]:
    return re.findall(r"(?<=_)[FIS]\d+(?=_)", nodeid.rpartition("::")[2])


def _place(nodeid: str) -> tuple[list[tuple[str, int]], str]:
    return [(row[0], int(row[1:])) for row in _rows(nodeid)], nodeid


def main() -> int:
    parser = argparse.ArgumentParser(description="Run fault tests in rounds, properties at length.")
    parser.add_argument("--rounds", type=int, default=10, help="Of each test; default: 10.")
    wanted, more = parser.parse_known_args()
    if wanted.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, not {wanted.rounds}")
    os.environ[ROUNDS_VARIABLE] = str(wanted.rounds)
    lines = Lines()
    status = pytest.main(["-m", "fault or hypothesis", *more], plugins=[lines])
    sys.stdout.write(f"\n{lines}\n")
    return 0 if status == pytest.ExitCode.OK and lines.is_clean else 1


sys.exit(main())
