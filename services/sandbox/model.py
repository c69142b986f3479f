"""The state of a Kommo account, and the changes that people and the API make to it.

A lead is a frozen value: each change puts a new one in its place, so a `Change` can carry the
lead as it was at that moment while hooks about it wait for their turn.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from contracts.stage import CLOSED_STATUSES, Stage
from services.sandbox.cards import Box, Kind

INCOMING = 1
ROBOT = 0


@dataclass(slots=True, kw_only=True)
class User:
    """A person with access to the account."""

    id: int
    name: str
    email: str
    is_admin: bool = False
    is_active: bool = True
    is_free: bool = False
    group_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A column of a pipeline; type 1 is Incoming leads."""

    id: int
    name: str
    sort: int
    type: int = 0
    color: str = "#99ccff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline with its statuses in order of their sort."""

    id: int
    name: str
    sort: int
    statuses: tuple[Status, ...]
    is_main: bool = False

    def has(self, status_id: int) -> bool:
        """Say whether the status is a column of this pipeline."""
        return any(status.id == status_id for status in self.statuses)

    def first_status_id(self) -> int:
        """Name the first ordinary column: where a lead lands when only the pipeline is given."""
        return next(status.id for status in self.statuses if status.type != INCOMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A lead with its fields under the names of REST v4."""

    id: int
    name: str
    pipeline_id: int
    status_id: int
    responsible_user_id: int
    created_at: int
    updated_at: int
    price: int = 0
    created_by: int = ROBOT
    updated_by: int = ROBOT
    closed_at: int | None = None
    loss_reason_id: int | None = None
    is_deleted: bool = False
    tags: tuple[tuple[int, str], ...] = ()
    custom_fields_values: tuple[Mapping[str, Any], ...] | None = None
    contact_ids: tuple[int, ...] = ()  # the main one first
    company_id: int | None = None
    source_id: int | None = None

    @property
    def stage(self) -> Stage:
        """The column the lead is in."""
        return Stage(self.pipeline_id, self.status_id)


@dataclass(slots=True, kw_only=True)
class Subscription:
    """An account webhook; `disabled` is set by the server after too many bad answers."""

    id: int
    destination: str
    settings: tuple[str, ...]
    created_at: int
    updated_at: int
    created_by: int
    sort: int = 1
    disabled: bool = False

    @property
    def key(self) -> str:
        """How the journal names it, without its secret path."""
        return f"webhook:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A digital pipeline action on a stage."""

    id: int
    stage: Stage
    destination: str
    kind: Literal["plain", "widget"]
    settings: Mapping[str, str]

    @property
    def key(self) -> str:
        """How the journal names it, without its secret path."""
        return f"trigger:{self.id}"


class Action(StrEnum):
    """What an account webhook says has happened to a lead."""

    ADD = "add"
    UPDATE = "update"
    STATUS = "status"
    RESPONSIBLE = "responsible"
    DELETE = "delete"
    RESTORE = "restore"


class Author(NamedTuple):
    """Who made a change, and by which way; user 0 is the robot."""

    via: Literal["api", "human"]
    user_id: int


class LeadPatch(NamedTuple):
    """Fields to set on one lead, already checked; names as in `Lead`."""

    lead_id: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one lead: the lead right after it, and what was there before."""

    lead: Lead
    actions: tuple[Action, ...]
    author: Author
    old_stage: Stage | None = None
    old_responsible_user_id: int | None = None

    @property
    def enters_stage(self) -> bool:
        """Whether the lead came into its stage by this change, so that triggers fire."""
        return Action.ADD in self.actions or Action.STATUS in self.actions


@dataclass(slots=True, kw_only=True)
class Account:
    """One account; ids are handed out in order and never reused."""

    id: int
    name: str
    subdomain: str
    timezone: str
    timezone_offset: str
    users: dict[int, User]
    pipelines: dict[int, Pipeline]
    leads: dict[int, Lead] = field(default_factory=dict)
    contacts: Box = field(default_factory=lambda: Box(800_001))
    companies: Box = field(default_factory=lambda: Box(700_001))
    tasks: Box = field(default_factory=lambda: Box(600_001))
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    triggers: dict[int, Trigger] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict, repr=False)
    next_lead_id: int = 900_001
    next_hook_id: int = 1

    def admin_id(self) -> int:
        """Name the first administrator."""
        return next(user.id for user in self.users.values() if user.is_admin)

    def has_stage(self, stage: Stage) -> bool:
        """Say whether the pipeline exists and has the status."""
        pipeline = self.pipelines.get(stage.pipeline_id)
        return pipeline is not None and pipeline.has(stage.status_id)

    def box(self, kind: Kind) -> Box:
        """All contacts, companies or tasks."""
        return {"contacts": self.contacts, "companies": self.companies, "tasks": self.tasks}[kind]

    def leads_by_card(self, kind: Kind) -> dict[int, list[int]]:
        """The leads that are linked to each contact or company."""
        found: dict[int, list[int]] = defaultdict(list)
        for lead in self.leads.values():
            company_ids = () if lead.company_id is None else (lead.company_id,)
            linked = lead.contact_ids if kind == "contacts" else company_ids
            for card_id in linked if not lead.is_deleted else ():
                found[card_id].append(lead.id)
        return found

    def new_hook_id(self) -> int:
        """Hand out the id of a webhook or trigger."""
        self.next_hook_id += 1
        return self.next_hook_id - 1

    def create(self, drafts: Iterable[Mapping[str, Any]], author: Author, now: int) -> list[Change]:
        """Make leads of drafts that name at least the stage and the responsible user."""
        changes = []
        for draft in drafts:
            stamps = {
                "created_at": now,
                "updated_at": now,
                "created_by": author.user_id,
                "updated_by": author.user_id,
                "name": "",
            }
            lead = Lead(**{**stamps, **draft, "id": self.next_lead_id})
            self.next_lead_id += 1
            self.leads[lead.id] = lead
            changes.append(Change(lead=lead, actions=(Action.ADD,), author=author))
        return changes

    def change(self, patches: Iterable[LeadPatch], author: Author, now: int) -> list[Change]:
        """Set fields of existing leads; a patch that alters nothing leaves no trace at all."""
        changes = []
        for patch in patches:
            old = self.leads[patch.lead_id]
            new = replace(old, **patch.fields)
            if new == old:
                continue
            signed = Author(author.via, patch.fields.get("updated_by", author.user_id))
            change = _difference(old, _stamped(old, new, patch, signed, now), signed)
            self.leads[patch.lead_id] = change.lead
            changes.append(change)
        return changes

    def delete(self, lead_ids: Iterable[int], author: Author, now: int) -> list[Change]:
        """Put leads into the bin; only people can do this."""
        return self._bin(lead_ids, author, now, deleted=True)

    def restore(self, lead_ids: Iterable[int], author: Author, now: int) -> list[Change]:
        """Take leads out of the bin."""
        return self._bin(lead_ids, author, now, deleted=False)

    def _bin(
        self, lead_ids: Iterable[int], author: Author, now: int, *, deleted: bool
    ) -> list[Change]:
        changes = []
        for lead_id in lead_ids:
            old = self.leads[lead_id]
            if old.is_deleted == deleted:
                continue
            lead = replace(old, is_deleted=deleted, updated_at=now, updated_by=author.user_id)
            self.leads[lead_id] = lead
            action = Action.DELETE if deleted else Action.RESTORE
            changes.append(Change(lead=lead, actions=(action,), author=author))
        return changes


def _stamped(old: Lead, new: Lead, patch: LeadPatch, author: Author, now: int) -> Lead:
    closed_at = new.closed_at
    if new.status_id != old.status_id and "closed_at" not in patch.fields:
        closed_at = now if new.status_id in CLOSED_STATUSES else None
    return replace(
        new,
        updated_at=patch.fields.get("updated_at", now),
        updated_by=author.user_id,
        closed_at=closed_at,
    )


def _difference(old: Lead, new: Lead, author: Author) -> Change:
    actions = [Action.UPDATE]
    moved = old.stage != new.stage
    handed_over = old.responsible_user_id != new.responsible_user_id
    if moved:
        actions.append(Action.STATUS)
    if handed_over:
        actions.append(Action.RESPONSIBLE)
    return Change(
        lead=new,
        actions=tuple(actions),
        author=author,
        old_stage=old.stage if moved else None,
        old_responsible_user_id=old.responsible_user_id if handed_over else None,
    )
