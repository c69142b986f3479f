"""The short and the long form of a fault test, and the numbers that it is judged by.

A test marked `fault`, or named as an attack (`test_attack_S4_...`), is the same function in both
forms: `make test` runs it once, `make campaign` as often as `FAIRLEAD_CAMPAIGN_ROUNDS` says, each
time with other chance.
"""

import os
from dataclasses import dataclass

import pytest

ROUNDS_VARIABLE = "FAIRLEAD_CAMPAIGN_ROUNDS"
PROPERTY = "tally"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the requests of one round.

    Attributes:
        accepted: Leads that we said yes to; repeats of one are one.
        decided: Leads that somebody was chosen for.
        confirmed: Leads that Kommo holds as decided; None where no Kommo is part of the test.
        lost: Accepted and not decided, or decided and not set.
        twice: Decided or set more than once.
    """

    accepted: int
    decided: int
    confirmed: int | None = None
    lost: int
    twice: int


def rounds() -> int:
    """How often a fault test is run."""
    return int(os.environ.get(ROUNDS_VARIABLE, "1"))


def is_fault(item: pytest.Item) -> bool:
    """Whether it has a long form; attacks are told by their name alone."""
    is_attack = item.name.startswith("test_attack_")
    return is_attack or item.get_closest_marker("fault") is not None
