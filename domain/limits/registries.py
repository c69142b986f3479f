"""Registries: in which calendar period rules count together what everybody got (D3.10)."""

from dataclasses import dataclass
from datetime import datetime

from contracts.rules import EvenPeriod
from domain.limits.caps import period_of

ACCOUNT_REGISTRY = "account"  # of the rules that name none


@dataclass(frozen=True, slots=True)
class Registry:
    """Where rules count what everybody got, and for how long."""

    name: str
    period: EvenPeriod
    zone_name: str

    def begins_at(self, at: datetime) -> datetime:
        """The begin of the calendar period an instant is in."""
        return period_of(self.period, self.zone_name, at)[0]
