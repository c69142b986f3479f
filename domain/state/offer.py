"""Leads that were given to a manager who has done nothing with them yet (D7.2, D7.3)."""

from datetime import datetime

from contracts.events import LeadKind
from domain.state.rows import Row, Unchanging, WrittenRow, instant, micros


class Offer(Unchanging, frozen=True, kw_only=True):
    """A lead's present place in its pass.

    Attributes:
        charged_units: What the lead cost its manager in the ledger.
        held_at: Since when Kommo shows them as responsible, and the clock runs; None before.
        written_at: Kommo's time of our write: what it dates after that is not our doing.
        tried: Who let it lapse before them, in order.
        decide_at: When it is passed on without an answer of Kommo; None while Kommo was not
            asked.
        kinds: Of which kinds the lead is (D3.9).
    """

    request_id: str
    attempt: int
    rule_id: str
    manager_id: int
    ledger: str
    charged_units: int
    offered_at: datetime
    held_at: datetime | None = None
    written_at: datetime | None = None
    tried: tuple[int, ...] = ()
    decide_at: datetime | None = None
    kinds: tuple[LeadKind, ...] = ()


def dump_offer(offer: Offer) -> Row:
    """The offer as a row."""
    return [
        offer.request_id,
        offer.attempt,
        offer.rule_id,
        offer.manager_id,
        offer.ledger,
        offer.charged_units,
        micros(offer.offered_at),
        micros(offer.held_at),
        micros(offer.written_at),
        offer.tried,
        micros(offer.decide_at),
        offer.kinds,
    ]


class WrittenOffer(WrittenRow):
    """An offer as it was written, its lead's id before it."""

    lead_id: int
    request_id: str
    attempt: int
    rule_id: str
    manager_id: int
    ledger: str
    charged_units: int
    offered_at: int
    held_at: int | None
    written_at: int | None
    tried: tuple[int, ...]
    decide_at: int | None
    kinds: tuple[LeadKind, ...]

    def record(self) -> Offer:
        """The offer."""
        return Offer(
            request_id=self.request_id,
            attempt=self.attempt,
            rule_id=self.rule_id,
            manager_id=self.manager_id,
            ledger=self.ledger,
            charged_units=self.charged_units,
            offered_at=instant(self.offered_at),
            held_at=instant(self.held_at),
            written_at=instant(self.written_at),
            tried=self.tried,
            decide_at=instant(self.decide_at),
            kinds=self.kinds,
        )
