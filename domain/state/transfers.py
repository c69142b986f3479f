"""What belongs to a lead and is on its way to the lead's manager (D6.4)."""

from dataclasses import astuple, dataclass

from contracts.events import LinkedKind, LinkedObject, LinkedRequested, Transfer
from domain.state.rows import Row, WrittenRow, instant, micros

Thing = tuple[LinkedKind, int]


@dataclass(slots=True, kw_only=True)
class Transfers:
    """The transfers of one decision that Kommo has not confirmed yet, by kind and id."""

    request_id: str
    lead_id: int
    under_way: dict[Thing, Transfer]


def dump_transfers(transfers: Transfers) -> Row:
    """The transfers as a row."""
    return [transfers.request_id, transfers.lead_id, list(transfers.under_way.values())]


class WrittenTransfers(WrittenRow):
    """Transfers as they were written, the id of their order before them."""

    order_id: str
    request_id: str
    lead_id: int
    under_way: tuple[Transfer, ...]

    def record(self) -> Transfers:
        """The transfers."""
        return Transfers(
            request_id=self.request_id,
            lead_id=self.lead_id,
            under_way={(each.kind, each.entity_id): each for each in self.under_way},
        )


def dump_linking(asked: LinkedRequested) -> Row:
    """A reading of linked things that was asked for, as a row."""
    return [*astuple(asked)[:-1], micros(asked.at)]


class WrittenLinking(WrittenRow):
    """A reading of linked things as it was written."""

    order_id: str
    request_id: str
    lead_id: int
    manager_id: int
    objects: tuple[LinkedObject, ...]
    only_for: tuple[int, ...]
    at: int

    def record(self) -> LinkedRequested:
        """The reading."""
        return LinkedRequested(
            order_id=self.order_id,
            request_id=self.request_id,
            lead_id=self.lead_id,
            manager_id=self.manager_id,
            objects=self.objects,
            only_for=self.only_for,
            at=instant(self.at),
        )
