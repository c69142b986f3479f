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
from services.sandbox.catalogue import Widget, loss_reasons
from services.sandbox.fields import Field, FieldGroup, predefined
from services.sandbox.tagbook import TagBook

INCOMING = 1
ROBOT = 0


@dataclass(slots=True, kw_only=True)
class User:
    """A person with access to the account.

    Attributes:
        sees_no_leads: Has no right to see leads, whoever is responsible.
        hidden_stages: Pipelines and statuses whose leads they have no right to see.
    """

    id: int
    name: str
    email: str
    is_admin: bool = False
    is_active: bool = True
    is_free: bool = False
    group_id: int = 0
    sees_no_leads: bool = False
    hidden_stages: tuple[tuple[int, int], ...] = ()


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
class CrmLead:
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
class CrmChange:
    """One change of one lead: the lead right after it, and what was there before."""

    lead: CrmLead
    actions: tuple[Action, ...]
    author: Author
    old_stage: Stage | None = None
    old_responsible_user_id: int | None = None

    @property
    def enters_stage(self) -> bool:
        """Whether the lead came into its stage by this change, so that triggers fire."""
        return Action.ADD in self.actions or Action.STATUS in self.actions


def _fields() -> dict[str, dict[int, Field]]:
    return {kind: predefined(kind) for kind in ("leads", "contacts", "companies")}


def _field_groups() -> dict[str, dict[str, FieldGroup]]:
    return {kind: {} for kind in ("leads", "contacts", "companies")}


def _tag_books() -> dict[str, TagBook]:
    first = {"leads": 2_001, "contacts": 3_001, "companies": 4_001}
    return {kind: TagBook(next_id) for kind, next_id in first.items()}


