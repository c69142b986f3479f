"""What each manager got of the leads of each source, against their fair share of them (D3.9)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from contracts.events import LEAD, Recorded, RulesApplied
from contracts.rules import RulesFile
from domain.configuration import ACCOUNT_LEDGER
from domain.explain.kinds import Ledgers
from domain.kinds import compile_kinds
from projections import fairness
from services.demo.sample.rules import SOURCES


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceShare:
    """One manager, of the leads of one source; shares in leads, exact."""

    manager_id: int
    source: str
    assigned: int
    fair_share: Fraction

    @property
    def deviation(self) -> Fraction:
        """Leads above the fair share, below it when negative."""
        return self.assigned - self.fair_share


def source_shares(events: Sequence[Recorded]) -> list[SourceShare]:
    """By source and manager, of the ledger of the demo's table, from the events alone."""
    rows = fairness.kinds_after({}, events)
    return [
        SourceShare(
            manager_id=row.manager_id,
            source=SOURCES.get(row.kind, "no source"),
            assigned=row.assigned,
            fair_share=Fraction(row.share_units, LEAD),
        )
        for _, row in sorted(rows.items())
        if row.ledger == ACCOUNT_LEDGER and row.what == "source"
    ]


def told_apart(events: Iterable[Recorded]) -> Ledgers:
    """What the demo's rules tell leads apart in, to name kinds."""
    applied = (each.event for each in events if isinstance(each.event, RulesApplied))
    rules = next(applied, None)
    return {} if rules is None else compile_kinds(RulesFile.model_validate(rules.rules).ledgers)


def furthest(shares: Sequence[SourceShare], manager_id: int) -> Fraction:
    """The deviation of a manager in the source in which it is largest."""
    own = [share.deviation for share in shares if share.manager_id == manager_id]
    return max(own, key=abs, default=Fraction(0))
