"""What people are being told of decisions (D12.2)."""

from typing import NamedTuple, Self

from contracts.events import ChoiceReason, DutyCause, NoticeKind, NoticeRequested
from domain.state.rows import Row, Unchanging, WrittenRow


class Why(NamedTuple):
    """What singled a lead's manager out, and why it went to duty if it did."""

    reason: ChoiceReason
    because: DutyCause | None


class OpenNotice(Unchanging, frozen=True, kw_only=True):
    """A note or a task that Kommo does not hold yet, as far as we know."""

    lead_id: int
    manager_id: int

    @classmethod
    def of(cls, event: NoticeRequested) -> Self:
        """What is kept of the order."""
        return cls(lead_id=event.lead_id, manager_id=event.manager_id)


def dump_notice(notice: OpenNotice) -> Row:
    """The notice as a row."""
    return [notice.lead_id, notice.manager_id]


class WrittenNotice(WrittenRow):
    """A notice as it was written, its decision and kind before it."""

    order_id: str
    kind: NoticeKind
    lead_id: int
    manager_id: int

    def record(self) -> OpenNotice:
        """The notice."""
        return OpenNotice(lead_id=self.lead_id, manager_id=self.manager_id)


class WrittenWhy(WrittenRow):
    """Why a lead's manager was chosen, the lead before it."""

    lead_id: int
    reason: ChoiceReason
    because: DutyCause | None

    def record(self) -> Why:
        """The reason."""
        return Why(self.reason, self.because)
