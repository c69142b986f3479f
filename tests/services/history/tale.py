"""A small true history, told by hand to the real decisions; tests then spoil one thing of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from contracts.events import AllocationEvent, LeadAssigned, Recorded
from contracts.inbound import DescribeAccount, Inbound, InboundBody, ResponsibleSet
from contracts.stage import Stage
from domain import snapshot
from domain.decide import decide
from domain.state import Account
from projections import assignments, fairness, loads, requests, timers
from services.history.record import (
    Change,
    History,
    Hook,
    KeptSnapshot,
    LeadInKommo,
    StageEntry,
    Tables,
    Write,
)
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    BOSS,
    NEW,
    NOON,
    STAGES,
    dp,
    limit,
    reported,
    rule,
    rules,
)


def tables_of(events: Sequence[Recorded]) -> Tables:
    """The rows that the projections make of the events."""
    return Tables(
        requests=tuple(
            {
                **asdict(row),
                "pipeline_id": row.stage.pipeline_id,
                "status_id": row.stage.status_id,
            }
            for row in requests.changes({}, events)
        ),
        assignments=tuple(asdict(row) for row in assignments.changes(events).decided.values()),
        open_leads=tuple(
            {
                "manager_id": manager_id,
                "pipeline_id": stage.pipeline_id,
                "status_id": stage.status_id,
                "open_leads": count,
            }
            for (manager_id, stage), count in loads.changes(events).items()
        ),
        shares=tuple(asdict(row) for row in fairness.changes({}, events)[0]),
        timers=tuple(asdict(row) for row in timers.changes(events).values()),
        kind_shares=tuple(asdict(row) for row in fairness.kinds_after({}, events).values()),
    )


@dataclass(slots=True)
class Tale:
    """One account, the Kommo it works for, and the gateway between them."""

    account: Account = field(default_factory=lambda: Account(ACCOUNT_ID))
    now: datetime = NOON
    events: list[Recorded] = field(default_factory=list)
    inbound: list[Inbound] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    entries: list[StageEntry] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    snapshots: list[KeptSnapshot] = field(default_factory=list)
    leads: dict[int, LeadInKommo] = field(default_factory=dict)

    def tell(self, body: InboundBody, *, once: str | None = None) -> tuple[AllocationEvent, ...]:
        """A message comes in and is answered; a command under the id `once` takes effect once."""
        self.now += timedelta(seconds=1)
        message = Inbound(
            account_id=ACCOUNT_ID,
            message_id=once or f"m{len(self.inbound) + 1}",
            at=self.now,
            body=body,
            is_once=once is not None,
        )
        self.inbound.append(message)
        first = len(self.events) + 1
        answer = decide(self.account, message)
        self.events.extend(
            Recorded(account_id=ACCOUNT_ID, version=version, cause=message.message_id, event=event)
            for version, event in enumerate(answer, first)
        )
        return answer

    def enter(self, lead_id: int, *, repeats: int = 1) -> None:
        """A new lead enters the stage of the rule; its trigger comes so many times."""
        self.leads[lead_id] = LeadInKommo(lead_id=lead_id, stage=NEW, responsible_id=BOSS)
        self.entries.append(StageEntry(lead_id=lead_id, stage=NEW))
        self._heard(lead_id, "webhook", None)
        self.tell(reported(lead_id, NEW, action="add", modified=self.now))
        for _ in range(repeats):
            self._heard(lead_id, "trigger", NEW)
            self.tell(dp(lead_id, NEW))

    def push(self, lead_id: int) -> None:
        """The gateway brings the decision to Kommo, which says yes."""
        wanted = self.account.leads[lead_id].wanted
        assert wanted is not None
        self.now += timedelta(seconds=1)
        self.writes.append(
            Write(lead_id=lead_id, manager_id=wanted.manager_id, status=200, at=self.now)
        )
        self._changes(lead_id, wanted.manager_id, is_ours=True)
        self.tell(
            ResponsibleSet(
                request_id=wanted.request_id,
                attempt=wanted.attempt,
                lead_id=lead_id,
                manager_id=wanted.manager_id,
                modified_at=self.now,
                how="answered",
            )
        )

    def take(self, lead_id: int, person_id: int) -> None:
        """A person makes somebody responsible, and Kommo tells."""
        self.now += timedelta(seconds=5)
        self._changes(lead_id, person_id, is_ours=False)
        self._heard(lead_id, "webhook", None)
        stage = self.leads[lead_id].stage
        self.tell(reported(lead_id, stage, by=person_id, action="responsible", modified=self.now))

    def close(self, lead_id: int) -> None:
        """A person wins the lead."""
        self.now += timedelta(seconds=5)
        self.leads[lead_id] = replace(self.leads[lead_id], stage=STAGES["won"])
        self._heard(lead_id, "webhook", None)
        owner_id = self.leads[lead_id].responsible_id
        self.tell(reported(lead_id, STAGES["won"], by=owner_id, modified=self.now))

    def snap(self) -> None:
        """A snapshot is stored."""
        self.snapshots.append(
            KeptSnapshot(
                version=self.account.version,
                digest=snapshot.digest(self.account),
                state=snapshot.dump(self.account),
            )
        )

    def history(self) -> History:
        """All of it, as it was."""
        return History(
            account_id=ACCOUNT_ID,
            events=tuple(self.events),
            hooks=tuple(self.hooks),
            entries=tuple(self.entries),
            inbound=tuple(self.inbound),
            snapshots=tuple(self.snapshots),
            writes=tuple(self.writes),
            changes=tuple(self.changes),
            leads=tuple(self.leads.values()),
            tables=tables_of(self.events),
        )

    def _heard(self, lead_id: int, kind: str, stage: Stage | None) -> None:
        self.hooks.append(Hook(lead_id=lead_id, kind=kind, stage=stage, status=200, at=self.now))

    def _changes(self, lead_id: int, new_id: int, *, is_ours: bool) -> None:
        lead = self.leads[lead_id]
        self.changes.append(
            Change(
                lead_id=lead_id,
                old_id=lead.responsible_id,
                new_id=new_id,
                is_ours=is_ours,
                at=self.now,
            )
        )
        self.leads[lead_id] = replace(lead, responsible_id=new_id)


def founded() -> Tale:
    """A rule with two managers, two places each."""
    tale = Tale()
    tale.tell(DescribeAccount(timezone="UTC", active_user_ids=(ANN, BOB, BOSS)))
    tale.tell(rules(rule(ANN, BOB, limit=limit(2))))
    return tale


def begun() -> Tale:
    """Five leads, of which the fifth finds no place and waits."""
    tale = founded()
    for lead_id in (1, 2, 3, 4, 5):
        tale.enter(lead_id, repeats=1 + lead_id % 2)
    return tale


def told() -> Tale:
    """The same brought to its end: one taken by a person, one won, the fifth served, a sixth."""
    tale = begun()
    for lead_id in (1, 2, 3):
        tale.push(lead_id)
    tale.take(4, BOSS + 1)
    tale.snap()
    tale.close(1)
    tale.enter(6)
    for lead_id in (5, 6):
        tale.push(lead_id)
    tale.take(2, BOSS)
    return tale


def rewritten(history: History, events: Sequence[Recorded]) -> History:
    """The history with another log, of which everything that is derived follows."""
    return replace(
        history, events=tuple(events), inbound=None, snapshots=(), tables=tables_of(events)
    )


def decisions(history: History) -> list[tuple[int, LeadAssigned]]:
    """Place in the log and event of each."""
    return [
        (place, recorded.event)
        for place, recorded in enumerate(history.events)
        if isinstance(recorded.event, LeadAssigned)
    ]
