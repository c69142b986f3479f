"""Event histories of accounts, made by the real decisions from random but plausible messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from contracts.events import Outcome, Recorded, Responsible
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    FactsRead,
    Inbound,
    InboundBody,
    LeadMissing,
    LeadObserved,
    LeadReported,
    Linked,
    LinkedFound,
    LinkedResult,
    LinkedSettled,
    PauseManager,
    PostCorrection,
    ResponsibleRefused,
    ResponsibleSet,
    ResumeManager,
    TimerDue,
    TouchesRead,
    TouchReported,
    TriggerFired,
)
from contracts.stage import Stage
from domain.decide import decide
from domain.state import Account, Request
from domain.state.request import Preparing

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
MANAGERS = (501, 502, 503)
NEW, WORK, LATE, WON = Stage(1, 11), Stage(1, 12), Stage(2, 21), Stage(1, 142)
RULES = {
    "version": 1,
    "timezone": "UTC",
    "default_schedule": "office",
    "schedules": {
        "office": {
            "weekly": {day: ["06:00-20:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
        }
    },
    "rules": [
        {
            "id": "new",
            "linked": {"contacts": True, "contact_leads": True},
            "stages": [{"pipeline": 1, "stage": 11}],
            "participants": [
                {"manager": 501, "coefficient": "1"},
                {"manager": 502, "coefficient": "2"},
                {"manager": 503, "coefficient": "1", "limit": 4},
            ],
            "redistribution": {"after_minutes": 20},
        },
        {
            "id": "vip",
            "stages": [{"pipeline": 2, "stage": 21}],
            "conditions": {"tags": ["vip"]},
            "owners": {"sources": ["lead", "contact"], "wait_hours": 12},
            "participants": [{"manager": 501}, {"manager": 502}],
        },
        {
            "id": "late",
            "stages": [{"pipeline": 2, "stage": 21}],
            "participants": [{"manager": 502}, {"manager": 503}],
            "limit": {"max": 8},
        },
    ],
}


@dataclass(slots=True)
class Story:
    """One account: messages in, its log out, the aggregate beside it."""

    account_id: int
    seed: int
    leads_max: int = 40
    account: Account = field(init=False)
    log: list[Recorded] = field(default_factory=list)
    now: datetime = START
    _random: Random = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self.account = Account(account_id=self.account_id)
        self.tell(DescribeAccount(timezone="UTC", active_user_ids=MANAGERS))
        self.tell(ApplyRules(rules=RULES, by="admin"))

    def tell(self, body: InboundBody) -> list[Recorded]:
        """Hand one message to the account and record its answer."""
        message_id = f"m{next(self._numbers)}"
        message = Inbound(account_id=self.account_id, message_id=message_id, at=self.now, body=body)
        first = len(self.log) + 1
        answer = [
            Recorded(account_id=self.account_id, version=version, cause=message_id, event=event)
            for version, event in enumerate(decide(self.account, message), first)
        ]
        self.log.extend(answer)
        return answer

    def live(self, messages: int) -> list[Recorded]:
        """Go on for so many messages; returns what was added to the log."""
        first = len(self.log)
        for _ in range(messages):
            self.now += timedelta(seconds=self._random.choice((0, 1, 5, 60, 1200)))
            if self._random.random() < 0.02:
                self.now += timedelta(hours=self._random.choice((3, 24)))
            self.tell(self._message())
        return self.log[first:]

    def _message(self) -> InboundBody:  # noqa: C901, PLR0911 - a kind of message each
        random = self._random
        wanted = [(lead_id, lead.wanted) for lead_id, lead in self.account.leads.items()]
        pending = [(lead_id, decision) for lead_id, decision in wanted if decision is not None]
        due = [
            (timer_id, timer)
            for timer_id, timer in self.account.timers.items()
            if timer.due_at is not None and timer.due_at <= self.now
        ]
        lead_id = random.randint(1, self.leads_max)
        manager_id = random.choice(MANAGERS)
        dice = random.random()
        if due and dice < 0.6:
            timer_id, timer = random.choice(due)
            return TimerDue(timer_id=timer_id, generation=timer.generation)
        if pending and dice < 0.35:
            lead_id, decision = random.choice(pending)
            if random.random() < 0.75:
                return ResponsibleSet(
                    request_id=decision.request_id,
                    attempt=decision.attempt,
                    lead_id=lead_id,
                    manager_id=decision.manager_id,
                    modified_at=self.now,
                    how="answered",
                )
            return ResponsibleRefused(
                request_id=decision.request_id,
                attempt=decision.attempt,
                lead_id=lead_id,
                manager_id=decision.manager_id,
                reason=random.choice(("manager_refused", "rejected", "lead_gone")),
            )
        if self.account.linking and dice < 0.38:
            return self._found(random.choice(sorted(self.account.linking)))
        if self.account.transfers and dice < 0.38:
            return self._settled(random.choice(sorted(self.account.transfers)))
        asked = [i for i, offer in self.account.offers.items() if offer.decide_at is not None]
        if asked and dice < 0.39:
            return self._touch(random.choice(asked))
        if self.account.requests.preparing and dice < 0.4:
            return self._facts(random.choice(list(self.account.requests.preparing.values())))
        if self.account.lookups and dice < 0.45:
            lead_id = random.choice(sorted(self.account.lookups))
            return self._observed(lead_id, "lookup")
        stage = random.choice((NEW, NEW, NEW, LATE, WORK, WON, WON))
        if dice < 0.7:
            return LeadReported(
                lead_id=lead_id,
                action=random.choice(("add", "update", "status", "responsible")),
                stage=stage,
                responsible_id=random.choice((None, None, None, 77, *MANAGERS)),
                modified_at=random.choice((self.now, self.now - timedelta(seconds=5))),
            )
        if dice < 0.85:
            return TriggerFired(lead_id=lead_id, stage=random.choice((NEW, LATE)), source="dp_hook")
        if dice < 0.9:
            return self._observed(lead_id, random.choice(("baseline", "sweep")))
        return random.choice(
            (
                LeadMissing(lead_id=lead_id),
                PauseManager(
                    manager_id=manager_id,
                    by="admin",
                    by_administrator=True,
                    until=self.now + timedelta(minutes=random.choice((5, 30))),
                ),
                ResumeManager(manager_id=manager_id, by="admin", by_administrator=True),
                ResumeManager(manager_id=manager_id, by="admin", by_administrator=True),
                PostCorrection(
                    manager_id=manager_id, credit_units=500_000_000, by="admin", reason="owed"
                ),
                DescribeAccount(timezone="UTC", active_user_ids=MANAGERS),
            )
        )

    def _found(self, order_id: str) -> LinkedFound:
        lead_id = self._random.randint(1, self.leads_max)
        owner_id = self._random.choice((0, 77, *MANAGERS))
        things = (Linked("contact", 9_000 + lead_id, owner_id), Linked("lead", lead_id, owner_id))
        return LinkedFound(order_id=order_id, things=things)

    def _settled(self, order_id: str) -> LinkedSettled:
        results = []
        for kind, entity_id in self.account.transfers[order_id].under_way:
            how = self._random.choice(("answered", "read", "changed_since", "gone", "refused"))
            results.append(LinkedResult(kind, entity_id, how, self.now, ""))
        return LinkedSettled(order_id=order_id, results=tuple(results))

    def _touch(self, lead_id: int) -> InboundBody:
        offer = self.account.offers[lead_id]
        if self._random.random() < 0.2:
            return TouchReported(
                lead_id=lead_id, kind="call", by=offer.manager_id, happened_at=self.now
            )
        return TouchesRead(lead_id=lead_id, request_id=offer.request_id, attempt=offer.attempt)

    def _facts(self, request: Request) -> FactsRead:
        assert isinstance(request.state, Preparing)
        lead_id = request.lead_id
        return FactsRead(
            request_id=request.request_id,
            lead_id=lead_id,
            revision=request.state.revision,
            stage=request.stage,
            responsible_id=self._random.choice((77, *MANAGERS)),
            modified_at=self.now,
            created_at=self.now,
            outcomes=(Outcome("vip", "tags", is_met=lead_id % 3 > 0),),
            responsibles=(Responsible("contact", self._random.choice((77, *MANAGERS))),),
            created_by=0,
            unread=(),
        )

    def _observed(self, lead_id: int, reason: str) -> LeadObserved:
        return LeadObserved(
            lead_id=lead_id,
            stage=self._random.choice((NEW, LATE, WORK, WON)),
            responsible_id=self._random.choice((77, *MANAGERS)),
            modified_at=self.now,
            created_at=self.now,
            reason=reason,
        )


def story(*, account_id: int = 7, seed: int = 1, messages: int = 0, leads_max: int = 40) -> Story:
    """An account that has lived through so many messages."""
    made = Story(account_id=account_id, seed=seed, leads_max=leads_max)
    made.live(messages)
    return made