@dataclass(slots=True, kw_only=True)
class CrmAccount:
    """One account; ids are handed out in order and never reused."""

    id: int
    name: str
    subdomain: str
    timezone: str
    timezone_offset: str
    users: dict[int, User]
    pipelines: dict[int, Pipeline]
    leads: dict[int, CrmLead] = field(default_factory=dict)
    contacts: Box = field(default_factory=lambda: Box(800_001))
    companies: Box = field(default_factory=lambda: Box(700_001))
    tasks: Box = field(default_factory=lambda: Box(600_001))
    notes: Box = field(default_factory=lambda: Box(500_001))
    fields: dict[str, dict[int, Field]] = field(default_factory=_fields)
    field_groups: dict[str, dict[str, FieldGroup]] = field(default_factory=_field_groups)
    tags: dict[str, TagBook] = field(default_factory=_tag_books)
    loss_reasons: Box = field(default_factory=loss_reasons)
    sources: Box = field(default_factory=lambda: Box(14_001))
    roles: Box = field(default_factory=lambda: Box(3_141))
    widgets: dict[str, Widget] = field(default_factory=dict)
    unsorted: dict[str, Any] = field(default_factory=dict)
    unsorted_count: int = 0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    triggers: dict[int, Trigger] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict, repr=False)
    next_lead_id: int = 900_001
    next_hook_id: int = 1
    first_asked: dict[int, int] = field(default_factory=dict)
    next_status_id: int = 61_100_001
    next_field_id: int = 184_001
    address: str = ""

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

    def has_entity(self, kind: str, entity_id: int) -> bool:
        """Say whether there is such a lead, contact or company, neither binned nor hidden."""
        if kind == "leads":
            lead = self.leads.get(entity_id)
            return lead is not None and not lead.is_deleted
        box = {"contacts": self.contacts, "companies": self.companies}.get(kind)
        return box is not None and box.shown(entity_id) is not None

    def leads_by_card(self, kind: Kind) -> dict[int, list[int]]:
        """The leads that are linked to each contact or company."""
        found: dict[int, list[int]] = defaultdict(list)
        for lead in self.leads.values():
            company_ids = () if lead.company_id is None else (lead.company_id,)
            linked = lead.contact_ids if kind == "contacts" else company_ids
            for card_id in linked if not lead.is_deleted else ():
                found[card_id].append(lead.id)
        return found

    def contacts_by_company(self) -> dict[int, list[int]]:
        """The contacts that work at each company."""
        found: dict[int, list[int]] = defaultdict(list)
        for contact in self.contacts.by_id.values():
            if contact.company_id is not None and not contact.is_hidden:
                found[contact.company_id].append(contact.id)
        return found

    def closest_tasks(self, kind: str) -> dict[int, int]:
        """When the next open task is due, of everything of the kind that has one."""
        found: dict[int, int] = {}
        for task in self.tasks.by_id.values():
            if task.entity_type == kind and not task.is_completed and not task.is_deleted:
                due = found.get(task.entity_id, task.complete_till)
                found[task.entity_id] = min(due, task.complete_till)
        return found

    @property
    def domain(self) -> str:
        """The host under which the account is reached, with its port if it has one."""
        return self.address or f"{self.subdomain}.kommo.com"

    @property
    def api_domain(self) -> str:
        """The host that knows where the account is, whatever it is called by now."""
        return self.address or "api.kommo.com"

    def incoming_stage(self, pipeline_id: int | None) -> Stage | None:
        """The column for incoming leads of a pipeline, by default the main one."""
        for pipeline in self.pipelines.values():
            if pipeline.id == pipeline_id or (pipeline_id is None and pipeline.is_main):
                for status in pipeline.statuses:
                    if status.type == INCOMING:
                        return Stage(pipeline.id, status.id)
        return None

    def new_status_id(self) -> int:
        """Hand out the id of a column."""
        self.next_status_id += 1
        return self.next_status_id - 1

    def new_field_id(self) -> int:
        """Hand out the id of a custom field."""
        self.next_field_id += 1
        return self.next_field_id - 1

    def new_hook_id(self) -> int:
        """Hand out the id of a webhook or trigger."""
        self.next_hook_id += 1
        return self.next_hook_id - 1

    def create(
        self, drafts: Iterable[Mapping[str, Any]], author: Author, now: int
    ) -> list[CrmChange]:
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
            lead = CrmLead(**{**stamps, **draft, "id": self.next_lead_id})
            self.next_lead_id += 1
            self.leads[lead.id] = lead
            changes.append(CrmChange(lead=lead, actions=(Action.ADD,), author=author))
        return changes

    def change(self, patches: Iterable[LeadPatch], author: Author, now: int) -> list[CrmChange]:
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

    def delete(self, lead_ids: Iterable[int], author: Author, now: int) -> list[CrmChange]:
        """Put leads into the bin; only people can do this."""
        return self._bin(lead_ids, author, now, deleted=True)

    def restore(self, lead_ids: Iterable[int], author: Author, now: int) -> list[CrmChange]:
        """Take leads out of the bin."""
        return self._bin(lead_ids, author, now, deleted=False)

    def _bin(
        self, lead_ids: Iterable[int], author: Author, now: int, *, deleted: bool
    ) -> list[CrmChange]:
        changes = []
        for lead_id in lead_ids:
            old = self.leads[lead_id]
            if old.is_deleted == deleted:
                continue
            lead = replace(old, is_deleted=deleted, updated_at=now, updated_by=author.user_id)
            self.leads[lead_id] = lead
            action = Action.DELETE if deleted else Action.RESTORE
            changes.append(CrmChange(lead=lead, actions=(action,), author=author))
        return changes


def _stamped(old: CrmLead, new: CrmLead, patch: LeadPatch, author: Author, now: int) -> CrmLead:
    closed_at = new.closed_at
    if new.status_id != old.status_id and "closed_at" not in patch.fields:
        closed_at = now if new.status_id in CLOSED_STATUSES else None
    return replace(
        new,
        updated_at=patch.fields.get("updated_at", now),
        updated_by=author.user_id,
        closed_at=closed_at,
    )


def _difference(old: CrmLead, new: CrmLead, author: Author) -> CrmChange:
    actions = [Action.UPDATE]
    moved = old.stage != new.stage
    handed_over = old.responsible_user_id != new.responsible_user_id
    if moved:
        actions.append(Action.STATUS)
    if handed_over:
        actions.append(Action.RESPONSIBLE)
    return CrmChange(
        lead=new,
        actions=tuple(actions),
        author=author,
        old_stage=old.stage if moved else None,
        old_responsible_user_id=old.responsible_user_id if handed_over else None,
    )
