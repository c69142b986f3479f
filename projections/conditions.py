"""A statement with only those conditions that are asked for.

A condition that may be none hides the index from the planner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.stage import Stage

STAGES = """(pipeline_id, status_id) IN (SELECT * FROM
    unnest(${n}::bigint[], ${m}::bigint[]))"""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a statement asks for, and the arguments of that."""

    conditions: list[str]
    arguments: list[Any]

    def where(self, condition: str, *values: object) -> None:
        """Add a condition with numbered places; one that has no value is none."""
        if None in values:
            return
        first = len(self.arguments) + 1
        self.arguments.extend(values)
        self.conditions.append(condition.format(n=first, m=first + 1))

    def one_of(self, column: str, kind: str, wanted: Sequence[object]) -> None:
        """A single value as such: only then its index gives the order, too."""
        if len(wanted) == 1:
            self.where(f"{column} = ${{n}}::{kind}", wanted[0])
        elif wanted:
            self.where(f"{column} = ANY(${{n}}::{kind}[])", list(wanted))

    def stages(self, wanted: Sequence[Stage]) -> None:
        """The same for pairs."""
        if len(wanted) == 1:
            self.where("pipeline_id = ${n}::bigint AND status_id = ${m}::bigint", *wanted[0])
        elif wanted:
            pipelines, statuses = zip(*wanted, strict=True)
            self.where(STAGES, list(pipelines), list(statuses))

    def __str__(self) -> str:
        """All of them, as they stand behind WHERE."""
        return " AND ".join(self.conditions)
