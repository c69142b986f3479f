"""Everything that can change an account, in the one order of its inbound log.

Facts from Kommo, commands of operators, timers that came due, and the results of calls to
Kommo. Each is a frozen fact about the outside; none says what should follow from it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from contracts.events import (
    Access,
    CloseReason,
    LeadKind,
    LinkedKind,
    NoticeEnd,
    NoticeKind,
    OtherLead,
    Outcome,
    ReadingPart,
    Responsible,
    TouchKind,
    Transfer,
)
from contracts.stage import Stage


class Linked(NamedTuple):
    """Something that belongs to a lead, and whose it is; 0 for nobody's."""

    kind: LinkedKind
    entity_id: int
    responsible_id: int


class LinkedResult(NamedTuple):
    """How one transfer ended.

    Attributes:
        how: `answered` or `read` when Kommo holds it; else why it was left as it is.
        modified_at: `updated_at` of the thing as Kommo holds it; None if it was left.
    """

    kind: LinkedKind
    entity_id: int
    how: Literal["answered", "read", "changed_since", "gone", "refused"]
    modified_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerFired:
    """A Digital Pipeline trigger (plain or widget) says that a lead entered a stage.

    Attributes:
        old_stage: Where the lead came from; None when Kommo does not say.
        occurred_at: Kommo's time of the event; the plain hook carries none.
        source: `dp_hook` for the plain action, `dp_widget` for the widget's trigger.
    """

    lead_id: int
    stage: Stage
    source: Literal["dp_hook", "dp_widget"]
    old_stage: Stage | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadReported:
    """An account webhook about one lead; every action carries the lead's present fields.

    Attributes:
        responsible_id: None when the body does not carry it.
        old_status_id: Where it came from, without its pipeline; None when the body does not say.
        modified_at: When it was changed, to the second; None when the body does not carry it.
        created_at: `date_create`, to the second; None when the body does not carry it.
        modified_by: 0 for robots and integrations, so never proof of our own write.
    """

    lead_id: int
    action: Literal["add", "update", "status", "responsible", "restore"]
    stage: Stage
    responsible_id: int | None = None
    modified_at: datetime | None = None
    created_at: datetime | None = None
    modified_by: int | None = None
    old_status_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRemoved:
    """An account webhook says that a lead was deleted."""

    lead_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadAnnounced:
    """A webhook says that a lead came, and not where it is: an incoming lead, or an accepted one.

    It is read before anything is believed.
    """

    lead_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadObserved:
    """A lead as read from Kommo by API.

    Attributes:
        reason: Why it was read: `baseline` after the connection, `sweep` for the
            reconciliation, `lookup` because the aggregate asked. Leads that were there before the
            connection open no request by being read for the first time.
        is_taken: Somebody was made responsible since the lead came into its stage; told only
            where our own memory of that is lost (F79).
    """

    lead_id: int
    stage: Stage
    responsible_id: int
    modified_at: datetime
    created_at: datetime
    reason: Literal["baseline", "sweep", "lookup"]
    is_taken: bool = False


