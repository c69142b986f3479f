"""The account's list of events, as `GET /api/v4/events` shows it.

Bounded: the oldest are forgotten, as Kommo forgets them after a time it does not tell.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.sandbox.model import Action, CrmChange

KEPT_MAX: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event.

    Attributes:
        contact_id: Of a message in a talk: the client, by whom alone the list can be filtered.
    """

    id: str
    type: str
    entity_id: int
    entity_type: str
    created_by: int
    created_at: int
    value_after: Sequence[Any] = ()
    value_before: Sequence[Any] = ()
    contact_id: int | None = None

    @property
    def found_as(self) -> tuple[str, int]:
        """The entity a filter has to name; shown is another one for a message of a lead's talk."""
        if self.contact_id is not None:
            return "contact", self.contact_id
        return self.entity_type, self.entity_id


@dataclass(slots=True)
class Happenings:
    """All that is remembered, the oldest first."""

    kept: deque[Happening] = field(default_factory=lambda: deque(maxlen=KEPT_MAX))
    _number: int = 0

    def add(self, **what: Any) -> None:  # noqa: ANN401 - the fields of Happening
        """Remember one."""
        self._number += 1
        self.kept.append(Happening(id=f"01k7{self._number:022d}", **what))

    def note_changes(self, changes: Iterable[CrmChange]) -> None:
        """Remember what was changed on leads."""
        for change in changes:
            for kind, before, after in _told(change):
                self.add(
                    type=kind,
                    entity_id=change.lead.id,
                    entity_type="lead",
                    created_by=change.author.user_id,
                    created_at=change.lead.updated_at,
                    value_before=before,
                    value_after=after,
                )


def _told(change: CrmChange) -> Iterable[tuple[str, Sequence[Any], Sequence[Any]]]:
    lead, actions = change.lead, change.actions
    if Action.ADD in actions:
        yield "lead_added", (), ({"note": {"id": 42_000_000 + lead.id}},)
    if Action.DELETE in actions:
        yield "lead_deleted", (), ()
    if Action.RESTORE in actions:
        yield "lead_restored", (), ()
    if change.old_stage is not None:
        before = {"id": change.old_stage.status_id, "pipeline_id": change.old_stage.pipeline_id}
        after = {"id": lead.status_id, "pipeline_id": lead.pipeline_id}
        yield "lead_status_changed", ({"lead_status": before},), ({"lead_status": after},)
    if (old := change.old_responsible_user_id) is not None:
        new = lead.responsible_user_id
        yield (
            "entity_responsible_changed",
            ({"responsible_user": {"id": old}},),
            ({"responsible_user": {"id": new}},),
        )
