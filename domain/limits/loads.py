"""How many open leads each manager has, by stage (D5.2, D11.1)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.stage import CLOSED_STATUSES, Stage


@dataclass(slots=True)
class Loads:
    """Open leads by manager and stage; entries at 0 are dropped, so equal states are equal."""

    by_manager: dict[int, dict[Stage, int]] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, leads: Iterable[tuple[int | None, Stage]]) -> "Loads":
        """Those of so many leads, each with its owner and its stage."""
        loads = cls()
        for (owner_id, stage), count in Counter(leads).items():
            loads._add(stage, owner_id, count)
        return loads

    def move(
        self, *, stage: Stage | None, owner_id: int | None, to: Stage | None, to_id: int | None
    ) -> None:
        """One lead stops counting at (stage, owner) and counts at (to, to_id) instead.

        No stage, a closed stage or no owner means that it does not count there.
        """
        self._add(stage, owner_id, -1)
        self._add(to, to_id, +1)

    def count(self, manager_id: int, stages: tuple[Stage, ...] | None) -> int:
        """A manager's open leads at the stages, or at all of them."""
        if stages is None:
            return self.totals.get(manager_id, 0)
        counts = self.by_manager.get(manager_id, {})
        return sum(counts.get(stage, 0) for stage in stages)

    def _add(self, stage: Stage | None, manager_id: int | None, change: int) -> None:
        if stage is None or manager_id is None or stage.status_id in CLOSED_STATUSES:
            return
        counts = self.by_manager.setdefault(manager_id, {})
        counts[stage] = counts.get(stage, 0) + change
        self.totals[manager_id] = self.totals.get(manager_id, 0) + change
        assert counts[stage] >= 0, "a load is never negative"
        if not counts[stage]:
            del counts[stage]
        if not self.totals[manager_id]:
            del self.totals[manager_id], self.by_manager[manager_id]
