"""An account that lives through its past again, by other rules.

Nothing is stored and nobody is called: the world is played from what the past tells, and every
decision is taken by `decide`, as it would have been. What is assumed where the past cannot tell:

- Kommo takes each decision, and answers each question, after a moment.
- Leads come, move, close and are taken by people when they did, whoever has them.
- A manager does with a lead what they did when they had it, or lets it lapse, or passes it on;
  else they do what the one did who had it; where nobody knows, it is worked on at once.
- A condition holds if it held for the request of then; one that was not asked then does not. A
  kind that was not found out then is "other".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Literal, assert_never

from contracts.events import (
    AccountDescribed,
    AllocationEvent,
    AssignmentConfirmed,
    CreditMoved,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    LeadDeleted,
    LeadKind,
    LinkedRequested,
    ManagerFoundInactive,
    ManagerPaused,
    ManagerResumed,
    NoticeRequested,
    Outcome,
    ReadingRequested,
    Recorded,
    RequestClosed,
    RequestOpened,
    TasksCounted,
    TimerScheduled,
    TouchesRequested,
)
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    DistributeLeads,
    Ended,
    FactsRead,
    HandOverLeads,
    Inbound,
    InboundBody,
    LeadMissing,
    LeadObserved,
    LeadReported,
    LedgerKinds,
    LinkedFound,
    NoticeSettled,
    PassLeadOn,
    PauseManager,
    PostCorrection,
    ResponsibleSet,
    ResumeManager,
    SeenTask,
    TaskRemoved,
    TasksListed,
    TimerDue,
    TouchesRead,
    TouchReported,
    TriggerFired,
)
from domain.commands.orders import LEADS_MAX
from domain.commands.triggers import as_of_a_file
from domain.configuration import Rule
from domain.decide import decide
from domain.kinds import OTHER
from domain.requests.readings import rules_at
from domain.state import Account
from domain.state.request import Preparing
from domain.state.rows import EPOCH
from domain.step import Step
from domain.whatif.past import Entered, Happening, Known, Past, Reaction, Seen

MOMENT = timedelta(seconds=2)
TICK = timedelta(microseconds=1)
BY = "what-if"
ID_MAX = 2**53 - 1

_Later = Callable[[], InboundBody | None]


@dataclass(slots=True, kw_only=True)
class Assumed:
    """How often something had to be assumed.

    Attributes:
        unknown_conditions: Requests for which a condition of the rules had not been asked then.
        unknown_kinds: Requests of whose leads the kind was not found out then (D3.9).
        unknown_reactions: Leads that a rule would have passed on, of which nobody knows when they
            were worked on.
    """

    unknown_conditions: int = 0
    unknown_kinds: int = 0
    unknown_reactions: int = 0


@dataclass(slots=True)
class World:
    """The account, and what happens to it next.

    Attributes:
        account: As it was at the beginning; it moves on.
        past: What happens, whatever the rules.
    """

    account: Account
    past: Past
    assumed: Assumed = field(default_factory=Assumed)
    _now: datetime = field(init=False)
    _queue: list[tuple[datetime, int, _Later]] = field(default_factory=list)
    _number: int = 0
    _ended: dict[int, RequestClosed] = field(default_factory=dict)
    _given: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._now = self.account.now

    def live(
        self, rules: Mapping[str, Any], *, start: datetime, end: datetime
    ) -> Iterator[Recorded]:
        """Put the rules in force and let the time pass; every event, as it would be recorded.

        Args:
            rules: A rules file as JSON data, without problems, its triggers' rules as they would
                be in force: none that the past knows takes their place.
            start: When they are put in force.
            end: The first instant that is left out.
        """
        self._now = max(self._now, start)
        self._take_up()
        wanted = as_of_a_file(rules)
        yield from self._tell(ApplyRules(rules=wanted, by=BY))
        assert self.account.rules_data == wanted, "whoever asks has seen to it that they are usable"
        for happening in self.past.happenings:
            yield from self._pass_until(happening.at)
            self._now = max(self._now + TICK, happening.at)
            for body in self._bodies(happening):
                yield from self._tell(body)
        yield from self._pass_until(end)

    def _pass_until(self, at: datetime) -> Iterator[Recorded]:
        while self._queue and self._queue[0][0] < at:
            due_at, _, later = heappop(self._queue)
            body = later()
            if body is not None:
                self._now = max(self._now + TICK, due_at)
                yield from self._tell(body)

    def _tell(self, body: InboundBody) -> Iterator[Recorded]:
        account, version = self.account, self.account.version
        self._number += 1
        message_id = f"w{self._number}"
        message = Inbound(
            account_id=account.account_id, message_id=message_id, at=self._now, body=body
        )
        for event in decide(account, message):
            version += 1
            self._react(event)
            yield Recorded(
                account_id=account.account_id, version=version, cause=message_id, event=event
            )

    def _later(self, at: datetime, later: _Later) -> None:
        self._number += 1
        heappush(self._queue, (at, self._number, later))

    def _take_up(self) -> None:
        """What was under way at the beginning goes on."""
        account = self.account
        for timer_id, timer in sorted(account.timers.items()):
            if timer.due_at is not None:
                self._wake(timer_id, timer.generation, timer.due_at)
        for lead_id, lead in sorted(account.leads.items()):
            if (wanted := lead.wanted) is not None:
                self._set(lead_id, wanted.request_id, wanted.attempt, wanted.manager_id)
        for request_id in tuple(account.requests.preparing):
            self._later(self._now + MOMENT, self._facts(request_id))
        for lead_id, offer in sorted(account.offers.items()):
            if offer.decide_at is not None:
                self._look_for_touches(lead_id, offer.request_id, offer.attempt)
            elif offer.held_at is not None:
                self._expect(lead_id, offer.manager_id, offer.held_at)

    # What the past says, as messages to this account.

    def _bodies(self, happening: Happening) -> Iterator[InboundBody]:
        match happening:
            case Seen():
                yield self._seen(happening)
            case Entered(is_entry=False):
                pass
            case Entered():
                yield TriggerFired(
                    lead_id=happening.lead_id, stage=happening.stage, source="dp_widget"
                )
            case LeadDeleted():
                yield LeadMissing(lead_id=happening.lead_id)
            case DistributionOrdered():
                yield self._distributed(happening)
            case HandoverOrdered():
                yield from self._handed_over(happening)
            case TasksCounted():
                yield from _counted(happening)
            case _:
                yield from self._ordered(happening)

    def _seen(self, seen: Seen) -> InboundBody:
        lead = self.account.leads.get(seen.lead_id)
        action: Literal["add", "status", "responsible"] = "add" if lead is None else "status"
        if lead is not None and lead.stage == seen.stage:
            action = "responsible"
        elif not seen.is_entry:
            known_id = lead.responsible_id if lead is not None else None
            return LeadObserved(
                lead_id=seen.lead_id,
                stage=seen.stage,
                responsible_id=seen.responsible_id or known_id or 0,
                modified_at=self._now,
                created_at=EPOCH,
                reason="baseline",
                is_taken=True,
            )
        return LeadReported(
            lead_id=seen.lead_id,
            action=action,
            stage=seen.stage,
            responsible_id=seen.responsible_id,
            modified_at=self._now,
        )

    def _distributed(self, order: DistributionOrdered) -> DistributeLeads:
        ended = []
        for lead_id in order.lead_ids:
            closed, lead = self._ended.get(lead_id), self.account.leads.get(lead_id)
            if closed is not None and lead is not None:
                ended.append(Ended(lead_id, closed.request_id, closed.reason, lead.owner_id))
        return DistributeLeads(lead_ids=order.lead_ids, by=BY, ended=tuple(ended))

    def _handed_over(self, order: HandoverOrdered) -> Iterator[InboundBody]:
        """All that the manager has here and now, which may be other leads than it was."""
        theirs = sorted(
            i for i, lead in self.account.leads.items() if lead.owner_id == order.manager_id
        )
        is_known = order.rule_id in self.account.configuration.by_id
        for first in range(0, len(theirs), LEADS_MAX):
            yield HandOverLeads(
                handover_id=order.handover_id,
                manager_id=order.manager_id,
                lead_ids=tuple(theirs[first : first + LEADS_MAX]),
                by=BY,
                rule_id=order.rule_id if is_known else None,
            )

    def _ordered(
        self,
        event: AccountDescribed
        | CreditMoved
        | ManagerFoundInactive
        | ManagerPaused
        | ManagerResumed,
    ) -> Iterator[InboundBody]:
        match event:
            case AccountDescribed():
                yield DescribeAccount(
                    timezone=event.timezone,
                    active_user_ids=event.active_user_ids,
                    limited=event.limited,
                    began_at=event.began_at,
                )
            case ManagerFoundInactive():
                active = self.account.active_user_ids or ()
                yield DescribeAccount(
                    timezone=self.account.timezone,
                    active_user_ids=tuple(i for i in active if i != event.manager_id),
                    limited=tuple(self.account.limited.values()),
                )
            case ManagerPaused():
                yield PauseManager(
                    manager_id=event.manager_id,
                    by=BY,
                    by_administrator=True,
                    until=event.until,
                    reason=event.reason,
                )
            case ManagerResumed():
                yield ResumeManager(manager_id=event.manager_id, by=BY, by_administrator=True)
            case CreditMoved():
                manager_id, units = max(event.movements, key=lambda each: abs(each[1]))
                yield PostCorrection(
                    manager_id=manager_id,
                    credit_units=units,
                    by=BY,
                    reason=event.note,
                    ledger=event.ledger,
                )
            case _:
                assert_never(event)

    # What the world answers to what the account decides.

    def _react(self, event: AllocationEvent) -> None:  # noqa: C901 - a case per event
        match event:
            case TimerScheduled(due_at=datetime() as due_at):
                self._wake(event.timer_id, event.generation, due_at)
            case LeadAssigned():
                self._ended.pop(event.lead_id, None)
                self._given[event.lead_id] += 1
                if not event.keeps_lead:
                    self._set(event.lead_id, event.request_id, event.attempt, event.manager_id)
            case AssignmentConfirmed():
                self._expect(event.lead_id, event.manager_id, self._now)
            case TouchesRequested():
                self._look_for_touches(event.lead_id, event.request_id, event.attempt)
            case ReadingRequested():
                self._later(self._now + MOMENT, self._facts(event.request_id))
            case RequestOpened():
                self._ended.pop(event.lead_id, None)
            case RequestClosed():
                self._ended[event.lead_id] = event
            case LinkedRequested():  # what belongs to a lead decides nothing
                found = LinkedFound(order_id=event.order_id, things=())
                self._later(self._now + MOMENT, lambda: found)
            case NoticeRequested():
                settled = NoticeSettled(order_id=event.order_id, kind=event.kind, how="answered")
                self._later(self._now + MOMENT, lambda: settled)
            case _:
                pass

    def _wake(self, timer_id: str, generation: int, due_at: datetime) -> None:
        def due() -> TimerDue | None:
            timer = self.account.timers.get(timer_id)
            if timer is None or timer.generation != generation or timer.due_at is None:
                return None
            return TimerDue(timer_id=timer_id, generation=generation)

        self._later(due_at, due)

    def _set(self, lead_id: int, request_id: str, attempt: int, manager_id: int) -> None:
        at = self._now + MOMENT

        def taken() -> ResponsibleSet:
            return ResponsibleSet(
                request_id=request_id,
                attempt=attempt,
                lead_id=lead_id,
                manager_id=manager_id,
                modified_at=max(at, self._now + TICK),
                how="answered",
            )

        self._later(at, taken)

    def _expect(self, lead_id: int, manager_id: int, held_at: datetime) -> None:
        """Whoever has a lead that is passed on does something with it, or does not."""
        offer = self.account.offers.get(lead_id)
        if offer is None or offer.manager_id != manager_id:
            return
        reaction = self.past.reaction(lead_id, manager_id, max(0, self._given[lead_id] - 1))
        if reaction is None:
            self.assumed.unknown_reactions += 1
            reaction = Reaction(manager_id=manager_id, kind="call")
        if reaction.kind is None and not reaction.gives_up:
            return
        kind = reaction.kind

        def done() -> TouchReported | PassLeadOn:
            if kind is None:
                return PassLeadOn(lead_id=lead_id, by=BY, reason="", manager_id=manager_id)
            return TouchReported(
                lead_id=lead_id, kind=kind, by=manager_id, happened_at=self._now + TICK
            )

        self._later(held_at + max(reaction.after, MOMENT), done)

    def _look_for_touches(self, lead_id: int, request_id: str, attempt: int) -> None:
        """Whatever they did was told before."""
        read = TouchesRead(lead_id=lead_id, request_id=request_id, attempt=attempt)
        self._later(self._now + MOMENT, lambda: read)

    def _facts(self, request_id: str) -> _Later:
        def read() -> FactsRead | None:
            return self._read(request_id)

        return read

    def _read(self, request_id: str) -> FactsRead | None:
        """What Kommo told of the lead then, as far as it is asked for now."""
        account = self.account
        request = account.requests.preparing.get(request_id)
        if request is None or not isinstance(request.state, Preparing):
            return None
        lead = account.leads[request.lead_id]
        known = self.past.known_at(request.lead_id, request.opened_at)
        conditions = known.conditions if known is not None else {}
        rules = rules_at(Step(account, "", self._now), request.stage)
        outcomes = tuple(
            Outcome(rule.rule_id, condition.what, conditions.get(condition))
            for rule in rules
            for condition in rule.conditions
        )
        kinds, is_any_unknown = _kinds(rules, known)
        self.assumed.unknown_kinds += is_any_unknown
        self.assumed.unknown_conditions += any(each.is_met is None for each in outcomes)
        read = known.parts if known is not None else ()
        return FactsRead(
            request_id=request_id,
            lead_id=request.lead_id,
            revision=request.state.revision,
            stage=lead.stage,
            responsible_id=lead.responsible_id or 0,
            modified_at=self._now + TICK,
            created_at=request.opened_at,
            outcomes=outcomes,
            responsibles=known.responsibles if known is not None else (),
            created_by=0,
            unread=tuple(
                part for part in request.state.parts if part != "lead" and part not in read
            ),
            others=known.others if known is not None else (),
            kinds=kinds,
        )


def _kinds(rules: Iterable[Rule], known: Known | None) -> tuple[tuple[LedgerKinds, ...], bool]:
    """Of which kinds the lead is in each ledger, and whether one of them is not known.

    A number means the same under all rules; "other" only where leads are told apart alike.
    """
    told = known.kinds if known is not None else {}
    found: dict[str, tuple[LeadKind, ...]] = {}
    is_any_unknown = False
    for rule in rules:
        kinds = []
        for dimension in rule.kinds:
            if not dimension.is_read:
                continue
            before, number = told.get(dimension.what, (None, OTHER))
            is_known = before == dimension or (number != OTHER and dimension.keeps(number))
            kinds.append(LeadKind(dimension.what, number if is_known else OTHER))
            is_any_unknown |= not is_known
        if kinds:
            found[rule.ledger] = tuple(kinds)
    return tuple(LedgerKinds(*each) for each in sorted(found.items())), is_any_unknown


def _counted(event: TasksCounted) -> Iterator[InboundBody]:
    """Tasks as they were counted then, as if each had been read from Kommo just now."""
    for change in event.changes:
        if change.manager_id is None or change.modified_at is None:
            yield TaskRemoved(task_id=change.task_id)
        elif not change.is_missed:
            seen = SeenTask(change.task_id, change.manager_id, change.due_at, change.modified_at)
            yield TasksListed(
                after_id=change.task_id - 1, up_to_id=change.task_id, tasks=(seen,), as_of=event.at
            )
    if event.is_whole:
        yield TasksListed(after_id=ID_MAX, up_to_id=None, tasks=(), as_of=event.at)
