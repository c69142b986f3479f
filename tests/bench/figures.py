"""Medians with their range, and ratios of two things measured in turn."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result; several runs of one number."""

    name: str
    runs: Sequence[float]
    unit: str = ""

    def __str__(self) -> str:
        middle = statistics.median(self.runs)
        spread = f"{min(self.runs):,.4g} to {max(self.runs):,.4g}"
        return f"{self.name:<74}{middle:>10,.4g} {self.unit:<9} ({spread})"


def ratio(name: str, ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Run by run, because a machine's speed drifts."""
    return Figure(name, [a / b for a, b in zip(ours, theirs, strict=True)], "times")


def machine() -> str:
    """What the absolute numbers are of, its load before the start included."""
    load, _, _ = os.getloadavg()
    python = platform.python_version()
    return f"{platform.platform()}, {os.cpu_count()} cores, load {load:.1f}, Python {python}"
