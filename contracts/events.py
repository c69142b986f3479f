"""What an account decided and learnt: the events of its log, versions 1, 2, 3, ...

Past tense, immutable, complete: a reader needs no other source to act on one. No personal
data, only ids. Stored names live in `services/shared/codec.py` and outlive renames of these
classes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from contracts.stage import Stage

LEAD = 1_000_000_000  # credit units in one lead

Verdict = Literal[
    "inactive",
    "excluded",
    "no_access",
    "paused",
    "off_shift",
    "absent",
    "at_limit",
    "refused",
    "already_tried",
    "eligible",
]
CapPeriod = Literal["hour", "day", "week", "month"]
Cap = CapPeriod | Literal["pace", "tasks", "overdue_tasks"]
RequestSource = Literal[
    "dp_hook", "dp_widget", "webhook", "sweep", "lookup", "operator", "handover"
]
# What a person asked for, whatever the lead did.
ORDERED: tuple[RequestSource, ...] = ("operator", "handover")
# What a hook of Kommo told: of leads that were seen, and of requests.
HOOKS: tuple[str, ...] = ("webhook", "dp_hook", "dp_widget")
SkipReason = Literal["unknown", "closed", "waiting", "decided", "taken", "not_his", "no_rule"]
# A request that ended so leaves its lead without a manager by us, and may be ordered again (D1.6).
UnassignedReason = Literal[
    "no_rule", "rejected", "pass_exhausted", "hops_exhausted", "kept", "suspended"
]
CloseReason = (
    UnassignedReason
    | Literal[
        "lead_deleted", "lead_closed", "left_stage", "taken_by_person", "superseded", "not_there"
    ]
)
WithdrawReason = Literal[
    "taken_by_person",
    "manager_refused",
    "lead_gone",
    "lead_closed",
    "rejected",
    "superseded",
    "not_there",
    "suspended",
]
SharingPolicy = Literal["fair_share", "least_loaded", "most_available", "fewest_given"]
Policy = SharingPolicy | Literal["duty", "owner"]
ChoiceReason = Literal[
    "largest_credit",
    "largest_sum",
    "longest_wait",
    "smaller_id",
    "fewest_open",
    "largest_free_share",
    "fewest_given",
    "duty",
    "owner",
]
DutyCause = Literal[
    "off_hours", "overflow", "age_limit", "pass_exhausted", "hops_exhausted", "refused"
]
MovementReason = Literal["assigned", "lapsed", "refunded", "corrected", "caught_up", "imported"]
NothingChanged = Literal["no_stage_change", "no_touch", "no_change_at_all"]
TouchKind = Literal[
    "stage_changed", "note", "task_added", "task_completed", "message", "call", "edited", "taken"
]
ReadingPart = Literal["lead", "contact", "company", "other_lead"]
OwnerVerdict = Verdict | Literal["not_an_owner"]
CommandName = Literal[
    "apply_rules",
    "carry_trigger",
    "pause",
    "resume",
    "correct",
    "distribute",
    "handover",
    "undo",
    "take",
    "pass_on",
]
RefusalCode = Literal[
    "rules_unusable",
    "revision_moved",
    "until_past",
    "activity_off",
    "administrators_only",
    "not_an_active_user",
    "paused_by_administrator",
    "pause_not_yours",
    "ledger_unknown",
    "in_no_rule",
    "not_in_ledger",
    "correction_out_of_bounds",
    "nobody_bears_it",
    "too_many_leads",
    "rule_unknown",
    "still_at_work",
    "transfer_under_way",
    "distribution_under_way",
    "no_clock_runs",
    "lead_is_anothers",
    "nobody_to_pass_to",
    "in_words",
]


class Outcome(NamedTuple):
    """Whether one condition of a rule held (D1.5): the result, never what was found (S21).

    Attributes:
        what: `tags`, `price`, `sources`, `field 184994` or `contact field 184994`.
        is_met: None when it could not be read.
    """

    rule_id: str
    what: str
    is_met: bool | None


class Responsible(NamedTuple):
    """Whose is something that belongs to a lead (D6.1)."""

    source: ReadingPart
    manager_id: int


class OtherLead(NamedTuple):
    """Another lead of a lead's main contact (D6.6).

    Attributes:
        responsible_id: 0 for nobody.
    """

    lead_id: int
    responsible_id: int
    is_open: bool


class LeadKind(NamedTuple):
    """Of which kind a lead is in one dimension (D3.9): its number, never what was found.

    Attributes:
        what: The dimension: `source`, `tags`, `price`, `field 184994` or `stage`.
        kind: 0 is "other"; Kommo's id of a source or a stage; of a tag, a price range or a value
            a number that depends on it alone, so that it means the same under all rules.
    """

    what: str
    kind: int


class KindCredits(NamedTuple):
    """A lead's kind in one dimension, and how everybody stood in it (D3.9).

    Attributes:
        credits: Credit before this lead, in units, in the order of the standings.
    """

    what: str
    kind: int
    credits: tuple[int, ...]


class KindMovements(NamedTuple):
    """Credit that moved in one kind of a ledger without a lead (D3.9).

    Attributes:
        movements: By manager, ascending ids; adds up to 0.
    """

    what: str
    kind: int
    movements: tuple[tuple[int, int], ...]


class Even(NamedTuple):
    """How much of their part everybody had got in a period, when a decision was taken (D3.10).

    Attributes:
        registry: Where it is counted.
        began_at: The begin of the period.
        levels: Before this lead, in units, in the order of the standings; whoever was away starts
            at the lowest level of those who were there.
        added: What this lead is of the winner's part, in units.
    """

    registry: str
    began_at: datetime
    levels: tuple[int, ...]
    added: int


class Access(NamedTuple):
    """What a user's rights keep them from; who may see everything has none of these.

    Attributes:
        is_free: Has no paid seat.
        sees_no_leads: Not even those they are responsible for.
        hidden_stages: Leads in these stages cannot be seen by them, whoever is responsible.
    """

    user_id: int
    is_free: bool = False
    sees_no_leads: bool = False
    hidden_stages: tuple[Stage, ...] = ()


class TaskChange(NamedTuple):
    """How a task of Kommo counts from now on (D5.6): its ids and times, nothing of what it says.

    Attributes:
        manager_id: Whose open task it is; None when it counts no more: done, deleted, nobody's.
        due_at: Overdue from then on; None for never.
        modified_at: Kommo's time of its last change.
        is_missed: A list of open tasks had it not; the next one may be sure.
    """

    task_id: int
    manager_id: int | None
    due_at: datetime | None
    modified_at: datetime | None
    is_missed: bool = False


class OwnerStanding(NamedTuple):
    """How somebody stood who is responsible already, when a decision was taken (D6.2).

    Attributes:
        back_at: When they are at work again; None if they are, or if nobody knows.
    """

    source: ReadingPart
    manager_id: int
    verdict: OwnerVerdict
    back_at: datetime | None


class OwnerDebt(NamedTuple):
    """The terms on which an owner's lead counts in the ledger (D3.7), in units.

    Attributes:
        credit: What they had before, in all or in one of the lead's kinds, whichever was least.
        max_units: The most they may owe.
    """

    credit: int
    max_units: int


LinkedKind = Literal["lead", "contact", "company", "task"]
NoticeKind = Literal["note", "task", "task_end", "webhook"]
NoticeEnd = Literal["gone", "refused", "no_target", "given_up", "overtaken", "task_changed"]
LinkedObject = Literal["contacts", "company", "tasks", "company_leads", "contact_leads"]


class Transfer(NamedTuple):
    """Something that belongs to a lead shall become a manager's (D6.4).

    Attributes:
        responsible_before: 0 for nobody.
    """

    kind: LinkedKind
    entity_id: int
    responsible_before: int
    manager_id: int


class Standing(NamedTuple):
    """How one participant stood when a decision was taken (D2.2, D10.2).

    Attributes:
        credit: Ledger before this lead, in units; 10^9 is one lead.
        share: What this lead added; 0 unless eligible in the consulted tier of a fair share.
        last_turn: Number of the account's assignment they got last, 0 for never.
        open_leads: Open leads in the limit's stages, pending ones included.
        limit: The maximum that applied, None for no limit.
        cap: What keeps them away when it is not their open leads: the period in which they got
            as many leads as they may (D5.5), or the pace of the backlog's release (D8.2).
    """

    manager_id: int
    tier: int
    verdict: Verdict
    credit: int
    share: int
    last_turn: int
    open_leads: int
    limit: int | None
    cap: Cap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDescribed:
    """The account's zone and active users became known or changed.

    Attributes:
        limited: Those of them whose rights keep them from something, ids ascending.
        began_at: When Kommo made the account; None when it was not told.
    """

    timezone: str
    active_user_ids: tuple[int, ...]
    at: datetime
    limited: tuple[Access, ...] = ()
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesApplied:
    """A new revision of the rules is in force from here.

    Attributes:
        note: Why, in the words of whoever applied it; the id of a text that is kept sealed (S21).
    """

    revision: int
    rules: dict[str, Any]
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReceived:
    """A command that takes effect once was taken up; what it came to follows, of the same message.

    Nothing follows where what it wants is so already.

    Attributes:
        by: Who gave it, a principal such as `person:7` or `cli:root`.
    """

    message_id: str
    command: CommandName
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRepeated:
    """A command came again under its id, and was dropped (A5.2).

    Attributes:
        first_version: Of its `CommandReceived`; what it came to follows there.
    """

    message_id: str
    first_version: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """A command was understood, and the answer is no.

    Attributes:
        reason: The code of what forbids it. Before there were codes, an English sentence stood
            here: it is read as its code, or else as `in_words`.
        arguments: What the sentence about it tells; instants are ISO text. By code:
            `rules_unusable` field, count; `revision_moved` base, revision; `until_past` until;
            `not_an_active_user`, `in_no_rule`, `still_at_work` manager; `ledger_unknown` ledger;
            `not_in_ledger` manager, ledger;
            `too_many_leads` leads, limit; `rule_unknown` rule; `transfer_under_way` kind,
            entity; `distribution_under_way`, `no_clock_runs`, `nobody_to_pass_to` lead;
            `lead_is_anothers` lead, manager; `in_words` words; the others none.
    """

    message_id: str
    command: str
    reason: RefusalCode
    at: datetime
    arguments: dict[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerPaused:
    """A manager takes no leads, until an instant or until resumed (D9.2)."""

    manager_id: int
    by: str
    by_administrator: bool
    until: datetime | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerResumed:
    """A manager takes leads again."""

    manager_id: int
    by: str
    how: Literal["resumed", "until"]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerFoundInactive:
    """A manager is no active user, though we thought so (F59).

    Kommo refused them and its users do not have them, or it refused several leads with them and
    took those with others; they are out until the users are read again.
    """

    manager_id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadSeen:
    """What is known of a lead changed: its stage, its responsible, or both.

    Attributes:
        stage: Where it is now; 142 and 143 mean closed.
        responsible_id: Who is responsible in Kommo; None while unknown.
        was_stage: Where it counted before; None when the lead was unknown or closed.
        was_owner_id: Whom it counted for before (the wanted one, while a push is pending).
        modified_at: Kommo's time of that state; None when the source carries none.
        owner_id: Whom it counts for now.
    """

    lead_id: int
    stage: Stage
    responsible_id: int | None
    modified_at: datetime | None
    was_stage: Stage | None
    was_owner_id: int | None
    owner_id: int | None
    source: Literal["dp_hook", "dp_widget", "webhook", "baseline", "sweep", "lookup", "own_write"]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadDeleted:
    """A lead does not exist in Kommo any more.

    Attributes:
        source: `webhook`, `lookup` (Kommo was read) or `own_write` (it refused one); None in
            events of before it was told.
    """

    lead_id: int
    was_stage: Stage | None
    was_owner_id: int | None
    at: datetime
    source: Literal["webhook", "lookup", "own_write"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRequested:
    """What Kommo said of a lead is in doubt: somebody should read it (F28).

    Attributes:
        responsible_id: Of a lead that nobody knew, whose it was as the first hook tells.
        modified_at: Kommo's time of that.
    """

    lead_id: int
    reason: str
    at: datetime
    responsible_id: int | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOpened:
    """A lead asks for a responsible manager under a rule (D1.1).

    Attributes:
        request_id: `<lead id>.<number of the request in the account>`.
        rule_id: None when no rule matches; the request is then closed at once (D1.5). None
            as well while Kommo has to be read to know.
    """

    request_id: str
    lead_id: int
    rule_id: str | None
    stage: Stage
    source: RequestSource
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRequested:
    """A request waits for what Kommo says of the lead and of what belongs to it (D1.5, D6.1).

    Attributes:
        revision: Of the rules that want to know; an answer for another one comes too late.
        parts: What is wanted, besides the lead itself.
        next_look_at: The decision is taken without an answer then.
    """

    request_id: str
    lead_id: int
    stage: Stage
    revision: int
    parts: tuple[ReadingPart, ...]
    next_look_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPrepared:
    """What a decision needs is known, or is not waited for any more.

    Attributes:
        rule_id: The first rule whose conditions hold; None when there is none.
        outcomes: Of the conditions up to there, in the order of the rules.
        responsibles: Whose things are that belong to the lead.
        unread: What the decision is taken without.
        others: The main contact's other leads, the newest first.
        kinds: Of which kinds the lead is in the rule's ledger, as far as that had to be read.
        is_there: Only hooks had told that the lead is in the stage, and the reading bears it out.
    """

    request_id: str
    lead_id: int
    rule_id: str | None
    outcomes: tuple[Outcome, ...]
    responsibles: tuple[Responsible, ...]
    unread: tuple[ReadingPart, ...]
    at: datetime
    others: tuple[OtherLead, ...] = ()
    kinds: tuple[LeadKind, ...] = ()
    is_there: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReserved:
    """The lead's owner will be at work soon, and is waited for (D6.2)."""

    request_id: str
    lead_id: int
    rule_id: str
    manager_id: int
    next_look_at: datetime
    owners: tuple[OwnerStanding, ...]
    at: datetime


