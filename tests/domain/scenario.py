"""given / when / then for an account, and a line per event to compare with.

`then` compares the whole answer, event by event, in the words of `told`: everything of an event
that a reader of a test has to know, nothing that every event has. Where the rest of an event is
the point, a test compares the events themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from contracts.events import (
    Access,
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
    TriggerFellSilent,
    TriggerHeard,
)
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    FactsRead,
    Inbound,
    InboundBody,
    LeadAnnounced,
    LeadMissing,
    LeadObserved,
    LeadRemoved,
    LeadReported,
    PauseManager,
    ResponsibleRefused,
    ResponsibleSet,
    ResumeManager,
    TimerDue,
    TouchesRead,
    TouchReported,
    TriggerFired,
)
from contracts.stage import LOST, WON, Stage
from domain.decide import decide
from domain.state import LAPSE_TIMER, Account

ACCOUNT_ID = 32_000_001
NEW = Stage(7, 70)  # covered by rule "a"
HOT = Stage(7, 71)  # covered by rule "b" where a test has one
WORK = Stage(7, 72)  # covered by no rule
STAGES = {"new": NEW, "hot": HOT, "work": WORK, "won": Stage(7, WON), "lost": Stage(7, LOST)}
ANN, BOB, CEM, DAN = 501, 502, 503, 504
BOSS = 900  # who creates the leads, takes part in nothing
MONDAY = datetime(2026, 10, 12, tzinfo=UTC)
NINE = MONDAY + timedelta(hours=9)
NOON = MONDAY + timedelta(hours=12)
OFFICE = {
    "weekly": {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
}


def at(seconds: int, *, since: datetime = NOON) -> datetime:
    return since + timedelta(seconds=seconds)


def participant(manager: int, **rest: Any) -> dict[str, Any]:
    return {"manager": manager, **rest}


def rule(
    *participants: dict[str, Any] | int,
    rule_id: str = "a",
    stages: Iterable[Stage] = (NEW,),
    **rest: Any,
) -> dict[str, Any]:
    return {
        "id": rule_id,
        "stages": [{"pipeline": s.pipeline_id, "stage": s.status_id} for s in stages],
        "participants": [participant(p) if isinstance(p, int) else p for p in participants],
        **rest,
    }


def limit(maximum: int, *stages: Stage) -> dict[str, Any]:
    section: dict[str, Any] = {"max": maximum}
    if stages:
        section["stages"] = [{"pipeline": s.pipeline_id, "stage": s.status_id} for s in stages]
    return section


def rules(*sections: dict[str, Any], **rest: Any) -> ApplyRules:
    return ApplyRules(rules={"version": 1, "rules": list(sections), **rest}, by="admin")


# Messages ------------------------------------------------------------------------------------


def dp(lead: int = 1, stage: Stage = NEW, **rest: Any) -> TriggerFired:
    return TriggerFired(lead_id=lead, stage=stage, **{"source": "dp_hook", **rest})


def reported(
    lead: int = 1,
    stage: Stage = NEW,
    *,
    by: int | None = BOSS,
    modified: datetime | None = NOON,
    action: Any = "status",
    created: datetime | None = NOON,
    author: int | None = None,
) -> LeadReported:
    return LeadReported(
        lead_id=lead,
        action=action,
        stage=stage,
        responsible_id=by,
        modified_at=modified,
        created_at=created,
        modified_by=author,
    )


def observed(
    lead: int = 1,
    stage: Stage = NEW,
    *,
    by: int = BOSS,
    modified: datetime = NOON,
    created: datetime = NOON,
    reason: Any = "sweep",
    taken: bool = False,
) -> LeadObserved:
    return LeadObserved(
        lead_id=lead,
        stage=stage,
        responsible_id=by,
        modified_at=modified,
        created_at=created,
        reason=reason,
        is_taken=taken,
    )


def facts(
    lead: int = 1, stage: Stage = NEW, *, by: int = BOSS, modified: datetime = NOON, **rest: Any
) -> FactsRead:
    defaults: dict[str, Any] = {
        "request_id": f"{lead}.{lead}",
        "revision": 1,
        "created_at": NOON,
        "outcomes": (),
        "responsibles": (),
        "created_by": 0,
        "unread": (),
    }
    return FactsRead(
        lead_id=lead,
        stage=stage,
        responsible_id=by,
        modified_at=modified,
        **{**defaults, **rest},
    )


def owned(lead: int = 1, *, by: int = BOSS, **responsibles: int) -> FactsRead:
    """What is read of a lead whose contact, company or other lead is somebody's."""
    return facts(
        lead,
        by=by,
        responsibles=tuple(Responsible(s, m) for s, m in responsibles.items()),  # type: ignore[arg-type]
    )


def patched(
    lead: int = 1,
    manager: int = ANN,
    *,
    request: str | None = None,
    attempt: int = 1,
    modified: datetime = NOON,
    how: Any = "answered",
) -> ResponsibleSet:
    return ResponsibleSet(
        request_id=request or f"{lead}.{lead}",
        attempt=attempt,
        lead_id=lead,
        manager_id=manager,
        modified_at=modified,
        how=how,
    )