class LedgerKinds(NamedTuple):
    """Of which kinds a lead is in one ledger (D3.9)."""

    ledger: str
    kinds: tuple[LeadKind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsRead:
    """What a request had to know was read from Kommo, judged where it was read (D1.5, D6.1).

    Attributes:
        revision: Of the rules whose conditions were judged.
        outcomes: Of every condition that may have to hold, in the order of the rules.
        responsibles: Whose things are that belong to the lead; nobody's are left out.
        created_by: Who made the lead, 0 for robots.
        unread: What Kommo did not tell in a way that makes sense.
        others: The main contact's other leads, the newest first and only so many (D6.6).
        inactive_ids: Of the responsible and whoever made the lead, who is no active user by now;
            told where a rule may leave an employee's lead alone (D6.7).
        kinds: Of which kinds the lead is, in each ledger of these rules that has any (D3.9).
    """

    request_id: str
    lead_id: int
    revision: int
    stage: Stage
    responsible_id: int
    modified_at: datetime
    created_at: datetime
    outcomes: tuple[Outcome, ...]
    responsibles: tuple[Responsible, ...]
    created_by: int
    unread: tuple[ReadingPart, ...]
    others: tuple[OtherLead, ...] = ()
    inactive_ids: tuple[int, ...] = ()
    kinds: tuple[LedgerKinds, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedFound:
    """What belongs to a lead was read, as far as it was asked for."""

    order_id: str
    things: tuple[Linked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedSettled:
    """How transfers of one decision ended."""

    order_id: str
    results: tuple[LinkedResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettled:
    """How telling people of a decision in one way ended (D12.2).

    Attributes:
        order_id: Of the decision.
        how: `answered` or `read` when it is there; else why it will not be.
        entity_id: Kommo's id of the note or task; 0 where there is none.
        detail: Kommo's own words.
    """

    order_id: str
    kind: NoticeKind
    how: Literal["answered", "read"] | NoticeEnd
    entity_id: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoTransfers:
    """An administrator puts back what a decision changed; what is not ours any more stays.

    Attributes:
        handovers: `responsible_before` is whom we made responsible, `manager_id` whom it was.
    """

    request_id: str
    lead_id: int
    handovers: tuple[Transfer, ...]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadMissing:
    """Kommo answered that the lead does not exist (204) or is deleted."""

    lead_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadsListed:
    """Kommo's list of all leads has exactly these ids between two (D11.2).

    Attributes:
        after_id: Not included.
        up_to_id: Included; None at the end of the list.
        lead_ids: Ascending.
    """

    after_id: int
    up_to_id: int | None
    lead_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchReported:
    """Something was done to a lead, as a webhook or a reading of Kommo tells (D7.1).

    Attributes:
        by: Who did it, 0 for robots and integrations; None when Kommo does not say.
        happened_at: Kommo's time of it, to the second.
    """

    lead_id: int
    kind: TouchKind
    by: int | None
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchesRead:
    """Kommo was asked what was done to a lead; all it told stands before this message.

    Attributes:
        request_id: Of the offer that was asked about, as is `attempt`.
    """

    lead_id: int
    request_id: str
    attempt: int


class SeenTask(NamedTuple):
    """A task as Kommo tells it.

    Attributes:
        responsible_id: 0 for nobody.
        due_at: `complete_till`; None when Kommo does not say.
    """

    task_id: int
    responsible_id: int
    due_at: datetime | None
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReported:
    """An account webhook about a task: it was made, changed, or done (D5.6)."""

    task: SeenTask
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRemoved:
    """An account webhook says that a task was deleted."""

    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksListed:
    """Kommo's list of open tasks has these between two ids (D5.6).

    Attributes:
        after_id: Not included.
        up_to_id: Included; None at the end of the list.
        tasks: By ascending id.
        as_of: When it was read, by Kommo's clock where it tells.
    """

    after_id: int
    up_to_id: int | None
    tasks: tuple[SeenTask, ...]
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAccount:
    """What Kommo says of the account itself: its zone and its active users.

    Attributes:
        timezone: IANA name from `datetime_settings.timezone`.
        active_user_ids: In ascending order.
        limited: Those of them whose rights keep them from something, in ascending order.
        began_at: When Kommo made the account; no lead of it was changed before.
    """

    timezone: str
    active_user_ids: tuple[int, ...]
    limited: tuple[Access, ...] = ()
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRules:
    """An administrator applies a new revision of the rules.

    Attributes:
        rules: The rules file as JSON data (`contracts.rules.RulesFile`).
        by: Who applied it, a principal such as `person:7` or `cli:root`.
        base_revision: What was in force for whoever made them, 0 for nothing; refused when it is
            another one by now. None: whatever is in force.
        note: Why, as `RulesApplied` keeps it.
    """

    rules: dict[str, Any]
    by: str
    base_revision: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryTrigger:
    """A trigger of the widget stands on a stage of Kommo, and carries a revision of its rule.

    Attributes:
        section: The rule, as JSON data (`contracts.rules.RuleSection`) but for its stages.
        by: Who saw it there: whoever opened the trigger, or `kommo:trigger` for its hook.
        separated_from: The rule that it was on this stage, until somebody made it separate.
    """

    rule_id: str
    revision: int
    stage: Stage
    section: dict[str, Any]
    by: str
    separated_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseManager:
    """Take a manager out of the distribution.

    Attributes:
        by_administrator: A manager cannot lift an administrator's pause (D9.2).
        until: When the pause ends by itself; None for an open end.
    """

    manager_id: int
    by: str
    by_administrator: bool
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeManager:
    """Put a manager back into the distribution."""

    manager_id: int
    by: str
    by_administrator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLead:
    """The manager of an offered lead says that it is theirs: its clock stops for good (D7.6).

    Attributes:
        manager_id: Whose lead it has to be; None for whoever has it.
    """

    lead_id: int
    by: str
    manager_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassLeadOn:
    """The manager of an offered lead gives it up: the next one gets it at once (D7.6).

    Attributes:
        manager_id: Whose lead it has to be; None for whoever has it.
    """

    lead_id: int
    by: str
    reason: str
    manager_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCorrection:
    """An administrator moves credit to (or from) one manager; the others bear it equally.

    Attributes:
        credit_units: 10^9 units are one lead; positive means that more leads are owed.
        ledger: `account`, or the one that a rule names (D3.4).
    """

    manager_id: int
    credit_units: int
    by: str
    reason: str
    ledger: str = "account"


class Ended(NamedTuple):
    """How a lead's newest request ended, if it has no manager by it; read from our own log.

    Attributes:
        reason: `taken_by_person` also when a person changed what had been decided.
        owner_id: Whose the lead was then.
    """

    lead_id: int
    request_id: str
    reason: CloseReason
    owner_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributeLeads:
    """An operator wants these leads distributed now (D1.1, D1.6).

    Attributes:
        lead_ids: At most 500.
        ended: Of those whose newest request ended without a decision that stands.
    """

    lead_ids: tuple[int, ...]
    by: str
    ended: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverLeads:
    """An administrator hands over leads of a manager who is absent (D9.3).

    Attributes:
        handover_id: The same in all parts of one order.
        lead_ids: At most 500; those that are not theirs any more are left alone.
        rule_id: For leads in stages that no rule covers; None leaves them alone.
    """

    handover_id: str
    manager_id: int
    lead_ids: tuple[int, ...]
    by: str
    rule_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerDue:
    """The clock says that a timer came due; an older generation means nothing any more."""

    timer_id: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsibleSet:
    """Kommo holds the wanted responsible: it answered our PATCH, or a read shows it.

    Attributes:
        modified_at: `updated_at` of the answer, to the second.
    """

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    modified_at: datetime
    how: Literal["answered", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsibleRefused:
    """Kommo will not take the wanted responsible, and repeating would not help.

    Attributes:
        reason: `manager_refused` (the lead may not have this manager), `lead_gone`, `not_there`
            (Kommo was read first, and does not bear out the hook that told of the lead), or
            `rejected` for anything else, with Kommo's own words in `detail`.
        is_active: Of `manager_refused`: what `GET /users` says of the manager since. True: what
            Kommo refuses is this lead with this manager; None: the users cannot be read.
    """

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    reason: Literal["manager_refused", "lead_gone", "rejected", "not_there"]
    detail: str = ""
    is_active: bool | None = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StayedSuspended:
    """The account has let nobody in for so long that what asked before waits no longer (F57).

    Attributes:
        since: When it ended.
        asked_before: A week before this message; what asked later still waits.
    """

    since: datetime
    asked_before: datetime


Command = (
    ApplyRules
    | CarryTrigger
    | PauseManager
    | ResumeManager
    | TakeLead
    | PassLeadOn
    | PostCorrection
    | DistributeLeads
    | HandOverLeads
    | UndoTransfers
)
InboundBody = (
    TriggerFired
    | LeadReported
    | LeadRemoved
    | LeadAnnounced
    | LeadObserved
    | FactsRead
    | LinkedFound
    | LinkedSettled
    | NoticeSettled
    | UndoTransfers
    | LeadMissing
    | LeadsListed
    | TouchReported
    | TouchesRead
    | TaskReported
    | TaskRemoved
    | TasksListed
    | DescribeAccount
    | ApplyRules
    | CarryTrigger
    | PauseManager
    | ResumeManager
    | TakeLead
    | PassLeadOn
    | PostCorrection
    | DistributeLeads
    | HandOverLeads
    | TimerDue
    | ResponsibleSet
    | ResponsibleRefused
    | StayedSuspended
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One message of the inbound log.

    Attributes:
        message_id: Same for every copy of one message; our own id, Kommo has none.
        at: When we received or made it, UTC. The only time a decision may use.
        is_once: Whether a command of this id takes effect once, however often and late it comes
            (A5.2). Commands of releases before that promise are not.
    """

    account_id: int
    message_id: str
    at: datetime
    body: InboundBody
    is_once: bool = False
