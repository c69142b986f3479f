"""Breaks a copy of the program in every known way and shows which test notices.

    python -m tests.mutation.check [--quick] [NAME ...]

Ends with 1 if a mutant survives, or if one cannot be made because the code has changed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
WITHIN_S = 300
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?::\S+)", re.MULTILINE)
SOME_FAILED = 1  # pytest's status; others mean that nothing was tested


class CannotBreak(Exception):
    """The source to be changed is not there exactly once: the mutant has to follow the code."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        caught_by: The first test that failed; None if it survived.
    """

    mutant: Mutant
    caught_by: str | None
    took_s: float


@contextmanager
def broken(mutant: Mutant) -> Iterator[Path]:
    """A copy of the program with the mutant's edits.

    Raises:
        CannotBreak: An edit does not fit.
    """
    with tempfile.TemporaryDirectory(prefix="fairlead-mutant-") as folder:
        copy = Path(folder)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, copy / name)
        for name, text in edited(mutant).items():
            (copy / name).write_text(text)
        yield copy


def edited(mutant: Mutant) -> dict[str, str]:
    """The files that the mutant changes, changed.

    Raises:
        CannotBreak: An edit does not fit.
    """
    files: dict[str, str] = {}
    for edit in mutant.edits:
        source = files.get(edit.path) or (ROOT / edit.path).read_text()
        if source.count(edit.old) != 1:
            raise CannotBreak(f"{mutant.name}: {edit.path} has not exactly once: {edit.old!r}")
        files[edit.path] = source.replace(edit.old, edit.new)
    return files


def examine(mutant: Mutant) -> Outcome:
    """Run its tests on the broken copy until the first fails."""
    started = time.monotonic()
    with broken(mutant) as copy:
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-x", "-n0", "--tb=no"),
                *("-p", "no:cacheprovider"),
                *mutant.tests,
            ],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            check=False,
            text=True,
            timeout=WITHIN_S,
        )
    found = FAILED.search(ran.stdout) if ran.returncode == SOME_FAILED else None
    if found is None and ran.returncode != 0:
        raise CannotBreak(f"{mutant.name}: nothing was tested:\n{ran.stdout[-2_000:]}{ran.stderr}")
    return Outcome(mutant, found and found.group(1), time.monotonic() - started)


def main() -> int:
    """Examine the mutants and print a line for each."""
    options = argparse.ArgumentParser(description="Break the engine and see who notices.")
    options.add_argument("--quick", action="store_true", help="those that need no server")
    options.add_argument("names", nargs="*", help="parts of names; all if none is given")
    given = options.parse_args()
    chosen = [
        mutant
        for mutant in MUTANTS
        if (mutant.is_quick or not given.quick)
        and (not given.names or any(part in mutant.name for part in given.names))
    ]
    if not chosen:
        options.error("no mutant is called like that; known: " + "; ".join(m.name for m in MUTANTS))
    survivors = 0
    for mutant in chosen:
        try:
            outcome = examine(mutant)
        except CannotBreak as error:
            survivors += 1
            print(f"CANNOT BE MADE  {error}")  # noqa: T201
            continue
        survivors += outcome.caught_by is None
        verdict = "SURVIVES" if outcome.caught_by is None else "caught"
        by = "" if outcome.caught_by is None else f" by {outcome.caught_by}"
        print(f"{verdict:9} {mutant.name} ({outcome.took_s:.0f} s){by}", flush=True)  # noqa: T201
    print(f"{len(chosen)} mutants, {survivors} not caught")  # noqa: T201
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
