"""What a rule says of leads that are somebody's already: who counts, how long they may be away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from contracts.events import LEAD, ReadingPart
from contracts.rules import OwnersSection
from contracts.sentences import sentence
from domain.schedule import Problem, Schedule

CENT = 100  # of an hour: `wait_hours` carries at most two decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerPolicy:
    """The section `owners` of a rule (D6.1 to D6.3).

    Attributes:
        sources: Whose responsible is looked for, in order.
        owner_ids: Who counts as an owner.
        waits: How much working time an owner may be away and is still waited for.
        hours: Whose working time that is, the account's default; None is the clock's.
        schedule_by_owner: When each owner is on shift; None is always.
        debt_max_units: The most an owner may owe for leads that count; None if none does.
        keeps_others: Whether an employee's lead that is no owner's is left alone.
        keep_for: Whose leads that is about; None is every active user.
    """

    sources: tuple[ReadingPart, ...]
    owner_ids: tuple[int, ...]
    waits: timedelta
    hours: Schedule | None
    schedule_by_owner: dict[int, Schedule | None]
    ignores_limits: bool
    limit_by_owner: dict[int, int | None]
    debt_max_units: int | None
    keeps_others: bool
    keep_for: tuple[int, ...] | None

    def reading_parts(self) -> tuple[ReadingPart, ...]:
        """What has to be read for it, if the lead's own responsible is known."""
        return tuple(source for source in self.sources if source != "lead")


def compile_owner_policy(
    section: OwnersSection | None,
    participants: Iterable[tuple[int, Schedule | None, int | None]],
    default: Schedule | None,
) -> OwnerPolicy | None:
    """The policy of a rule, None without one.

    Args:
        section: What the administrator wrote.
        participants: Manager, their schedule and their limit.
        default: The account's default schedule.
    """
    if section is None:
        return None
    known = {manager_id: (schedule, limit) for manager_id, schedule, limit in participants}
    owner_ids = tuple(sorted(known if section.among is None else section.among))
    each = {owner_id: known.get(owner_id, (default, None)) for owner_id in owner_ids}
    return OwnerPolicy(
        sources=tuple(section.sources),
        owner_ids=owner_ids,
        waits=timedelta(hours=1) * int(section.wait_hours * CENT) // CENT,
        hours=default,
        schedule_by_owner={owner_id: schedule for owner_id, (schedule, _) in each.items()},
        ignores_limits=section.ignore_limits,
        limit_by_owner={owner_id: limit for owner_id, (_, limit) in each.items()},
        debt_max_units=None if section.debt_max is None else section.debt_max * LEAD,
        keeps_others=section.others == "keep",
        keep_for=None if section.keep_for is None else tuple(sorted(section.keep_for)),
    )


def owner_problems(section: OwnersSection) -> list[Problem]:
    """What is wrong beyond single fields."""
    found: list[Problem] = []
    for number, source in enumerate(section.sources):
        first = section.sources.index(source)
        if first != number:
            twice = sentence("problem.source_twice", source=source, first=first)
            found.append((("sources", number), twice))
    if section.keep_for is not None and section.others != "keep":
        found.append((("keep_for",), sentence("problem.keep_for_unused")))
    return found
