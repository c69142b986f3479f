"""Contacts, companies and tasks: what belongs to leads.

Each change puts a new value in place of the old one. Nobody is told by hooks: of these entities the
engine reads what it needs, when it needs it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

Kind = Literal["contacts", "companies", "tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A contact or a company, with its fields under the names of REST v4."""

    id: int
    name: str = ""
    responsible_user_id: int
    created_at: int
    updated_at: int
    created_by: int = 0
    updated_by: int = 0
    is_deleted: bool = False
    custom_fields_values: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of a lead, a contact or a company, with its fields under the names of REST v4."""

    id: int
    text: str = "Call"
    responsible_user_id: int
    entity_id: int
    entity_type: Literal["leads", "contacts", "companies"] = "leads"
    is_completed: bool = False
    task_type_id: int = 1
    complete_till: int
    created_at: int
    updated_at: int
    created_by: int = 0
    updated_by: int = 0
    is_deleted: bool = False


class CardPatch(NamedTuple):
    """Fields to set on one entity, already checked."""

    card_id: int
    fields: Mapping[str, Any]


@dataclass(slots=True)
class Box:
    """All entities of a kind; ids are handed out in order and never reused."""

    next_id: int
    by_id: dict[int, Any] = field(default_factory=dict)

    def add(self, shape: type[Any], draft: Mapping[str, Any], *, by: int, now: int) -> int:
        """Make one of a draft; its id."""
        stamps = {"created_at": now, "updated_at": now, "created_by": by, "updated_by": by}
        made = shape(**{**stamps, **draft, "id": self.next_id})
        self.by_id[made.id] = made
        self.next_id += 1
        return self.next_id - 1

    def change(self, patches: Iterable[CardPatch], *, by: int, now: int) -> list[Any]:
        """Set fields; a patch that alters nothing leaves no trace. All that were meant, as now."""
        meant = []
        for patch in patches:
            old = self.by_id[patch.card_id]
            new = replace(old, **patch.fields)
            if new != old:
                self.by_id[patch.card_id] = replace(new, updated_at=now, updated_by=by)
            meant.append(self.by_id[patch.card_id])
        return meant
