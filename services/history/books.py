"""An account's log folded a second time, by other code than the engine's and the projections'.

Kept plain on purpose: who has which lead, where each request stands, what every credit is. What
the engine and the tables say is held against this.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, assert_never

from contracts.events import (
    AccountDescribed,
    AllocationEvent,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    CommandReceived,
    CommandRefused,
    CommandRepeated,
    CreditMoved,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    LeadDeleted,
    LeadKind,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    LinkedRequested,
    LookupRequested,
    ManagerFoundInactive,
    ManagerPaused,
    ManagerResumed,
    NoticeLeft,
    NoticeRequested,
    NoticeWritten,
    ReadingRequested,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    RuleRevived,
    RulesApplied,
    RuleStalled,
    TasksCounted,
    TimerScheduled,
    TouchesRequested,
    TriggerFellSilent,
    TriggerHeard,
)
from contracts.rules import RulesFile
from contracts.stage import CLOSED_STATUSES, Stage
from domain.kinds import compile_kinds

State = Literal["undecided", "assigned", "waiting", "closed"]


@dataclass(slots=True)
class LeadBook:
    """An open lead: where it is, who has it in Kommo, who shall have it."""

    stage: Stage
    responsible_id: int | None
    wanted: LeadAssigned | None = None

    @property
    def counts_for(self) -> int | None:
        """Whose load it is."""
        return self.wanted.manager_id if self.wanted else self.responsible_id


@dataclass(slots=True)
class RequestBook:
    """A request and everything that was decided about it.

    Attributes:
        number: Its place among all requests of the account.
        attempts: The decisions about it, 1 and up.
        timer_id: Of whoever looks again at it while it waits.
    """

    number: int
    lead_id: int
    rule_id: str | None
    stage: Stage
    state: State = "undecided"
    reason: str | None = None
    attempts: int = 0
    timer_id: str = ""


@dataclass(slots=True)
class DecisionBook:
    """One decision and how it ended; one that lapsed had been confirmed before."""

    version: int
    event: LeadAssigned
    state: Literal["pending", "confirmed", "failed", "withdrawn"] = "pending"
    ended: AssignmentConfirmed | AssignmentWithdrawn | None = None
    is_lapsed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the request may be decided again."""
        return self.is_lapsed or self.state in ("failed", "withdrawn")


