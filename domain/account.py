"""The account aggregate: its state, and how each event changes it.

`evolve` never refuses, history has happened; what should happen is decided in `domain.decide`.
The state grows with open leads, managers and waiting requests, never with history: closed leads
are remembered for a day, so that late copies of a webhook are still recognised.
"""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from contracts.events import (
    AccountDescribed,
    AllocationEvent,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    CommandRefused,
    CreditMoved,
    DistributionOrdered,
    Handover,
    HandoverOrdered,
    LeadAssigned,
    LeadDeleted,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedKind,
    LinkedLeft,
    LinkedRequested,
    LookupRequested,
    ManagerFoundInactive,
    ManagerPaused,
    ManagerResumed,
    ReadingPart,
    ReadingRequested,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    Responsible,
    RuleRevived,
    RulesApplied,
    RuleStalled,
    TimerScheduled,
    TouchesRequested,
)
from contracts.stage import CLOSED_STATUSES, Stage
from domain import caps
from domain.configuration import NO_RULES, Configuration, compile_rules
from domain.fair_share import negated
from domain.loads import Loads
from domain.offers import Offer, fold
from domain.release import Release

Thing = tuple[LinkedKind, int]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAPSE_TIMER = "lapse/"  # and the lead: such timers are forgotten with their lead's clock
TOLD_GONE = "deletion_told"  # why a lead is read
REMEMBERED_FOR = timedelta(hours=24)  # Kommo's last repeat of a webhook comes after 95 minutes
# A hook without a time is believed over dated reports up to this much later than its receipt:
# Kommo's clock and ours differ, and its times are whole seconds.
CLOCK_SLACK = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A decision on its way to Kommo."""

    request_id: str
    attempt: int
    manager_id: int
    rule_id: str
    ledger: str
    movements: tuple[tuple[int, int], ...]
    previous_id: int | None
    decided_at: datetime
    requested_at: datetime
    missed: tuple[tuple[int, int], ...] = ()
    counts_for_caps: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """An open lead.

    Attributes:
        stage_at: Kommo's time of the newest report of the stage; None when none had a time.
        responsible_at: The same for the responsible.
        doubtful_until: A hook without a time told the stage; dated reports up to here cannot
            be told older or newer.
        request_id: The request of the present entry into the stage (D1.3).
        asked: Stages for which it had a request before, ascending.
        wanted: The decision that Kommo has not confirmed yet.
        superseded_ids: Managers of earlier decisions that `wanted` replaced before they were
            confirmed: finding one of them in Kommo is our own doing (F36).
        is_told_gone: A webhook says that it was deleted, which is being read.
    """

    stage: Stage
    responsible_id: int | None = None
    stage_at: datetime | None = None
    responsible_at: datetime | None = None
    doubtful_until: datetime | None = None
    request_id: str | None = None
    asked: tuple[Stage, ...] = ()
    wanted: Wanted | None = None
    superseded_ids: tuple[int, ...] = ()
    is_told_gone: bool = False

    @property
    def owner_id(self) -> int | None:
        """Whom the lead counts for (D5.2)."""
        return self.wanted.manager_id if self.wanted else self.responsible_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A lead that closed or was deleted lately.

    Attributes:
        asked: Stages for which it had a request: a late trigger for one may be a repeat.
        stage: Where it was then, as far as we knew.
    """

    stage_at: datetime | None
    is_deleted: bool
    at: datetime
    asked: tuple[Stage, ...] = ()
    stage: Stage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request without a standing decision.

    Attributes:
        number: Its place among all requests of the account: the older is served first.
        opened_at: When the lead asked, also after decisions that Kommo refused.
        attempt: Of the next decision, 1 unless earlier ones were refused by Kommo or lapsed.
        tried: Who let the lead lapse in its pass (D7.3).
        rule_id: Empty while Kommo is read to know it.
        responsibles: Whose things are that belong to the lead, as far as that was read.
        is_handover: An administrator gives the lead away from its manager (D9.3): it is no owner's.
    """

    request_id: str
    number: int
    lead_id: int
    rule_id: str
    stage: Stage
    opened_at: datetime
    attempt: int = 1
    tried: tuple[int, ...] = ()
    responsibles: tuple[Responsible, ...] = ()
    is_handover: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing:
    """A request that waits for a reading.

    Attributes:
        revision: Of the rules that asked.
        until: It is decided without the answer then.
    """

    request: Request
    revision: int
    parts: tuple[ReadingPart, ...]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A request that waits for the lead's owner.

    Attributes:
        since: When it was first kept for him: he may be away for so long and no longer.
        back_at: When he should be back.
    """

    request: Request
    since: datetime
    back_at: datetime


