"""A tiny Kommo: leads with a true state, people who change it, hooks that misbehave.

One seed gives one history. Every message the account hears is a true statement about some moment
of the model, but hooks are lost, repeated, late and out of order; lookups are
answered with the present truth; our pushes are carried out, or refused. `History.run` ends with
a sweep, after which the account must agree with the model.
"""

import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any

from contracts.events import (
    AllocationEvent,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    LeadAssigned,
    LinkedDecided,
    LinkedRequested,
    LookupRequested,
    Outcome,
    ReadingRequested,
    RequestClosed,
    RequestOpened,
    Responsible,
    TimerScheduled,
    TouchesRequested,
)
from contracts.inbound import (
    DescribeAccount,
    Inbound,
    InboundBody,
    LeadMissing,
    LeadObserved,
    LeadRemoved,
    LeadReported,
    Linked,
    LinkedFound,
    LinkedResult,
    LinkedSettled,
    ResponsibleRefused,
    ResponsibleSet,
    TimerDue,
    TouchesRead,
    TouchReported,
    TriggerFired,
)
from contracts.stage import LOST, WON, Stage
from domain.decide import decide
from domain.snapshot import digest
from domain.state import Account
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    NEW,
    NOON,
    WORK,
    facts,
    limit,
    rule,
    rules,
)

