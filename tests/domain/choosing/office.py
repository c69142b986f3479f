"""An account to which everything happens that moves credit, by chance, and its second counting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts.events import (
    LEAD,
    AllocationEvent,
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadKind,
    ReadingRequested,
)
from contracts.inbound import LedgerKinds, PostCorrection
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    NEW,
    NOON,
    Scenario,
    clock,
    dp,
    facts,
    given,
    participant,
    patched,
    pause,
    read,
    refused,
    reported,
    resume,
    rule,
    rules,
)

TEAM = (ANN, BOB, CEM, DAN, 505, 506)
MINUTE = timedelta(minutes=1)
KINDS: tuple[Any, ...] = (
    "stage",
    "source",
    {"tags": ["vip", "partner"]},
    {"price": [1_000, 10_000]},
    {"field": {"id": 5, "values": ["a", "b", "c"]}},
)
TOTAL = LeadKind("", 0)


@dataclass(slots=True)
class Meter:
    """One manager in one account: what they got, what was fair, what moved besides.

    Besides moves what is taken back, corrected and caught up with: at once, and no choice of a
    manager could have foreseen it.

    Attributes:
        pending: Of what moved besides, how much is not made up for yet.
    """

    assigned: int = 0
    share: int = 0
    besides: int = 0
    pending: int = 0

    @property
    def credit(self) -> int:
        return self.besides + self.share - self.assigned * LEAD

    @property
    def units(self) -> int:
        """How far they are from the fair share, either way, outside of the way that was moved."""
        return abs(self.credit - self.pending)

    def move(self, units: int) -> None:
        self.besides += units
        self.pending += units

    def settle(self) -> None:
        """What they are not owed any more is made up for."""
        self.pending = min(max(self.pending, min(0, self.credit)), max(0, self.credit))


@dataclass(slots=True)
class Meters:
    """The ledger counted a second time, from the events alone."""

    known: dict[tuple[LeadKind, int], Meter] = field(default_factory=dict)

    def follow(self, events: tuple[AllocationEvent, ...]) -> None:
        for event in events:
            match event:
                case LeadAssigned() if event.movements:
                    self._gave(event)
                case AssignmentWithdrawn() if event.movements:
                    self._moved(dict.fromkeys((TOTAL, *event.kinds), event.movements))
                case CreditMoved():
                    kinds = {LeadKind(what, kind): m for what, kind, m in event.kinds}
                    self._moved({TOTAL: event.movements} | kinds)
                case _:
                    continue
            for meter in self.known.values():
                meter.settle()

    def _gave(self, event: LeadAssigned) -> None:
        for kind in (TOTAL, *(LeadKind(what, kind) for what, kind, _ in event.kinds)):
            for manager, units in event.movements:
                self._of(kind, manager).share += units
            winner = self._of(kind, event.manager_id)
            winner.assigned += 1
            winner.share += LEAD

    def _moved(self, movements: Mapping[LeadKind, tuple[tuple[int, int], ...]]) -> None:
        for kind, moved in movements.items():
            for manager, units in moved:
                self._of(kind, manager).move(units)

    def _of(self, kind: LeadKind, manager: int) -> Meter:
        return self.known.setdefault((kind, manager), Meter())

    def keep(self, scenario: Scenario) -> None:
        """The kinds that an edit took away begin anew, should they come back."""
        has = scenario.account.configuration.has_kind
        self.known = {
            key: meter
            for key, meter in self.known.items()
            if key[0] == TOTAL or has("account", key[0])
        }


@dataclass(slots=True)
class Office:
    """An account to which everything happens that moves credit, by chance.

    Attributes:
        is_corrected: Whether credit moves without a lead, too: by hand, and by catching up.
    """

    random: Random
    is_corrected: bool = True
    meters: Meters = field(default_factory=Meters)
    revision: int = 1
    leads: int = 0
    now: datetime = NOON
    given: set[int] = field(default_factory=set)
    away: set[int] = field(default_factory=set)
    scenario: Scenario = field(init=False)

    def __post_init__(self) -> None:
        self.scenario = given(rules=self._rules(), active=(*TEAM, BOSS))

    def live(self, steps: int) -> Iterator[str]:
        """Live on, and tell what happened after each step."""
        happenings = (
            [self._lead] * 40
            + [self._confirmed] * 30
            + [self._refused, self._taken, self._lapse, self._shift] * 3
            + [self._correction, self._edit][0 if self.is_corrected else 1 :]
        )
        for _ in range(steps):
            happening = self.random.choice(happenings)
            happening()
            yield happening.__name__

    def tell(self, *bodies: Any) -> None:
        self.scenario.when(*bodies, at=self.now)
        self.meters.follow(self.scenario.answer)

    def _rules(self) -> Any:
        sections = [
            rule(
                *(participant(m, coefficient=coefficient(self.random)) for m in people),
                rule_id=rule_id,
                stages=(stage,),
                catch_up=2 if self.is_corrected else 0,
                redistribution={"after_minutes": 30, "clock": "wall_clock"},
            )
            for rule_id, stage, people in (("a", NEW, TEAM[:4]), ("b", HOT, TEAM[2:]))
        ]
        kinds = self.random.sample(KINDS, self.random.randint(1, 3))
        return rules(*sections, ledgers={"account": {"kinds": kinds}})

    def _lead(self) -> None:
        self.leads += 1
        lead, stage = self.leads, self.random.choice((NEW, HOT))
        self.tell(dp(lead, stage))
        if any(isinstance(e, ReadingRequested) for e in self.scenario.answer):
            self._answered(lead)

    def _answered(self, lead: int) -> None:
        request = next(
            r for r in self.scenario.account.requests.preparing.values() if r.lead_id == lead
        )
        kinds = tuple(
            LeadKind(d.what, self.random.choice((0, *(d.numbers or (1, 2, 3)))))
            for d in self.scenario.account.configuration.kinds["account"]
            if d.is_read
        )
        self.tell(
            facts(
                lead,
                request.stage,
                request_id=request.request_id,
                revision=self.revision,
                modified=self.now,
                kinds=(LedgerKinds("account", kinds),),
            )
        )

    def _wanted(self) -> int | None:
        pending = [n for n, lead in self.scenario.account.leads.items() if lead.wanted]
        return self.random.choice(pending) if pending else None

    def _confirmed(self) -> None:
        if (lead := self._wanted()) is not None:
            self.tell(self._result(patched, lead, modified=self.now))

    def _refused(self) -> None:
        if (lead := self._wanted()) is not None:
            self.tell(self._result(refused, lead, active=True))

    def _result(self, message: Any, lead: int, **rest: Any) -> Any:
        wanted = self.scenario.account.leads[lead].wanted
        assert wanted is not None
        ids = {"request": wanted.request_id, "attempt": wanted.attempt}
        return message(lead, wanted.manager_id, **ids, **rest)

    def _taken(self) -> None:
        if (lead := self._wanted()) is not None:
            stage = self.scenario.account.leads[lead].stage
            self.now += MINUTE / 60
            self.tell(reported(lead, stage, by=BOSS, action="responsible", modified=self.now))

    def _lapse(self) -> None:
        held = [n for n, offer in self.scenario.account.offers.items() if offer.held_at is not None]
        if held:
            lead = self.random.choice(held)
            self.now += 31 * MINUTE
            self.tell(clock(self.scenario, lead))
            if (offer := self.scenario.account.offers.get(lead)) and offer.decide_at:
                self.tell(read(lead, offer.attempt, request=offer.request_id))

    def _shift(self) -> None:
        manager = self.random.choice(TEAM[1:])
        self.away ^= {manager}
        self.tell(pause(manager) if manager in self.away else resume(manager))

    def _correction(self) -> None:
        leads = self.random.choice((-2, -1, 1, 2))
        manager = self.random.choice(TEAM)
        self.tell(
            PostCorrection(manager_id=manager, credit_units=leads * LEAD, by="admin", reason="x")
        )

    def _edit(self) -> None:
        self.revision += 1
        self.tell(self._rules())
        self.meters.keep(self.scenario)
        for request in list(self.scenario.account.requests.preparing.values()):
            self._answered(request.lead_id)


def coefficient(random: Random) -> int:
    return random.choice((1, 1, 1, 2, 3, random.randint(1, 1_000)))