def refused(
    lead: int = 1,
    manager: int = ANN,
    *,
    request: str | None = None,
    attempt: int = 1,
    reason: Any = "manager_refused",
    detail: str = "",
    active: bool | None = False,
) -> ResponsibleRefused:
    return ResponsibleRefused(
        request_id=request or f"{lead}.{lead}",
        attempt=attempt,
        lead_id=lead,
        manager_id=manager,
        reason=reason,
        detail=detail,
        is_active=active,
    )


def announced(lead_id: int) -> LeadAnnounced:
    return LeadAnnounced(lead_id=lead_id)


def removed(lead: int = 1) -> LeadRemoved:
    return LeadRemoved(lead_id=lead)


def missing(lead: int = 1) -> LeadMissing:
    return LeadMissing(lead_id=lead)


def pause(
    manager: int = ANN, *, until: datetime | None = None, admin: bool = False, reason: str = ""
) -> PauseManager:
    by = "admin" if admin else str(manager)
    return PauseManager(
        manager_id=manager, by=by, by_administrator=admin, until=until, reason=reason
    )


def resume(manager: int = ANN, *, admin: bool = False) -> ResumeManager:
    by = "admin" if admin else str(manager)
    return ResumeManager(manager_id=manager, by=by, by_administrator=admin)


def due(timer_id: str = "look/a", generation: int = 1) -> TimerDue:
    return TimerDue(timer_id=timer_id, generation=generation)


def clock(scenario: "Scenario", lead: int = 1) -> TimerDue:
    """The timer of the lead's clock as it is set now."""
    timer_id = f"lapse/{lead}"
    return due(timer_id, scenario.account.timers[timer_id].generation)


def touch(
    by: int | None = ANN, *, lead: int = 1, kind: Any = "note", happened: datetime | None = None
) -> TouchReported:
    return TouchReported(
        lead_id=lead, kind=kind, by=by, happened_at=happened or NOON + timedelta(minutes=5)
    )


def read(lead: int = 1, attempt: int = 1, *, request: str | None = None) -> TouchesRead:
    return TouchesRead(lead_id=lead, request_id=request or f"{lead}.{lead}", attempt=attempt)


def users(
    *manager_ids: int, timezone: str = "UTC", limited: Iterable[Access] = ()
) -> DescribeAccount:
    return DescribeAccount(
        timezone=timezone, active_user_ids=tuple(sorted(manager_ids)), limited=tuple(limited)
    )


# The account ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Scenario:
    """An account, what it was told, and what it answered."""

    account: Account
    clock: datetime
    answer: tuple[AllocationEvent, ...] = ()
    log: list[AllocationEvent] = field(default_factory=list)
    heard: list[Inbound] = field(default_factory=list)

    def when(
        self, *bodies: InboundBody, at: datetime | None = None, once: str | None = None
    ) -> "Scenario":
        """Tell the account the messages one after another; the answer is that of all.

        A command under the id `once` takes effect once.
        """
        self.clock = at or self.clock
        answer: list[AllocationEvent] = []
        for body in bodies:
            message = Inbound(
                account_id=ACCOUNT_ID,
                message_id=once or f"m{len(self.heard) + 1}",
                at=self.clock,
                body=body,
                is_once=once is not None,
            )
            self.heard.append(message)
            answer.extend(decide(self.account, message))
            assert not self.account.requests.opened, (
                "D1.2: assigned, waiting or closed after each step"
            )
        self.answer = tuple(answer)
        self.log.extend(answer)
        return self

    def then(self, *lines: str) -> "Scenario":
        """The answer, line by line."""
        answer = tuple(map(told, self.answer))
        assert answer == lines, "\n".join(("the answer was", *answer))
        return self

    def then_events(self, *events: AllocationEvent) -> "Scenario":
        """The answer, as whole values."""
        assert self.answer == events, "\n".join(("the answer was", *map(str, self.answer)))
        return self

    def waiting(self, rule_id: str = "a") -> list[str]:
        return list(self.account.requests.waiting.get(rule_id, {}))

    def got(self) -> list[int]:
        """The managers of the leads assigned by the answer, in order."""
        return [e.manager_id for e in self.answer if isinstance(e, LeadAssigned)]

    def credits(self) -> dict[int, int]:
        return {m: units for m, units in self.account.ledger("account").items() if units}


def given(
    *before: InboundBody,
    rules: ApplyRules | None = None,
    active: tuple[int, ...] = (ANN, BOB, CEM, DAN, BOSS),
    at: datetime = NOON,
) -> Scenario:
    """A connected account with rules, and messages it has answered already."""
    scenario = Scenario(Account(ACCOUNT_ID), at)
    scenario.when(users(*active), rules or _RULES, *before)
    return scenario


_RULES = rules(rule(ANN, BOB))