@dataclass(slots=True)
class Books:
    """The account as its log tells it.

    Attributes:
        known: The last responsible that the log names for a lead, closed ones included.
        newest: Lead to the last decision about it.
        kind_credits: Ledger, kind and manager to units, of the kinds that the rules name (D3.9).
        assigned: Ledger and manager to the leads they were given out of it, not withdrawn; a lead
            outside the ledger moves nothing in it.
        loads: Open leads by manager and stage, counted from the single leads.
        queues: Rule to its waiting requests.
        handovers: Lead and manager to when it was decided that the lead follows another to them, or
            goes back (D6.4).
        limit_stages: Rule to the stages whose leads count in its limit, None for all.
        paced: Rules that serve fresh leads in turn with those that waited (D8.2).
    """

    leads: dict[int, LeadBook] = field(default_factory=dict)
    known: dict[int, int | None] = field(default_factory=dict)
    requests: dict[str, RequestBook] = field(default_factory=dict)
    decisions: dict[tuple[str, int], DecisionBook] = field(default_factory=dict)
    newest: dict[int, DecisionBook] = field(default_factory=dict)
    credits: Counter[tuple[str, int]] = field(default_factory=Counter)
    kind_credits: Counter[tuple[str, LeadKind, int]] = field(default_factory=Counter)
    assigned: Counter[tuple[str, int]] = field(default_factory=Counter)
    loads: Counter[tuple[int, Stage]] = field(default_factory=Counter)
    queues: dict[str | None, dict[str, RequestBook]] = field(default_factory=dict)
    handovers: dict[tuple[int, int], list[datetime]] = field(default_factory=dict)
    timers: dict[str, tuple[int, datetime | None]] = field(default_factory=dict)
    limit_stages: dict[str, frozenset[Stage] | None] = field(default_factory=dict)
    paced: set[str] = field(default_factory=set)
    turns: int = 0

    def enter(self, recorded: Recorded) -> None:
        """Fold the next event; one that contradicts the log changes as much as it can."""
        lead_id: int | None = getattr(recorded.event, "lead_id", None)
        self._count(lead_id, -1)
        self._fold(recorded.version, recorded.event)
        self._count(lead_id, +1)

    def _count(self, lead_id: int | None, change: int) -> None:
        lead = self.leads.get(lead_id) if lead_id is not None else None
        if lead is not None and (owner_id := lead.counts_for) is not None:
            self.loads[owner_id, lead.stage] += change

    def _fold(  # noqa: C901, PLR0912, PLR0915 - a case per event
        self, version: int, event: AllocationEvent
    ) -> None:
        match event:
            case LeadSeen():
                self._seen(event)
            case LeadDeleted():
                self.leads.pop(event.lead_id, None)
            case RequestOpened():
                self.requests[event.request_id] = RequestBook(
                    len(self.requests) + 1, event.lead_id, event.rule_id, event.stage
                )
            case RequestDeferred():
                self._moves(event.request_id, "waiting", event.reason, event.rule_id)
                self._queue(event.request_id, f"look/{event.rule_id}", event.rule_id)
            case ReadingRequested():
                self._moves(event.request_id, "waiting", "reading")
                self._queue(event.request_id, "readings")
            case RequestPrepared():
                self._moves(event.request_id, "undecided", None)
                if (request := self.requests.get(event.request_id)) is not None:
                    request.rule_id = event.rule_id  # none, if no condition was met
            case RequestReserved():
                self._moves(event.request_id, "waiting", "owner", event.rule_id)
                self._queue(event.request_id, f"owner/{event.manager_id}")
            case RequestClosed():
                self._moves(event.request_id, "closed", event.reason)
            case LeadAssigned():
                self._assigned(version, event)
            case AssignmentConfirmed():
                self._ended(event, "confirmed")
                if (lead := self.leads.get(event.lead_id)) is not None:
                    lead.wanted, lead.responsible_id = None, event.manager_id
                self.known[event.lead_id] = event.manager_id
            case AssignmentWithdrawn():
                self._withdrawn(event)
            case CreditMoved():
                self._move(event.ledger, event.movements)
                for what, kind, movements in event.kinds:
                    self._move_in_kind(event.ledger, LeadKind(what, kind), movements)
            case LeadLapsed():
                if (book := self.decisions.get((event.request_id, event.attempt))) is not None:
                    book.is_lapsed = True
            case LinkedDecided():
                for each in event.handovers:
                    if each.kind == "lead":
                        place = (each.entity_id, each.manager_id)
                        self.handovers.setdefault(place, []).append(event.at)
            case TimerScheduled():
                self.timers[event.timer_id] = (event.generation, event.due_at)
            case RulesApplied():
                self.limit_stages = _limit_stages(event.rules)
                self._forget_kinds(event.rules)
                self.paced = {rule["id"] for rule in event.rules["rules"] if rule.get("pace")}
            case (
                AccountDescribed()
                | CommandReceived()
                | CommandRepeated()
                | CommandRefused()
                | DistributionOrdered()
                | HandoverOrdered()
                | LeadTouched()
                | LinkedRequested()
                | LinkedChanged()
                | LinkedLeft()
                | LookupRequested()
                | ManagerFoundInactive()
                | ManagerPaused()
                | ManagerResumed()
                | NoticeLeft()
                | NoticeRequested()
                | NoticeWritten()
                | RuleRevived()
                | RuleStalled()
                | TasksCounted()
                | TouchesRequested()
                | TriggerFellSilent()
                | TriggerHeard()
            ):
                pass  # nothing that is counted here
            case _:
                assert_never(event)

    def _seen(self, event: LeadSeen) -> None:
        self.known[event.lead_id] = event.responsible_id
        if event.stage.status_id in CLOSED_STATUSES:
            self.leads.pop(event.lead_id, None)
        elif (lead := self.leads.get(event.lead_id)) is not None:
            lead.stage, lead.responsible_id = event.stage, event.responsible_id
        else:
            self.leads[event.lead_id] = LeadBook(event.stage, event.responsible_id)

    def _moves(
        self, request_id: str, state: State, reason: str | None, rule_id: str | None = None
    ) -> None:
        if (request := self.requests.get(request_id)) is None:
            return
        self.queues.get(request.rule_id, {}).pop(request_id, None)
        request.state, request.reason = state, reason
        request.rule_id = rule_id or request.rule_id

    def _queue(self, request_id: str, timer_id: str, rule_id: str | None = None) -> None:
        """It waits for a timer; only what waits for anybody stands in the queue of its rule."""
        if (request := self.requests.get(request_id)) is None:
            return
        request.timer_id = timer_id
        if rule_id is not None:
            self.queues.setdefault(rule_id, {})[request_id] = request

    def _assigned(self, version: int, event: LeadAssigned) -> None:
        self._moves(event.request_id, "assigned", None, event.rule_id)
        if (request := self.requests.get(event.request_id)) is not None:
            request.attempts = event.attempt
        book = DecisionBook(version, event)
        self.decisions[event.request_id, event.attempt] = book
        self.turns = event.turn
        self.assigned[event.ledger, event.manager_id] += bool(event.movements)
        self._move(event.ledger, event.movements)
        for what, kind, _ in event.kinds:
            self._move_in_kind(event.ledger, LeadKind(what, kind), event.movements)
        if event.keeps_lead:
            book.state = "confirmed"  # Kommo has nothing to hold
            return
        self.newest[event.lead_id] = book
        if (lead := self.leads.get(event.lead_id)) is not None:
            lead.wanted = event

    def _withdrawn(self, event: AssignmentWithdrawn) -> None:
        is_refused = event.reason in ("manager_refused", "rejected")
        self._ended(event, "failed" if is_refused else "withdrawn")
        request = self.requests.get(event.request_id)
        if request is not None and request.state != "closed":
            self._moves(event.request_id, "undecided", None)
        self.assigned[event.ledger, event.manager_id] -= bool(event.movements)
        self._move(event.ledger, event.movements)
        for each in event.kinds:
            self._move_in_kind(event.ledger, each, event.movements)
        if (lead := self.leads.get(event.lead_id)) is not None:
            lead.wanted = None

    def _ended(
        self,
        event: AssignmentConfirmed | AssignmentWithdrawn,
        state: Literal["confirmed", "failed", "withdrawn"],
    ) -> None:
        if (book := self.decisions.get((event.request_id, event.attempt))) is not None:
            book.state, book.ended = state, event

    def _move(self, ledger: str, movements: tuple[tuple[int, int], ...]) -> None:
        for manager_id, units in movements:
            self.credits[ledger, manager_id] += units

    def _move_in_kind(
        self, ledger: str, kind: LeadKind, movements: tuple[tuple[int, int], ...]
    ) -> None:
        for manager_id, units in movements:
            self.kind_credits[ledger, kind, manager_id] += units

    def _forget_kinds(self, rules: dict[str, Any]) -> None:
        """A kind that the rules do not name is gone with its credits (D3.9)."""
        if not self.kind_credits:
            return
        dimensions = compile_kinds(RulesFile.model_validate(rules).ledgers)
        for place in list(self.kind_credits):
            ledger, (what, kind), _ = place
            found = [each for each in dimensions.get(ledger, ()) if each.what == what]
            if not any(each.keeps(kind) for each in found):
                del self.kind_credits[place]


def _limit_stages(rules: dict[str, Any]) -> dict[str, frozenset[Stage] | None]:
    found: dict[str, frozenset[Stage] | None] = {}
    for rule in rules["rules"]:
        stages = (rule.get("limit") or {}).get("stages")
        found[rule["id"]] = (
            frozenset(Stage(stage["pipeline"], stage["stage"]) for stage in stages)
            if stages
            else None
        )
    return found