@dataclass(slots=True, kw_only=True)
class Order:
    """Handovers on their way to Kommo, by kind and id of the thing."""

    request_id: str
    lead_id: int
    handovers: dict[Thing, Handover]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A manager takes no leads."""

    by_administrator: bool
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """The newest generation of a timer; `due_at` None is cancelled."""

    generation: int
    due_at: datetime | None


@dataclass(slots=True)
class Account:
    """Everything a decision may depend on.

    Dictionaries are for looking up, never for order, except the queues of `waiting` and `gone`,
    whose order is part of the state.

    Attributes:
        now: The latest time of any event; decisions never go back behind it (F64).
        connected_at: When the account was first described; older leads are not new to us.
        active_user_ids: Ascending; None until Kommo's users are known.
        credits: Ledger name to manager to units (D3.1); managers at 0 are missing.
        missed: Ledger name to manager to units he may catch up with (D3.3).
        releases: Rule to how far its queue is released, while it has a pace (D8.2).
        stalled: Rules whose leads wait with nobody in sight, ascending (D8.3).
        given: Manager to his leads of the last days, kept while a rule has caps (D5.5).
        last_turns: Manager to the number of his last assignment.
        waiting: Rule to its requests in the order they are served.
        preparing: Requests that wait for a reading, the longest waiting first.
        reserved: Owner to the requests that wait for him, in the order they came.
        linking: Decisions whose linked things are being read (D6.4).
        orders: Handovers that Kommo has not confirmed yet.
        changing: Thing to the order that hands it over.
        lookups: Leads whose reading was asked for, and when.
        offers: Leads whose manager has done nothing yet, under rules that pass them on.
    """

    account_id: int
    version: int = 0
    now: datetime = EPOCH
    connected_at: datetime | None = None
    timezone: str = "UTC"
    active_user_ids: tuple[int, ...] | None = None
    refused_user_ids: tuple[int, ...] = ()
    rules_data: dict[str, object] | None = None
    revision: int = 0
    configuration: Configuration = NO_RULES
    leads: dict[int, Lead] = field(default_factory=dict)
    gone: dict[int, Gone] = field(default_factory=dict)
    requests_total: int = 0
    turns: int = 0
    credits: dict[str, dict[int, int]] = field(default_factory=dict)
    missed: dict[str, dict[int, int]] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    stalled: tuple[str, ...] = ()
    given: dict[int, caps.Given] = field(default_factory=dict)
    last_turns: dict[int, int] = field(default_factory=dict)
    waiting: dict[str, dict[str, Request]] = field(default_factory=dict)
    opened: dict[str, Request] = field(default_factory=dict)
    preparing: dict[str, Preparing] = field(default_factory=dict)
    reserved: dict[int, dict[str, Reserved]] = field(default_factory=dict)
    linking: dict[str, LinkedRequested] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    changing: dict[Thing, str] = field(default_factory=dict)
    pauses: dict[int, Pause] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    lookups: dict[int, datetime] = field(default_factory=dict)
    offers: dict[int, Offer] = field(default_factory=dict)
    loads: Loads = field(default_factory=Loads)

    def ledger(self, name: str) -> dict[int, int]:
        """The credits of one ledger; absent managers have 0."""
        return self.credits.get(name, {})

    def owner_of(self, lead_id: int) -> int | None:
        """Whom a lead counts for; None for nobody, and for a lead that is not open."""
        lead = self.leads.get(lead_id)
        return lead.owner_id if lead is not None else None

    def pause_at(self, manager_id: int, at: datetime) -> Pause | None:
        """The pause that covers an instant, even if the clock has not spoken up yet."""
        if not self.configuration.activity.enabled:
            return None
        pause = self.pauses.get(manager_id)
        return pause if pause is not None and (pause.until is None or at < pause.until) else None

    def is_absent(self, manager_id: int, at: datetime) -> bool:
        """Whether a vacation or sick leave of his covers an instant."""
        absences = self.configuration.absences
        if absences is None or not absences.by_manager:
            return False
        return absences.is_absent(manager_id, at)

    def absent_until(self, manager_id: int, at: datetime) -> datetime | None:
        """When a manager who is absent at an instant returns; None when he is not absent."""
        absences = self.configuration.absences
        return absences.absent_until(manager_id, at) if absences is not None else None

    def is_inactive(self, manager_id: int) -> bool:
        """Whether Kommo would refuse him as a responsible user, as far as we know."""
        if self.refused_user_ids and manager_id in self.refused_user_ids:
            return True
        known = self.active_user_ids
        if known is None:
            return False
        place = bisect_left(known, manager_id)
        return place == len(known) or known[place] != manager_id

    def waiting_of(self, lead_id: int) -> Request | None:
        """The lead's waiting request, whatever it waits for, if it has one."""
        lead = self.leads.get(lead_id)
        if lead is None or lead.request_id is None:
            return None
        if (preparing := self.preparing.get(lead.request_id)) is not None:
            return preparing.request
        for reserved in self.reserved.values():
            if (kept := reserved.get(lead.request_id)) is not None:
                return kept.request
        for queue in self.waiting.values():
            if (request := queue.get(lead.request_id)) is not None:
                return request
        return None

    def compile(self) -> None:
        """Compile the rules again after they, the zone or the users changed."""
        if self.rules_data is not None:
            self.configuration = compile_rules(
                self.rules_data,
                revision=self.revision,
                timezone=self.timezone,
                active_user_ids=self.active_user_ids or (),
            )

    def evolve(self, event: AllocationEvent) -> None:  # noqa: C901, PLR0912, PLR0915 - a case per event
        """Fold the next event of the log into the state."""
        self.version += 1
        self.now = max(self.now, event.at)
        match event:
            case LeadSeen():
                self._lead_seen(event)
            case LeadAssigned():
                self._lead_assigned(event)
            case RequestOpened():
                self._request_opened(event)
            case AssignmentConfirmed():
                self._assignment_confirmed(event)
            case RequestDeferred():
                self._request_deferred(event)
            case AssignmentWithdrawn():
                self._assignment_withdrawn(event)
            case RequestClosed():
                self._forget_request(event.request_id)
            case ReadingRequested():
                self._reading_requested(event)
            case RequestPrepared():
                request = self._taken(event.request_id)
                self.opened[event.request_id] = replace(
                    request, rule_id=event.rule_id or "", responsibles=event.responsibles
                )
            case RequestReserved():
                self._request_reserved(event)
            case LinkedRequested():
                self.linking[event.order_id] = event
            case LinkedDecided():
                self._linked_decided(event)
            case LinkedChanged() | LinkedLeft():
                self._linked_settled(event)
            case TimerScheduled(due_at=None) if event.timer_id.startswith(LAPSE_TIMER):
                self.timers.pop(event.timer_id, None)
            case TimerScheduled():
                self.timers[event.timer_id] = Timer(
                    generation=event.generation, due_at=event.due_at
                )
            case LeadDeleted():
                self._lead_deleted(event)
            case LookupRequested():
                self._lookup_requested(event)
            case CreditMoved():
                self._move(event.ledger, event.movements)
                if event.reason == "caught_up":
                    self._forget_missed(event)
            case ManagerPaused():
                self.pauses[event.manager_id] = Pause(
                    by_administrator=event.by_administrator, until=event.until
                )
            case ManagerResumed():
                self.pauses.pop(event.manager_id, None)
            case ManagerFoundInactive():
                self.refused_user_ids = tuple(sorted({*self.refused_user_ids, event.manager_id}))
            case AccountDescribed():
                self._account_described(event)
            case RulesApplied():
                self._rules_applied(event)
            case RuleStalled():
                self.stalled = tuple(sorted({*self.stalled, event.rule_id}))
            case RuleRevived():
                self.stalled = tuple(r for r in self.stalled if r != event.rule_id)
            case (
                DistributionOrdered()
                | HandoverOrdered()
                | CommandRefused()
                | TouchesRequested()
                | LeadTouched()
                | LeadLapsed()
            ):
                pass
            case _:
                assert_never(event)
        fold(self.offers, event, owner_of=self.owner_of, configuration=self.configuration)

    def _account_described(self, event: AccountDescribed) -> None:
        self.timezone = event.timezone
        self.active_user_ids = tuple(sorted(event.active_user_ids))
        self.refused_user_ids = ()
        self.connected_at = self.connected_at or event.at
        self.compile()

    def _rules_applied(self, event: RulesApplied) -> None:
        """Put the rules in force, and forget what none of them keeps any more."""
        self.revision, self.rules_data = event.revision, event.rules
        self.compile()
        rules = self.configuration.rules
        catching_up = {rule.ledger for rule in rules if rule.catch_up_units}
        paced = {rule.rule_id for rule in rules if rule.pace is not None}
        self.missed = {name: m for name, m in self.missed.items() if name in catching_up}
        self.releases = {rule_id: r for rule_id, r in self.releases.items() if rule_id in paced}
        self.given = self.given if self.configuration.has_caps else {}

    def _lead_seen(self, event: LeadSeen) -> None:
        lead_id, old = event.lead_id, self.leads.get(event.lead_id)
        self.lookups.pop(lead_id, None)
        self.loads.move(
            stage=event.was_stage, owner_id=event.was_owner_id, to=event.stage, to_id=event.owner_id
        )
        if event.stage.status_id in CLOSED_STATUSES:
            self.leads.pop(lead_id, None)
            asked = old.asked if old else self._asked_before(lead_id)
            gone = Gone(
                stage_at=event.modified_at,
                is_deleted=False,
                at=event.at,
                asked=asked,
                stage=event.stage,
            )
            self._remember_gone(lead_id, gone)
            return
        asked = self._asked_before(lead_id)
        self.gone.pop(lead_id, None)
        at = event.modified_at
        if old is None:
            old = Lead(stage=event.stage, asked=asked)
            entered = True
        else:
            entered = old.stage != event.stage
        untimed = at is None and entered
        self.leads[lead_id] = replace(
            old,
            stage=event.stage,
            responsible_id=event.responsible_id,
            stage_at=_later(old.stage_at, at),
            # A widget's trigger has a time, and says nothing of the responsible.
            responsible_at=_later(old.responsible_at, at)
            if event.source != "dp_widget"
            else old.responsible_at,
            doubtful_until=event.at + CLOCK_SLACK
            if untimed
            else (old.doubtful_until if at is None else None),
            request_id=None if entered else old.request_id,
            is_told_gone=False,
            wanted=old.wanted
            and (
                replace(old.wanted, previous_id=event.responsible_id)
                if old.wanted.previous_id is None or event.source == "own_write"
                else old.wanted
            ),
        )

    def _lookup_requested(self, event: LookupRequested) -> None:
        self.lookups[event.lead_id] = event.at
        lead = self.leads.get(event.lead_id)
        if lead is not None and event.reason == TOLD_GONE:
            self.leads[event.lead_id] = replace(lead, is_told_gone=True)

    def _lead_deleted(self, event: LeadDeleted) -> None:
        old = self.leads.pop(event.lead_id, None)
        self.lookups.pop(event.lead_id, None)
        self.loads.move(stage=event.was_stage, owner_id=event.was_owner_id, to=None, to_id=None)
        stage_at = old.stage_at if old else None
        asked = old.asked if old else self._asked_before(event.lead_id)
        known = self.gone.get(event.lead_id)
        stage = event.was_stage or (known.stage if known is not None else None)
        gone = Gone(stage_at=stage_at, is_deleted=True, at=event.at, asked=asked, stage=stage)
        self._remember_gone(event.lead_id, gone)

    def _asked_before(self, lead_id: int) -> tuple[Stage, ...]:
        gone = self.gone.get(lead_id)
        return gone.asked if gone is not None else ()

    def _remember_gone(self, lead_id: int, gone: Gone) -> None:
        self.gone.pop(lead_id, None)
        self.gone[lead_id] = gone
        forgotten = gone.at - REMEMBERED_FOR
        while (oldest := next(iter(self.gone))) and self.gone[oldest].at < forgotten:
            del self.gone[oldest]

    def _request_opened(self, event: RequestOpened) -> None:
        self.requests_total += 1
        self.opened[event.request_id] = Request(
            request_id=event.request_id,
            number=self.requests_total,
            lead_id=event.lead_id,
            rule_id=event.rule_id or "",
            stage=event.stage,
            opened_at=event.at,
            is_handover=event.source == "handover",
        )
        lead = self.leads.get(event.lead_id)
        if lead is not None and lead.stage == event.stage:
            asked = tuple(sorted({*lead.asked, event.stage}))
            self.leads[event.lead_id] = replace(lead, request_id=event.request_id, asked=asked)

    def _reading_requested(self, event: ReadingRequested) -> None:
        self.preparing[event.request_id] = Preparing(
            request=self._taken(event.request_id),
            revision=event.revision,
            parts=event.parts,
            until=event.next_look_at,
        )

    def _request_reserved(self, event: RequestReserved) -> None:
        known = self.reserved.get(event.manager_id, {}).get(event.request_id)
        request = replace(self._taken(event.request_id), rule_id=event.rule_id)
        self.reserved.setdefault(event.manager_id, {})[event.request_id] = Reserved(
            request=request,
            since=known.since if known is not None else event.at,
            back_at=event.next_look_at,
        )

    def _linked_decided(self, event: LinkedDecided) -> None:
        self.linking.pop(event.order_id, None)
        if not event.handovers:
            return
        handovers = {(each.kind, each.entity_id): each for each in event.handovers}
        self.orders[event.order_id] = Order(
            request_id=event.request_id, lead_id=event.lead_id, handovers=handovers
        )
        self.changing.update(dict.fromkeys(handovers, event.order_id))
        for each in handovers.values():
            if each.kind == "lead" and (lead := self.leads.get(each.entity_id)) is not None:
                # The echo may come before the answer (F36).
                expected = (*lead.superseded_ids, each.manager_id)
                self.leads[each.entity_id] = replace(lead, superseded_ids=expected)

    def _linked_settled(self, event: LinkedChanged | LinkedLeft) -> None:
        thing = (event.kind, event.entity_id)
        order = self.orders[event.order_id]
        del order.handovers[thing], self.changing[thing]
        if not order.handovers:
            del self.orders[event.order_id]
        lead = self.leads.get(event.entity_id) if event.kind == "lead" else None
        if lead is not None and event.manager_id in lead.superseded_ids:
            kept = list(lead.superseded_ids)
            kept.remove(event.manager_id)
            self.leads[event.entity_id] = replace(lead, superseded_ids=tuple(kept))

    def _request_deferred(self, event: RequestDeferred) -> None:
        request = replace(self._taken(event.request_id), rule_id=event.rule_id)
        queue = self.waiting.setdefault(event.rule_id, {})
        is_last = not queue or request.number > queue[next(reversed(queue))].number
        queue[request.request_id] = request
        if not is_last:  # refused by Kommo, or moved here by new rules: back to its place
            by_number = sorted(queue.values(), key=lambda waiting: waiting.number)
            self.waiting[event.rule_id] = {waiting.request_id: waiting for waiting in by_number}

    def _taken(self, request_id: str) -> Request:
        request = self._forget_request(request_id)
        assert request is not None, "a request that waits was opened"
        return request

    def _forget_request(self, request_id: str) -> Request | None:
        if (request := self.opened.pop(request_id, None)) is not None:
            return request
        if (preparing := self.preparing.pop(request_id, None)) is not None:
            return preparing.request
        for manager_id, reserved in self.reserved.items():
            if (kept := reserved.pop(request_id, None)) is not None:
                if not reserved:
                    del self.reserved[manager_id]
                return kept.request
        for rule_id, queue in self.waiting.items():
            if (request := queue.pop(request_id, None)) is not None:
                if not queue:
                    del self.waiting[rule_id]
                    self.releases.pop(rule_id, None)
                return request
        return None

    def _lead_assigned(self, event: LeadAssigned) -> None:
        request = self._forget_request(event.request_id)
        self._release(event)
        self._move(event.ledger, event.movements)
        self._miss(event.ledger, event.missed)
        lead = self.leads[event.lead_id]
        self.turns = event.turn
        if event.policy not in ("duty", "owner"):
            self.last_turns[event.manager_id] = event.turn
            if self.configuration.has_caps:
                caps.add(self.given.setdefault(event.manager_id, {}), event.at)
        if event.keeps_lead:
            return
        self.loads.move(
            stage=event.stage,
            owner_id=event.was_owner_id,
            to=event.stage,
            to_id=event.manager_id,
        )
        wanted = Wanted(
            request_id=event.request_id,
            attempt=event.attempt,
            manager_id=event.manager_id,
            rule_id=event.rule_id,
            ledger=event.ledger,
            movements=event.movements,
            previous_id=event.responsible_before,
            decided_at=event.at,
            missed=event.missed,
            requested_at=request.opened_at if request is not None else event.at,
            counts_for_caps=event.policy not in ("duty", "owner"),
        )
        self.leads[event.lead_id] = replace(lead, wanted=wanted)

    def _assignment_confirmed(self, event: AssignmentConfirmed) -> None:
        lead = self.leads[event.lead_id]
        self.leads[event.lead_id] = replace(
            lead,
            wanted=None,
            superseded_ids=(),
            responsible_id=event.manager_id,
            responsible_at=_later(lead.responsible_at, event.modified_at),
        )

    def _assignment_withdrawn(self, event: AssignmentWithdrawn) -> None:
        self._move(event.ledger, event.movements)
        lead = self.leads[event.lead_id]
        wanted = lead.wanted
        assert wanted is not None, "only a decision that is on its way can be withdrawn"
        self._miss(event.ledger, negated(wanted.missed))
        if (given := self.given.get(event.manager_id)) is not None and wanted.counts_for_caps:
            caps.take_back(given, wanted.decided_at)
            if not given:
                del self.given[event.manager_id]
        self.loads.move(
            stage=event.stage, owner_id=event.manager_id, to=event.stage, to_id=event.owner_id
        )
        is_replaced = event.reason in ("superseded", "manager_refused")
        self.leads[event.lead_id] = replace(
            lead,
            wanted=None,
            superseded_ids=(*lead.superseded_ids, event.manager_id) if is_replaced else (),
        )
        if event.reason == "manager_refused":
            self.opened[event.request_id] = Request(
                request_id=event.request_id,
                number=int(event.request_id.rpartition(".")[2]),
                lead_id=event.lead_id,
                rule_id=wanted.rule_id,
                stage=lead.stage,
                opened_at=wanted.requested_at,
                attempt=event.attempt + 1,
                tried=self.offers[event.lead_id].tried if event.lead_id in self.offers else (),
            )

    def _move(self, ledger: str, movements: tuple[tuple[int, int], ...]) -> None:
        credit = self.credits.setdefault(ledger, {})
        for manager_id, units in movements:
            credit[manager_id] = credit.get(manager_id, 0) + units
            if not credit[manager_id]:
                del credit[manager_id]  # so that equal states are equal

    def _release(self, event: LeadAssigned) -> None:
        rule = self.configuration.by_id.get(event.rule_id)
        if rule is None or rule.pace is None or event.rule_id not in self.waiting:
            return
        release = self.releases.setdefault(event.rule_id, Release(event.at))
        if event.release == "backlog":
            release.count(rule.pace, event.manager_id, event.at)
        elif event.release == "fresh":
            release.balance -= 1

    def _miss(self, ledger: str, missed: tuple[tuple[int, int], ...]) -> None:
        for manager_id, units in missed:
            known = self.missed.setdefault(ledger, {})
            # What was caught up with meanwhile is not taken back: the ledger has moved on.
            known[manager_id] = max(0, known.get(manager_id, 0) + units)
            if not known[manager_id]:
                del known[manager_id]
            if not known:
                del self.missed[ledger]

    def _forget_missed(self, event: CreditMoved) -> None:
        known = self.missed.get(event.ledger, {})
        for manager_id, units in event.movements:
            if units > 0:
                known.pop(manager_id, None)
        if not known:
            self.missed.pop(event.ledger, None)


def _later(known: datetime | None, reported: datetime | None) -> datetime | None:
    if known is None or reported is None:
        return reported or known
    return max(known, reported)
