"""Where contacts, companies, tasks and notes are made and changed, so that each change is told.

The same for people at the screen and for the API.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.sandbox.announcer import Announcer
from services.sandbox.card_hooks import card_notice, gone_notice, task_notice
from services.sandbox.cards import Card, CardChange, CardKind, CardPatch, Kind, Task
from services.sandbox.clock import SandboxClock
from services.sandbox.happenings import Happenings
from services.sandbox.model import Author, CrmAccount
from services.sandbox.notes import EVENTS, SINGULAR, Note, note_notice

Drafts = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDesk:
    """What is done to all that belongs to leads; silent deeds have no hook."""

    account: CrmAccount
    announcer: Announcer
    happenings: Happenings
    clock: SandboxClock

    def add_notes(self, drafts: Drafts, author: Author, *, silent: bool = False) -> list[Note]:
        """Write notes."""
        box, now = self.account.notes, self.clock.second()
        ids = [box.add(Note, draft, by=author.user_id, now=now) for draft in drafts]
        notes: list[Note] = [box.by_id[note_id] for note_id in ids]
        for note in notes:
            self.happenings.add(
                type=EVENTS[note.note_type],
                entity_id=note.entity_id,
                entity_type=SINGULAR[note.entity_type],
                created_by=note.created_by,
                created_at=note.created_at,
                value_after=({"note": {"id": note.id}},),
            )
        if not silent:
            self.announcer.notify([note_notice(self.account.id, note) for note in notes])
        return notes

    def change_notes(self, patches: Iterable[CardPatch], author: Author) -> list[Note]:
        """Edit notes; no hook tells of it."""
        now = self.clock.second()
        changes = self.account.notes.change(patches, by=author.user_id, now=now)
        return [change.new for change in changes]

    def add_tasks(self, drafts: Drafts, author: Author, *, silent: bool = False) -> list[Task]:
        """Make tasks."""
        box, now = self.account.tasks, self.clock.second()
        ids = [box.add(Task, draft, by=author.user_id, now=now) for draft in drafts]
        changes = [CardChange(None, box.by_id[task_id]) for task_id in ids]
        return self._told_tasks(changes, author, silent=silent)

    def change_tasks(
        self, patches: Iterable[CardPatch], author: Author, *, silent: bool = False
    ) -> list[Task]:
        """Set fields of tasks."""
        now = self.clock.second()
        changes = self.account.tasks.change(patches, by=author.user_id, now=now)
        return self._told_tasks(changes, author, silent=silent)

    def add_cards(
        self, kind: CardKind, drafts: Drafts, author: Author, *, silent: bool = False
    ) -> list[Card]:
        """Make contacts or companies."""
        box, now = self.account.box(kind), self.clock.second()
        ids = [box.add(Card, draft, by=author.user_id, now=now) for draft in drafts]
        changes = [CardChange(None, box.by_id[card_id]) for card_id in ids]
        return self._told_cards(kind, changes, author, silent=silent)

    def change_cards(
        self,
        kind: CardKind,
        patches: Iterable[CardPatch],
        author: Author,
        *,
        silent: bool = False,
    ) -> list[Card]:
        """Set fields of contacts or companies."""
        now = self.clock.second()
        changes = self.account.box(kind).change(patches, by=author.user_id, now=now)
        return self._told_cards(kind, changes, author, silent=silent)

    def delete(self, kind: Kind, ids: Iterable[int], author: Author) -> None:
        """Bin contacts, companies or tasks; only people can do this."""
        box, now = self.account.box(kind), self.clock.second()
        patches = [CardPatch(each, {"is_deleted": True}) for each in ids]
        for old, new in box.change(patches, by=author.user_id, now=now):
            if old != new:
                self._happened(f"{SINGULAR[kind]}_deleted", SINGULAR[kind], new, author)
                self.announcer.notify([gone_notice(kind, new.id)])

    def _told_tasks(
        self, changes: Sequence[CardChange], author: Author, *, silent: bool
    ) -> list[Task]:
        real = [change for change in changes if change.old != change.new]
        for change in real:
            for kind, before, after in _task_events(change):
                self._happened(kind, "task", change.new, author, before, after)
        if not silent:
            self.announcer.notify([task_notice(self.account.id, change) for change in real])
        return [change.new for change in changes]

    def _told_cards(
        self, kind: CardKind, changes: Sequence[CardChange], author: Author, *, silent: bool
    ) -> list[Card]:
        real = [change for change in changes if change.old != change.new]
        for change in real:
            self._note_card(SINGULAR[kind], change, author)
        if real and not silent and self.announcer.is_asked(SINGULAR[kind]):
            leads = self.account.leads_by_card(kind)
            self.announcer.notify(
                [
                    card_notice(self.account.id, kind, change, leads.get(change.new.id, ()))
                    for change in real
                ]
            )
        return [change.new for change in changes]

    def _note_card(self, kind: str, change: CardChange, author: Author) -> None:
        old, new = change
        if old is None:
            made = {"note": {"id": 42_000_000 + new.id}}
            self._happened(f"{kind}_added", kind, new, author, None, made)
            return
        if old.name != new.name:
            before, after = ({"name_field_value": {"name": card.name}} for card in change)
            self._happened("name_field_changed", kind, new, author, before, after)
        if old.responsible_user_id != new.responsible_user_id:
            before, after = (
                {"responsible_user": {"id": card.responsible_user_id}} for card in change
            )
            self._happened("entity_responsible_changed", kind, new, author, before, after)

    def _happened(
        self,
        what: str,
        kind: str,
        entity: Card | Task,
        author: Author,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        self.happenings.add(
            type=what,
            entity_id=entity.id,
            entity_type=kind,
            created_by=author.user_id,
            created_at=entity.updated_at,
            value_before=() if before is None else (before,),
            value_after=() if after is None else (after,),
        )


# Of each field of a task: the event that tells of its change, and where its value is in there.
_TASK_CHANGES: Final = {
    "text": ("task_text_changed", "task", "text"),
    "complete_till": ("task_deadline_changed", "task_deadline", "timestamp"),
    "task_type_id": ("task_type_changed", "task_type", "id"),
    "responsible_user_id": ("entity_responsible_changed", "responsible_user", "id"),
}
_TaskEvent = tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]


def _task_events(change: CardChange) -> Iterable[_TaskEvent]:
    old, new = change
    if old is None:
        yield "task_added", None, None
        return
    if new.is_completed and not old.is_completed:
        yield "task_completed", None, None
    if new.result != old.result and new.result is not None:
        yield "task_result_added", None, {"note": {"id": 43_000_000 + new.id}}
    for name, told in _TASK_CHANGES.items():
        if getattr(new, name) != getattr(old, name):
            kind, key, part = told
            yield (
                kind,
                {key: {part: getattr(old, name)}},
                {key: {part: getattr(new, name)}},
            )
