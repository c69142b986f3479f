"""The week as it happens: leads come, people work, Kommo answers; one seed gives one week."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from zoneinfo import ZoneInfo

from contracts.events import (
    LEAD,
    AllocationEvent,
    LeadAssigned,
    ReadingRequested,
    Recorded,
    Responsible,
    TimerScheduled,
    TouchesRequested,
)
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    FactsRead,
    HandOverLeads,
    Inbound,
    InboundBody,
    LeadReported,
    PassLeadOn,
    PauseManager,
    PostCorrection,
    ResponsibleSet,
    TimerDue,
    TouchesRead,
    TouchReported,
)
from contracts.stage import Stage
from domain.conditions import Facts, judged
from domain.decide import decide
from domain.state import Account
from services.demo.week import sample as s

DAYS = 7
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
# Percent of the leads that their manager forgets, that are large, whose contact has a manager.
FORGOTTEN, LARGE, KNOWN = 15, 12, 40


@dataclass(slots=True)
class TrueLead:
    """What Kommo holds of a lead."""

    lead_id: int
    stage: Stage
    price: int
    contact_of: int | None
    created_at: datetime
    responsible_id: int = s.VERA
    modified_at: datetime = s.MONDAY


@dataclass(slots=True)
class Week:
    """A whole week of one account.

    Attributes:
        log: Every event in order, as the event store would have it.
        leads: What Kommo holds.
    """

    seed: int
    leads_a_day: int = 45
    account: Account = field(default_factory=lambda: Account(s.ACCOUNT_ID))
    log: list[Recorded] = field(default_factory=list)
    leads: dict[int, TrueLead] = field(default_factory=dict)
    _now: datetime = s.MONDAY - s.HOUR
    _number: int = 0
    _queue: list[tuple[datetime, int, InboundBody]] = field(default_factory=list)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - a made-up week, the same for one seed

    def run(self) -> "Week":
        """Let it happen, from Sunday night to Sunday night."""
        users = tuple(sorted(s.NAMES))
        self._tell(DescribeAccount(timezone=s.TIMEZONE, active_user_ids=users))
        self._tell(ApplyRules(rules=s.week_rules(), by="Vera"))
        self._plan_people()
        for day in range(DAYS):
            self._plan_leads(day)
        ends_at = self.wall(DAYS, 0)
        while self._queue and self._queue[0][0] < ends_at:
            at, _, body = heappop(self._queue)
            self._now = max(self._now, at)
            if self._still_true(body):
                self._tell(body)
        return self

    @staticmethod
    def wall(day: int, hour: int, minute: int = 0) -> datetime:
        """A time on the clocks of the account's zone, as an instant."""
        place = ZoneInfo(s.TIMEZONE)
        midnight = s.MONDAY.astimezone(place).replace(tzinfo=None) + timedelta(days=day)
        at = (midnight + timedelta(hours=hour, minutes=minute)).replace(tzinfo=place)
        # As all instants of the engine: to add an hour on the clocks of a zone is another thing.
        return at.astimezone(UTC)

    def _plan_people(self) -> None:
        """Lunches, an illness with its handover, leads passed on, and a correction."""
        for day in range(5):
            lunch = PauseManager(
                manager_id=s.ANA,
                by="Ana",
                by_administrator=False,
                until=self.wall(day, 13, 15),
                reason="lunch",
            )
            self._later(self.wall(day, 12, 30), lunch)
        ill = PauseManager(
            manager_id=s.BRUNO,
            by="Vera",
            by_administrator=True,
            until=self.wall(4, 18),
            reason="ill",
        )
        self._later(self.wall(2, 11), ill)
        handover = HandOverLeads(handover_id="h1", manager_id=s.BRUNO, lead_ids=(), by="Vera")
        self._later(self.wall(2, 11, 5), handover)
        for day in range(5):
            thai = PassLeadOn(lead_id=0, by="Carla", reason="they speak Thai")
            self._later(self.wall(day, 10), thai)
        training = PostCorrection(
            manager_id=s.DIEGO, credit_units=LEAD, by="Vera", reason="training on Thursday"
        )
        self._later(self.wall(4, 9), training)

    def _plan_leads(self, day: int) -> None:
        is_weekend = day >= 5  # noqa: PLR2004 - Saturday
        for _ in range(self.leads_a_day // (4 if is_weekend else 1)):
            by_day = self._random.random() < 0.75  # noqa: PLR2004 - the others come at any hour
            hour = self._random.randint(8, 18) if by_day else self._random.randint(0, 23)
            at = self.wall(day, hour, self._random.randint(0, 59))
            at += timedelta(seconds=self._random.randint(0, 59))
            is_large = self._random.randint(1, 100) <= LARGE
            is_known = self._random.randint(1, 100) <= KNOWN
            stage = s.HOTLINE if self._random.randint(1, 6) == 1 else s.NEW
            lead = TrueLead(
                lead_id=900_001 + len(self.leads),
                stage=stage,
                price=s.VIP_PRICE if is_large else 300,
                contact_of=self._random.choice((s.ANA, s.BRUNO)) if is_known else None,
                created_at=at,
                modified_at=at,
            )
            self.leads[lead.lead_id] = lead
            self._later(at, self._reported(lead, "add"))

    def _still_true(self, body: InboundBody) -> bool:
        """Whether what was planned still happens: a lead may have gone to somebody else."""
        if not isinstance(body, LeadReported | TouchReported) or body.lead_id not in self.leads:
            return True
        lead = self.leads[body.lead_id]
        if isinstance(body, TouchReported):
            return lead.responsible_id == body.by and lead.stage not in s.ENDS
        return body.action == "add" or lead.responsible_id == body.responsible_id

    def _tell(self, body: InboundBody) -> None:
        match body:
            case HandOverLeads():
                mine = [i for i, lead in self.leads.items() if self._is_open_of(lead, s.BRUNO)]
                body = HandOverLeads(
                    handover_id=body.handover_id,
                    manager_id=body.manager_id,
                    lead_ids=tuple(sorted(mine)),
                    by=body.by,
                )
            case PassLeadOn():
                body = replace(body, lead_id=self._offered_to(s.CARLA))
            case ResponsibleSet():
                lead = self.leads[body.lead_id]
                lead.responsible_id, lead.modified_at = body.manager_id, body.modified_at
            case LeadReported():
                self.leads[body.lead_id].stage = body.stage
            case _:
                pass
        message_id = f"w{len(self.log) + 1}"
        message = Inbound(account_id=s.ACCOUNT_ID, message_id=message_id, at=self._now, body=body)
        version = self.account.version
        events = decide(self.account, message)
        for number, event in enumerate(events, start=1):
            self.log.append(
                Recorded(
                    account_id=s.ACCOUNT_ID,
                    version=version + number,
                    cause=message_id,
                    event=event,
                )
            )
        for event in events:
            self._react(event)

    def _offered_to(self, manager_id: int) -> int:
        """The newest lead that a manager was given and has done nothing with; 0 for none."""
        offers = self.account.offers
        return max((i for i, offer in offers.items() if offer.manager_id == manager_id), default=0)

    def _react(self, event: AllocationEvent) -> None:
        """What Kommo and people do about it."""
        match event:
            case TimerScheduled(due_at=datetime() as due_at):
                due = TimerDue(timer_id=event.timer_id, generation=event.generation)
                self._later(due_at, due)
            case LeadAssigned():
                done = ResponsibleSet(
                    request_id=event.request_id,
                    attempt=event.attempt,
                    lead_id=event.lead_id,
                    manager_id=event.manager_id,
                    modified_at=self._now.replace(microsecond=0) + 2 * SECOND,
                    how="answered",
                )
                self._later(self._now + 2 * SECOND, done)
                self._plan_work(event)
            case TouchesRequested():
                read = TouchesRead(
                    lead_id=event.lead_id, request_id=event.request_id, attempt=event.attempt
                )
                self._later(self._now + SECOND, read)
            case ReadingRequested():
                self._later(self._now + SECOND, self._facts(event))
            case _:
                pass

    def _plan_work(self, event: LeadAssigned) -> None:
        """Call the lead within the hour, unless it is forgotten; close it in some days."""
        if self._random.randint(1, 100) <= FORGOTTEN:
            return
        starts_at = event.reserved_until or self._now
        called_at = starts_at + self._random.randint(3, 40) * MINUTE
        call = TouchReported(
            lead_id=event.lead_id,
            kind="call",
            by=event.manager_id,
            happened_at=called_at.replace(microsecond=0),
        )
        self._later(called_at, call)
        lead = self.leads[event.lead_id]
        closed_at = called_at + self._random.randint(4, 60) * s.HOUR
        closed = TrueLead(
            lead_id=lead.lead_id,
            stage=self._random.choice(s.ENDS),
            price=lead.price,
            contact_of=lead.contact_of,
            created_at=lead.created_at,
            responsible_id=event.manager_id,
            modified_at=closed_at.replace(microsecond=0),
        )
        self._later(closed_at, self._reported(closed, "status"))

    def _facts(self, event: ReadingRequested) -> FactsRead:
        lead = self.leads[event.lead_id]
        rules = self.account.configuration.by_stage.get(event.stage, ())
        facts = Facts(price=lead.price)
        return FactsRead(
            request_id=event.request_id,
            lead_id=lead.lead_id,
            revision=event.revision,
            stage=lead.stage,
            responsible_id=lead.responsible_id,
            modified_at=lead.modified_at,
            created_at=lead.created_at,
            outcomes=tuple(
                o for rule in rules for o in judged(rule.rule_id, rule.conditions, facts)
            ),
            responsibles=(Responsible("contact", lead.contact_of),) if lead.contact_of else (),
            created_by=0,
            unread=(),
        )

    def _is_open_of(self, lead: TrueLead, manager_id: int) -> bool:
        return lead.responsible_id == manager_id and lead.stage not in s.ENDS

    def _reported(self, lead: TrueLead, action: str) -> LeadReported:
        return LeadReported(
            lead_id=lead.lead_id,
            action="add" if action == "add" else "status",
            stage=lead.stage,
            responsible_id=lead.responsible_id,
            modified_at=lead.modified_at,
            created_at=lead.created_at,
            modified_by=0,
        )

    def _later(self, at: datetime, body: InboundBody) -> None:
        self._number += 1
        heappush(self._queue, (at, self._number, body))
