"""Who has duty when: the compiled form of a rule's `duty` section (D7.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contracts.rules import DutySection
from contracts.sentences import sentence
from domain.schedule import Problem, Schedule


@dataclass(frozen=True, slots=True)
class DutyManager:
    """One entry of the rota; no schedule is at all hours."""

    manager_id: int
    schedule: Schedule | None


@dataclass(frozen=True, slots=True)
class Rota:
    """The duty managers in the order they are asked.

    Attributes:
        fallback_id: Takes the lead whenever nobody of the rota has duty.
    """

    managers: tuple[DutyManager, ...]
    fallback_id: int | None


def compile_rota(section: DutySection, schedules: Mapping[str, Schedule]) -> Rota:
    """Compile a section that has no problems."""
    if section.manager is not None:
        return Rota((DutyManager(section.manager, None),), section.fallback)
    return Rota(
        tuple(
            DutyManager(entry.manager, schedules[entry.schedule] if entry.schedule else None)
            for entry in section.rota or ()
        ),
        section.fallback,
    )


def rota_problems(section: DutySection) -> Iterator[Problem]:
    """What is wrong with a section beyond its single fields, but for unknown schedules."""
    if section.manager is None and section.rota is None:
        yield (), sentence("problem.duty_empty")
    if section.manager is not None and section.rota is not None:
        yield (), sentence("problem.duty_twice")
