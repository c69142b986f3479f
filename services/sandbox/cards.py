"""Contacts, companies, tasks and notes: what belongs to leads.

Each change puts a new value in place of the old one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

Kind = Literal["contacts", "companies", "tasks"]
CardKind = Literal["contacts", "companies"]
TASK_TYPES: Final[Mapping[int, tuple[str, str]]] = {
    1: ("Follow-up", "FOLLOW_UP"),
    2: ("Meeting", "MEETING"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A contact or a company, with its fields under the names of REST v4.

    Attributes:
        company_id: Of a contact: where they work.
        is_hidden: Came with an incoming lead that nobody has accepted yet, so it cannot be reached.
    """

    id: int
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    responsible_user_id: int
    created_at: int
    updated_at: int
    created_by: int = 0
    updated_by: int = 0
    is_deleted: bool = False
    is_hidden: bool = False
    custom_fields_values: tuple[Mapping[str, Any], ...] | None = None
    tags: tuple[tuple[int, str], ...] = ()
    company_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of a lead, a contact or a company, with its fields under the names of REST v4.

    Attributes:
        entity_id: None for a task that belongs to nothing.
        result: What came of it; None while nobody has said.
    """

    id: int
    text: str = "Call"
    responsible_user_id: int
    entity_id: int | None = None
    entity_type: Literal["leads", "contacts", "companies"] | None = "leads"
    is_completed: bool = False
    task_type_id: int = 1
    duration: int = 0
    result: str | None = None
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


class CardChange(NamedTuple):
    """An entity before and after a change; the same twice when nothing was altered."""

    old: Any
    new: Any


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

    def change(self, patches: Iterable[CardPatch], *, by: int, now: int) -> list[CardChange]:
        """Set fields; a patch that alters nothing leaves no trace."""
        changes = []
        for patch in patches:
            old = self.by_id[patch.card_id]
            new = replace(old, **patch.fields)
            if new != old:
                stamps = {"updated_at": now, "updated_by": by}
                new = replace(new, **{**stamps, **_stamps_given(patch.fields)})
                self.by_id[patch.card_id] = new
            changes.append(CardChange(old, new))
        return changes

    def shown(self, card_id: int) -> Any | None:  # noqa: ANN401 - whatever the box holds
        """One that can be reached."""
        card = self.by_id.get(card_id)
        return card if card is not None and is_shown(card) else None


def is_shown(card: Any) -> bool:  # noqa: ANN401 - whatever a box holds
    """Whether it can be reached: only contacts and companies can be hidden."""
    return not card.is_deleted and not getattr(card, "is_hidden", False)


def _stamps_given(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: fields[name] for name in ("updated_at", "updated_by") if name in fields}