MANAGERS = (ANN, BOB, CEM)
PEOPLE = (*MANAGERS, DAN, BOSS)
OPEN_STAGES = (NEW, HOT, WORK)
ENDS = (Stage(7, WON), Stage(7, LOST))
HISTORY_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How badly the hooks behave."""

    drop: int = 20  # per cent
    repeat: int = 30
    late: int = 15
    jitter_ms: int = 3_000


CALM = Weather(drop=0, repeat=0, late=0, jitter_ms=0)
ROUGH = Weather()


@dataclass(slots=True)
class TrueLead:
    """What Kommo holds."""

    lead_id: int
    stage: Stage
    responsible_id: int
    created_at: datetime
    modified_at: datetime
    is_deleted: bool = False
    taken: list[datetime] = field(default_factory=list)
    touches: list[tuple[int, datetime]] = field(default_factory=list)
    pushed: dict[str, datetime] = field(default_factory=dict)
    entries: list[Stage] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return not self.is_deleted and self.stage not in ENDS


@dataclass(slots=True)
class History:
    """One random history, told to an account as it happens.

    Attributes:
        with_plain_triggers: Plain triggers carry no time; without them each hook but a deletion
            tells Kommo's time of what it says.
        with_bursts: Several changes within a second, which Kommo's times cannot tell apart.
        with_redistribution: The rules pass on leads that nobody has touched for two minutes.
        with_linked: Each lead takes other leads along to its manager (D6.4).
    """

    seed: int
    weather: Weather = ROUGH
    leads_max: int = 4
    with_plain_triggers: bool = True
    with_bursts: bool = True
    with_redistribution: bool = False
    with_linked: bool = False
    random: Random = field(init=False)
    account: Account = field(init=False)
    now: datetime = NOON
    leads: dict[int, TrueLead] = field(default_factory=dict)
    active: set[int] = field(default_factory=lambda: set(PEOPLE))
    events: list[AllocationEvent] = field(default_factory=list)
    messages: list[Inbound] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    pushes: dict[tuple[str, int], int] = field(default_factory=dict)
    _queue: list[tuple[datetime, int, Any]] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.account = Account(ACCOUNT_ID)

    def run(self) -> "History":
        """Let it all happen, then sweep until nothing is left to say."""
        self._connect()
        changes = self.random.randint(3, 14)
        seconds = sorted(self.random.sample(range(HISTORY_S), changes))
        if (
            self.with_bursts and self.random.random() < 0.5
        ):  # several changes within a second or two
            seconds = sorted(self.random.choice(seconds) + k % 3 / 3 for k in range(changes))
        for second in seconds:
            self._later(NOON + timedelta(seconds=second), self._somebody_acts)
        self._drain(until=NOON + timedelta(hours=3))
        self._sweep()
        return self

    # What the account hears ------------------------------------------------------------------

    def tell(self, body: InboundBody) -> None:
        """Deliver a message now, and act on the answer as the other services would."""
        self._number += 1
        message = Inbound(
            account_id=ACCOUNT_ID, message_id=f"m{self._number}", at=self.now, body=body
        )
        self.messages.append(message)
        answer = decide(self.account, message)
        self.versions.append(self.account.version)
        self.events.extend(answer)
        assert not self.account.requests.opened, (
            "D1.2: every request ends the step it is looked at in"
        )
        for event in answer:
            if isinstance(event, ReadingRequested):
                self._read_facts_soon(event)
            elif isinstance(event, LinkedRequested):
                self._after_ms(self.random.randint(50, 9_000), self._find_linked, event)
            elif isinstance(event, LinkedDecided) and event.handovers:
                self._after_ms(self.random.randint(50, 9_000), self._hand_over, event)
            elif isinstance(event, TouchesRequested):
                self._after_ms(self.random.randint(50, 20_000), self._tell_touches, event)
            elif isinstance(event, LookupRequested):
                self._after_ms(self.random.randint(50, 4_000), self._look_up, event.lead_id)
            elif isinstance(event, LeadAssigned):
                self._after_ms(self.random.randint(50, 20_000), self._push, event)
            elif isinstance(event, TimerScheduled) and event.due_at is not None:
                due = TimerDue(timer_id=event.timer_id, generation=event.generation)
                self._later(max(event.due_at, self.now), self.tell, due)

    def _connect(self) -> None:
        self.tell(DescribeAccount(timezone="UTC", active_user_ids=tuple(sorted(self.active))))
        section: dict[str, Any] = {"limit": limit(2)} if self.random.random() < 0.5 else {}
        sections = [rule(*MANAGERS, **section)]
        if self.random.random() < 0.4:
            others = self.random.choice(("distribute_anyway", "keep"))
            section["owners"] = {"sources": ["contact", "company"], "others": others}
            sections.insert(0, rule(ANN, CEM, rule_id="vip", conditions={"tags": ["vip"]}))
        if self.with_redistribution:
            for each in (*sections, section):
                each["redistribution"] = {"after_minutes": 2}
        if self.with_linked:
            for each in (*sections, section):
                each["linked"] = {"contact_leads": True}
        self.tell(rules(*sections, rule(ANN, BOB, rule_id="b", stages=(HOT,), **section)))
        for lead_id in range(1, self.random.randint(0, 2) + 1):  # older than the connection
            created = NOON - timedelta(days=3)
            stage = self.random.choice(OPEN_STAGES)
            lead = TrueLead(lead_id, stage, BOSS, created, created)
            self.leads[lead_id] = lead
            self.tell(self._observed(lead, "baseline"))

    # What people do --------------------------------------------------------------------------

    def _somebody_acts(self) -> None:
        alive = [lead for lead in self.leads.values() if not lead.is_deleted]
        if len(self.leads) < self.leads_max and (not alive or self.random.random() < 0.4):
            self._create()
            return
        if not alive:
            return
        lead = self.random.choice(alive)
        act = self.random.choices(
            (self._move, self._take, self._edit, self._close, self._delete, self._deactivate),
            (8, 4, 4, 2, 1, 1),
        )[0]
        act(lead)
        if self.with_redistribution and self.random.random() < 0.5:
            self._after_ms(self.random.randint(0, 90_000), self._touch, lead)

    def _create(self) -> None:
        lead_id = 10 + len(self.leads)
        stage = self.random.choice((NEW, NEW, HOT, WORK))
        owner = self.random.choice((BOSS, BOSS, ANN, DAN))
        second = self._second()
        lead = TrueLead(lead_id, stage, owner, second, second)
        lead.entries.append(stage)
        self.leads[lead_id] = lead
        self._hook(self._report(lead, "add"))
        self._trigger(lead, None)

    def _move(self, lead: TrueLead) -> None:
        self._enter(lead, self.random.choice([s for s in OPEN_STAGES if s != lead.stage]))

    def _close(self, lead: TrueLead) -> None:
        if lead.is_open:
            self._enter(lead, self.random.choice(ENDS))

    def _enter(self, lead: TrueLead, stage: Stage) -> None:
        old, lead.stage, lead.modified_at = lead.stage, stage, self._second()
        lead.entries.append(stage)
        self._hook(self._report(lead, "status"))
        if self.random.random() < 0.5:
            self._hook(self._report(lead, "update"))
        self._trigger(lead, old)

    def _take(self, lead: TrueLead) -> None:
        new = self.random.choice([p for p in sorted(self.active) if p != lead.responsible_id])
        lead.responsible_id, lead.modified_at = new, self._second()
        lead.taken.append(self.now)
        self._announce_responsible(lead)

    def _edit(self, lead: TrueLead) -> None:
        lead.modified_at = self._second()
        self._hook(self._report(lead, "update"))

    def _delete(self, lead: TrueLead) -> None:
        lead.is_deleted = True
        self._hook(LeadRemoved(lead_id=lead.lead_id))

    def _deactivate(self, _: TrueLead) -> None:
        self.active.discard(CEM)

    def _touch(self, lead: TrueLead) -> None:
        """The responsible, or now and then somebody else, writes a note."""
        by = lead.responsible_id if self.random.random() < 0.7 else self.random.choice(PEOPLE)
        lead.touches.append((by, self._second()))
        self._hook(
            TouchReported(lead_id=lead.lead_id, kind="note", by=by, happened_at=self._second())
        )

    def _tell_touches(self, asked: TouchesRequested) -> None:
        """Kommo tells all that was done, then that this is all; now and then it does not answer."""
        if self.random.random() < 0.2:
            return
        for by, at in self.leads[asked.lead_id].touches:
            self.tell(TouchReported(lead_id=asked.lead_id, kind="note", by=by, happened_at=at))
        self.tell(
            TouchesRead(lead_id=asked.lead_id, request_id=asked.request_id, attempt=asked.attempt)
        )

    def _announce_responsible(self, lead: TrueLead) -> None:
        actions = self.random.choice((("responsible",), ("update", "responsible"), ("update",)))
        for action in actions:
            self._hook(self._report(lead, action))

    def _trigger(self, lead: TrueLead, old: Stage | None) -> None:
        if lead.stage in (NEW, HOT):
            is_widget = not self.with_plain_triggers or self.random.random() < 0.3
            fired = TriggerFired(
                lead_id=lead.lead_id,
                stage=lead.stage,
                source="dp_widget" if is_widget else "dp_hook",
                old_stage=None if is_widget else old,
                occurred_at=self._second() if is_widget else None,
            )
            self._hook(fired)

    # What Kommo does -------------------------------------------------------------------------

    def _hook(self, body: InboundBody) -> None:
        weather, percent = self.weather, self.random.randrange
        if percent(100) < weather.drop:
            return
        copies = 1 + (percent(100) < weather.repeat) + (percent(100) < weather.repeat // 3)
        for _ in range(copies):
            delay_ms = 100 + self.random.randint(0, weather.jitter_ms)
            if percent(100) < weather.late:
                delay_ms += 60_000 * self.random.choice((1, 5, 20, 35, 95))
            self._after_ms(delay_ms, self.tell, body)

    def _push(self, decision: LeadAssigned) -> None:
        known = self.account.leads.get(decision.lead_id)
        wanted = known.wanted if known else None
        if wanted is None or (wanted.request_id, wanted.attempt) != (
            decision.request_id,
            decision.attempt,
        ):
            return  # a newer decision, or none: the gateway drops it
        lead = self.leads[decision.lead_id]
        told = {
            "request_id": decision.request_id,
            "attempt": decision.attempt,
            "lead_id": decision.lead_id,
            "manager_id": decision.manager_id,
        }
        if lead.is_deleted:
            self._soon(ResponsibleRefused(reason="lead_gone", **told))
        elif decision.manager_id not in self.active:
            self._soon(ResponsibleRefused(reason="manager_refused", **told))
        elif lead.responsible_id == decision.manager_id:
            self._soon(ResponsibleSet(modified_at=lead.modified_at, how="read", **told))
        elif known.responsible_id in (None, lead.responsible_id):
            lead.responsible_id, lead.modified_at = decision.manager_id, self._second()
            lead.pushed[decision.request_id] = self.now
            key = (decision.request_id, decision.attempt)
            self.pushes[key] = self.pushes.get(key, 0) + 1
            self._soon(ResponsibleSet(modified_at=lead.modified_at, how="answered", **told))
            self._announce_responsible(lead)
        else:  # a person was faster
            self._soon(self._observed(lead, "lookup"))
            self._after_ms(30_000, self._push, decision)

    def _read_facts_soon(self, asked: ReadingRequested) -> None:
        """Answer late, twice, or not at all."""
        for _ in range(self.random.choice((0, 1, 1, 1, 1, 2))):
            self._after_ms(self.random.randint(50, 90_000), self._read_facts, asked)

    def _read_facts(self, asked: ReadingRequested) -> None:
        lead = self.leads[asked.lead_id]
        if lead.is_deleted:
            self.tell(LeadMissing(lead_id=lead.lead_id))
            return
        people = (ANN, BOB, CEM, DAN)
        self.tell(
            facts(
                lead.lead_id,
                lead.stage,
                request_id=asked.request_id,
                by=lead.responsible_id,
                modified=lead.modified_at,
                created_at=lead.created_at,
                outcomes=(Outcome("vip", "tags", lead.lead_id % 2 == 0),),
                responsibles=(Responsible("contact", people[lead.lead_id % 4]),),
                created_by=BOSS if lead.lead_id % 3 else 0,
            )
        )

    def _find_linked(self, asked: LinkedRequested) -> None:
        """Every other open lead belongs to the same contact."""
        things = tuple(
            Linked("lead", lead.lead_id, lead.responsible_id)
            for lead in self.leads.values()
            if lead.is_open and lead.lead_id != asked.lead_id
        )
        for _ in range(self.random.choice((1, 1, 2))):
            self._soon(LinkedFound(order_id=asked.order_id, things=things))

    def _hand_over(self, decided: LinkedDecided) -> None:
        """Read first, as after an unknown outcome: what a person changed since stays theirs."""
        results = []
        for kind, lead_id, before, manager_id in decided.handovers:
            lead = self.leads[lead_id]
            how: Any = "changed_since"
            if lead.is_deleted:
                how = "gone"
            elif lead.responsible_id == before and manager_id in self.active:
                lead.responsible_id, lead.modified_at = manager_id, self._second()
                self._announce_responsible(lead)
                how = "answered"
            modified_at = lead.modified_at if how == "answered" else None
            results.append(LinkedResult(kind, lead_id, how, modified_at, ""))
        for _ in range(self.random.choice((1, 1, 2))):
            self._soon(LinkedSettled(order_id=decided.order_id, results=tuple(results)))

    def _look_up(self, lead_id: int) -> None:
        lead = self.leads[lead_id]
        if lead.is_deleted:
            self._soon(LeadMissing(lead_id=lead_id))
        else:
            self._soon(self._observed(lead, "lookup"))

    def _sweep(self) -> None:
        """Read everything; what that leads to is carried out before the next reading."""
        for _ in range(2):
            for lead in self.leads.values():
                if not lead.is_deleted:
                    self.tell(self._observed(lead, "sweep"))
                elif lead.lead_id in self.account.leads:
                    self.tell(LeadMissing(lead_id=lead.lead_id))
            self._drain(until=self.now + timedelta(minutes=20))

    def _report(self, lead: TrueLead, action: Any) -> LeadReported:
        return LeadReported(
            lead_id=lead.lead_id,
            action=action,
            stage=lead.stage,
            responsible_id=lead.responsible_id,
            modified_at=lead.modified_at,
            created_at=lead.created_at,
            modified_by=0,
        )

    def _observed(self, lead: TrueLead, reason: Any) -> LeadObserved:
        return LeadObserved(
            lead_id=lead.lead_id,
            stage=lead.stage,
            responsible_id=lead.responsible_id,
            modified_at=lead.modified_at,
            created_at=lead.created_at,
            reason=reason,
        )

    # The queue of what happens next ----------------------------------------------------------

    def _second(self) -> datetime:
        return self.now.replace(microsecond=0)

    def _soon(self, body: InboundBody) -> None:
        self._after_ms(self.random.randint(20, 1_500), self.tell, body)

    def _after_ms(self, delay_ms: int, act: Any, *arguments: Any) -> None:
        self._later(self.now + timedelta(milliseconds=delay_ms), act, *arguments)

    def _later(self, at: datetime, act: Any, *arguments: Any) -> None:
        self._number += 1
        heappush(self._queue, (at, self._number, (act, arguments)))

    def _drain(self, *, until: datetime) -> None:
        while self._queue and self._queue[0][0] <= until:
            at, _, (act, arguments) = heappop(self._queue)
            self.now = max(self.now, at)
            act(*arguments)
        self.now = until


def fates(events: list[AllocationEvent]) -> dict[str, list[str]]:
    """What became of each request, in order."""
    found: dict[str, list[str]] = {}
    for event in events:
        match event:
            case RequestOpened():
                found[event.request_id] = []
            case LeadAssigned():
                found[event.request_id].append("assigned")
            case AssignmentConfirmed():
                found[event.request_id].append("confirmed")
            case AssignmentWithdrawn():
                found[event.request_id].append("withdrawn")
            case RequestClosed():
                found[event.request_id].append(event.reason)
            case _:
                pass
    return found


if __name__ == "__main__":  # one digest a line, for comparison under other hash seeds
    for number in range(int(sys.argv[1])):
        print(digest(History(number).run().account).hex())  # noqa: T201 - its output is the answer