class Skipped(NamedTuple):
    """A lead of an order that is left alone."""

    lead_id: int
    reason: SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionOrdered:
    """An operator wants leads distributed; a request for each follows (D1.1).

    Attributes:
        lead_ids: Those that are.
    """

    by: str
    lead_ids: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverOrdered:
    """A manager's leads are to be anybody else's; a request for each follows (D9.3, D9.4).

    Attributes:
        handover_id: The same in all parts of one order.
        rule_id: Of leads in stages that no rule covers; None leaves them alone.
        lead_ids: Those that are handed over.
        because: `shift_end` when the rule itself does it; None when a person ordered it.
    """

    handover_id: str
    manager_id: int
    by: str
    rule_id: str | None
    lead_ids: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    at: datetime
    because: Literal["shift_end"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDeferred:
    """Nobody could take the lead yet (D8.1).

    Attributes:
        reason: The verdict that keeps most participants away, or `behind_queue`.
        standings: Empty for `behind_queue`: the head of the queue was judged.
    """

    request_id: str
    lead_id: int
    rule_id: str
    reason: str
    next_look_at: datetime
    standings: tuple[Standing, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadAssigned:
    """A manager was chosen; Kommo does not know yet.

    Attributes:
        attempt: 1 for the first decision of the request, 2 after a refusal by Kommo, ...
        turn: Number of this assignment in the account, 1, 2, 3, ...
        responsible_before: Who was responsible in Kommo; None when unknown.
        was_owner_id: Whom the lead counted for before this decision.
        standings: Every participant, tiers ascending, then manager ids ascending.
        movements: Credit moved by manager, ascending ids; adds up to 0. Empty for a lead outside
            the ledger.
        reason: What singled the winner out; `owner` if the lead was theirs already.
        tzdata: Version of the time zone database the shifts were judged with.
        duty: For a duty lead, everyone who may have duty, in the order they are asked; `tier`
            is the place.
        because: Why the lead went to duty (D7.4).
        missed: What managers who are away may catch up with later (D3.3), ids ascending.
        reserved_until: The opening as of which the standings are, when the lead was reserved for
            whoever starts first (D8.1).
        release: Whether the lead waited or passed the waiting, while a queue is released at a
            pace (D8.2).
        owners: Who was responsible already for what belongs to the lead, in the rule's order,
            up to the first owner (D6.1).
        owner_debt: On which terms an owner's lead counts; None if it does not.
        keeps_lead: Only what belongs to the lead is the manager's; the lead stays (D6.5).
        kinds: The lead's kind in each dimension of the ledger (D3.9); what moves in the ledger
            moves in each of them.
        is_told: Only hooks say that the lead is in the stage: it is read before it is written (S2).
        told_at: Kommo's time at which it came there, by the hooks; None if they do not say.
        even: What everybody had got in the period, under the policy `fewest_given`.
    """

    request_id: str
    attempt: int
    turn: int
    lead_id: int
    manager_id: int
    rule_id: str
    revision: int
    policy: Policy
    policy_version: int
    ledger: str
    tier: int
    stage: Stage
    responsible_before: int | None
    was_owner_id: int | None
    standings: tuple[Standing, ...]
    movements: tuple[tuple[int, int], ...]
    reason: ChoiceReason
    tzdata: str
    at: datetime
    duty: tuple[Standing, ...] = ()
    because: DutyCause | None = None
    missed: tuple[tuple[int, int], ...] = ()
    reserved_until: datetime | None = None
    release: Literal["backlog", "fresh"] | None = None
    owners: tuple[OwnerStanding, ...] = ()
    owner_debt: OwnerDebt | None = None
    keeps_lead: bool = False
    kinds: tuple[KindCredits, ...] = ()
    is_told: bool = False
    told_at: datetime | None = None
    even: Even | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentConfirmed:
    """Kommo holds the decided responsible."""

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    modified_at: datetime | None
    how: Literal["answered", "read", "echo"]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchesRequested:
    """An offered lead seems untouched: somebody should ask Kommo before it is passed on (D7.1).

    Attributes:
        since: Kommo's time of our write; what happened after it may be a touch.
        decide_at: When the lead is passed on without an answer.
    """

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    since: datetime
    decide_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTouched:
    """Somebody did something to an offered lead: its clock is stopped for good (D7.2).

    Attributes:
        manager_id: Who had been given the lead.
        by: Who touched it.
        happened_at: Kommo's time of it.
    """

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    kind: TouchKind
    by: int
    happened_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLapsed:
    """A lead is taken from its manager, who stays charged (D7.3): nothing changed in time.

    Or they passed it on themselves (D7.6).

    What becomes of it is the next event: an assignment with the next attempt, or the request is
    closed and the lead stays where it is.

    Attributes:
        charged_units: What the lead had cost them in the ledger, and is not given back.
        offered_at: When it was given to them.
        after_s: How long they had, by the rule's clock.
        is_read: Whether Kommo was asked for touches; else it did not answer in time.
        tried: Everyone who let it lapse in this pass, in order, them included.
        passed_on_by: Who passed it on before the time was over; None when nobody did.
        reason: Theirs, in their own words.
    """

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    rule_id: str
    ledger: str
    charged_units: int
    nothing_changed: NothingChanged
    after_s: int
    on_working_time: bool
    is_read: bool
    offered_at: datetime
    tried: tuple[int, ...]
    at: datetime
    passed_on_by: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentWithdrawn:
    """A decision that never reached Kommo, or that a person overrode first.

    Attributes:
        movements: The refund, the exact reverse of the assignment's; adds up to 0.
        kinds: In which kinds of the ledger it is given back as well: those of the assignment that
            the rules still name (D3.9).
        is_active: Of `manager_refused`: whether Kommo's users still have the manager, so that it is
            this lead that they may not have; None when the users could not be read.
        stage: Where the lead counted for `manager_id`.
        owner_id: Whom it counts for there now; what else is new follows as events of its own.
    """

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    reason: WithdrawReason
    detail: str
    ledger: str
    movements: tuple[tuple[int, int], ...]
    stage: Stage
    owner_id: int | None
    at: datetime
    is_active: bool | None = False
    kinds: tuple[LeadKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClosed:
    """A request ended without an assignment that stands (D1.2).

    Attributes:
        detail: Kommo's words for a rejection; the rule for the end of a pass.
    """

    request_id: str
    lead_id: int
    reason: CloseReason
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedRequested:
    """What belongs to a lead should be read, to be handed over to the lead's manager (D6.4).

    Attributes:
        order_id: `<request id>/<attempt>`.
        only_for: Whose things are handed over; empty for everyone's.
    """

    order_id: str
    request_id: str
    lead_id: int
    manager_id: int
    objects: tuple[LinkedObject, ...]
    only_for: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedDecided:
    """Things change hands; Kommo does not know yet.

    Attributes:
        order_id: As it was asked for, or `undo/<version>`.
        lead_id: The lead whose decision this follows.
        handovers: Empty if everything stays as it is.
        is_undo: Whether it puts back what a decision changed.
    """

    order_id: str
    request_id: str
    lead_id: int
    handovers: tuple[Transfer, ...]
    is_undo: bool
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedChanged:
    """Kommo holds the new responsible of one thing; undone from what is said here."""

    order_id: str
    request_id: str
    lead_id: int
    kind: LinkedKind
    entity_id: int
    responsible_before: int
    manager_id: int
    how: Literal["answered", "read"]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedLeft:
    """One thing was left as it is: a person changed it since, or Kommo will not change it."""

    order_id: str
    request_id: str
    lead_id: int
    kind: LinkedKind
    entity_id: int
    manager_id: int
    reason: Literal["changed_since", "gone", "refused"]
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRequested:
    """People should be told of a decision in one way (D12.2); nobody was yet.

    Attributes:
        order_id: `<request id>/<attempt>` of the decision.
        kind: `note` on the lead's feed, `task` for its manager, `webhook` to a target; `task_end`
            completes the tasks of earlier decisions of the lead.
        reason: What singled the manager out.
        because: Why the lead went to duty, if it did.
        due_at: Until when the manager is to do the task; None of all else.
        wording: Of the task, as the rule has it; empty for our own words.
        target: Of the webhook, by its name; empty for all else.
    """

    order_id: str
    request_id: str
    lead_id: int
    manager_id: int
    rule_id: str
    kind: NoticeKind
    reason: ChoiceReason
    because: DutyCause | None
    at: datetime
    due_at: datetime | None = None
    wording: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeWritten:
    """Kommo holds what was to be told, or the target of a webhook has taken it.

    Attributes:
        entity_id: Kommo's id of the note or the task: never a touch (D7.1); 0 of a webhook, and
            where no task was to be completed.
        how: `read` when it was found there after an answer that never came, or no task is open.
    """

    order_id: str
    request_id: str
    lead_id: int
    manager_id: int
    kind: NoticeKind
    entity_id: int
    how: Literal["answered", "read"]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLeft:
    """People will not be told in this way.

    Attributes:
        reason: The lead is `gone`, Kommo `refused` it; there is `no_target` of that name, or it was
            `given_up` after days; the lead was somebody else's before their task was made
            (`overtaken`), or a person has changed the task that was to be completed.
        detail: Kommo's own words.
    """

    order_id: str
    request_id: str
    lead_id: int
    manager_id: int
    kind: NoticeKind
    reason: NoticeEnd
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMoved:
    """Credit moved without a lead (D3.8).

    Attributes:
        movements: By manager, ascending ids; adds up to 0.
        kinds: How it is spread over the kinds of the ledger (D3.9), for each dimension as much as
            moved in all.
    """

    ledger: str
    movements: tuple[tuple[int, int], ...]
    reason: MovementReason
    by: str
    note: str
    at: datetime
    kinds: tuple[KindMovements, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksCounted:
    """Open tasks of managers changed (D5.6).

    Attributes:
        is_whole: The first list of all open tasks has been read: from here on the limit holds.
    """

    changes: tuple[TaskChange, ...]
    source: Literal["webhook", "list"]
    at: datetime
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerScheduled:
    """The clock should speak up at `due_at`; replaces older generations of the same timer.

    Attributes:
        timer_id: `look/<rule id>` (waiting requests), `pause/<manager id>`, `lapse/<lead id>`,
            `readings` (what is waited for from Kommo) or `owner/<manager id>` (leads kept for
            them).
        due_at: None cancels.
    """

    timer_id: str
    generation: int
    due_at: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStalled:
    """Leads of a rule wait, and nobody of it will be at work within 14 days (D8.3)."""

    rule_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRevived:
    """Somebody of the rule is in sight again, or nothing waits for it any more."""

    rule_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerFellSilent:
    """Leads came into a stage, and a trigger of the widget told of none of them (D1.8).

    Somebody must have deleted it in Kommo: its rule takes no lead there until it tells of one.

    Attributes:
        since: When the first of them came.
    """

    rule_id: str
    stage: Stage
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerHeard:
    """A trigger on which leads have waited told of one, or somebody has opened it."""

    rule_id: str
    stage: Stage
    at: datetime


AllocationEvent = (
    AccountDescribed
    | RulesApplied
    | CommandReceived
    | CommandRepeated
    | CommandRefused
    | ManagerPaused
    | ManagerResumed
    | ManagerFoundInactive
    | LeadSeen
    | LeadDeleted
    | LookupRequested
    | RequestOpened
    | ReadingRequested
    | RequestPrepared
    | RequestReserved
    | DistributionOrdered
    | HandoverOrdered
    | RequestDeferred
    | LeadAssigned
    | AssignmentConfirmed
    | TouchesRequested
    | LeadTouched
    | LeadLapsed
    | AssignmentWithdrawn
    | RequestClosed
    | LinkedRequested
    | LinkedDecided
    | LinkedChanged
    | LinkedLeft
    | NoticeRequested
    | NoticeWritten
    | NoticeLeft
    | CreditMoved
    | TasksCounted
    | TimerScheduled
    | RuleStalled
    | RuleRevived
    | TriggerFellSilent
    | TriggerHeard
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event with its place in the account's log.

    Attributes:
        version: 1, 2, 3, ... without gap.
        cause: Id of the inbound message it answers.
    """

    account_id: int
    version: int
    cause: str
    event: AllocationEvent