def told(event: AllocationEvent) -> str:  # noqa: C901, PLR0911, PLR0912, PLR0915 - a case per event
    """The event in a line."""
    match event:
        case LeadSeen():
            return f"lead {event.lead_id} in {_stage(event.stage)} of {event.responsible_id}"
        case RequestOpened():
            return f"opened {event.request_id} under {event.rule_id}"
        case LeadAssigned():
            attempt = f" again ({event.attempt})" if event.attempt > 1 else ""
            return f"assigned {event.request_id} to {event.manager_id}{attempt}"
        case RequestDeferred():
            return f"deferred {event.request_id}: {event.reason} until {_clock(event.next_look_at)}"
        case ReadingRequested():
            parts = ", ".join(event.parts)
            return f"read {parts} for {event.request_id} until {_clock(event.next_look_at)}"
        case RequestPrepared():
            without = f" without {', '.join(event.unread)}" if event.unread else ""
            return f"prepared {event.request_id} for {event.rule_id}{without}"
        case RequestReserved():
            until = _clock(event.next_look_at)
            return f"reserved {event.request_id} for {event.manager_id} until {until}"
        case LinkedRequested():
            return f"find {', '.join(event.objects)} for {event.order_id}"
        case LinkedDecided():
            what = ", ".join(f"{h.kind} {h.entity_id}" for h in event.handovers)
            return f"hand over {what or 'nothing'} by {event.order_id}"
        case LinkedChanged():
            return f"{event.kind} {event.entity_id} is {event.manager_id}'s: {event.how}"
        case LinkedLeft():
            return f"{event.kind} {event.entity_id} left: {event.reason}"
        case NoticeRequested():
            until = f" until {_clock(event.due_at)}" if event.due_at else ""
            return f"tell by {event.kind} of {event.order_id}: {event.manager_id}{until}"
        case NoticeWritten():
            return f"told by {event.kind} {event.entity_id} of {event.order_id}: {event.how}"
        case NoticeLeft():
            return f"not told by {event.kind} of {event.order_id}: {event.reason}"
        case RequestClosed():
            return f"closed {event.request_id}: {event.reason}"
        case AssignmentConfirmed():
            return f"confirmed {event.request_id} of {event.manager_id}: {event.how}"
        case AssignmentWithdrawn():
            return f"withdrawn {event.request_id} from {event.manager_id}: {event.reason}"
        case LookupRequested():
            return f"look up {event.lead_id}: {event.reason}"
        case LeadDeleted():
            return f"lead {event.lead_id} deleted"
        case TimerScheduled():
            due_at = _clock(event.due_at) if event.due_at else "never"
            # Generations of clocks are numbers of the log, and none of a test's business.
            is_clock = event.timer_id.startswith(LAPSE_TIMER)
            generation = "" if is_clock else f" #{event.generation}"
            return f"timer {event.timer_id}{generation}: {due_at}"
        case ManagerPaused():
            until = f" until {_clock(event.until)}" if event.until else ""
            return f"paused {event.manager_id} by {event.by}{until}"
        case ManagerResumed():
            return f"resumed {event.manager_id} by {event.by}: {event.how}"
        case ManagerFoundInactive():
            return f"inactive {event.manager_id}"
        case TouchesRequested():
            return f"ask for touches of {event.lead_id} until {_clock(event.decide_at)}"
        case LeadTouched():
            return f"touched {event.lead_id}: {event.kind} by {event.by}"
        case LeadLapsed():
            return f"lapsed {event.request_id} of {event.manager_id}{_how(event)}"
        case DistributionOrdered() | HandoverOrdered():
            left = "".join(f", not {lead_id}: {why}" for lead_id, why in event.skipped)
            return f"ordered {list(event.lead_ids)} by {event.by}{left}"
        case CommandReceived():
            return f"{event.command} {event.message_id} by {event.by}"
        case CommandRepeated():
            return f"repeated {event.message_id}, first in version {event.first_version}"
        case CommandRefused():
            told = "".join(f", {name} {value}" for name, value in event.arguments.items())
            return f"refused {event.command}: {event.reason}{told}"
        case RulesApplied():
            return f"rules {event.revision} by {event.by}"
        case AccountDescribed():
            return f"account in {event.timezone}"
        case RuleStalled():
            return f"stalled {event.rule_id}"
        case RuleRevived():
            return f"revived {event.rule_id}"
        case TriggerFellSilent():
            return f"silent {event.rule_id} at {event.stage.status_id}"
        case TriggerHeard():
            return f"heard {event.rule_id} at {event.stage.status_id}"
        case CreditMoved():
            return f"moved {event.reason}: {dict(event.movements)}"
        case _:
            assert_never(event)


def _how(event: LeadLapsed) -> str:
    if event.passed_on_by is not None:
        return f" by {event.passed_on_by}: {event.reason}"
    return "" if event.is_read else " unread"


def _stage(stage: Stage) -> str:
    return next(name for name, known in STAGES.items() if known == stage)


def _clock(instant: datetime) -> str:
    return f"{instant:%a %H:%M:%S}" if instant.date() != MONDAY.date() else f"{instant:%H:%M:%S}"
