"""The projections in memory: the same pure changes, applied as their SQL applies them.

Rows and position of a projection move together. `rebuilt` makes the same from zero in one go, so
that how the events were cut into batches can be seen not to matter (I9).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from contracts.events import Recorded
from projections import (
    assignments,
    decisions,
    fairness,
    linked,
    loads,
    lookups,
    notices,
    readings,
    requests,
    tasks,
    timers,
    touches,
)
from projections.assignments import Assignment
from projections.linked import PendingTransfer, Search
from projections.lookups import Lookup
from projections.notices import PendingNotice
from projections.readings import Reading
from projections.timers import Timer
from projections.touches import Question

PROJECTIONS = (
    "assignments",
    "lookups",
    "readings",
    "timers",
    "touches",
    "requests",
    "loads",
    "fairness",
    "decisions",
    "linked",
    "tasks",
    "notices",
)


@dataclass
class TimerRow:
    """A timer, and which generation of it the clock has sent."""

    generation: int
    due_at: datetime | None
    emitted: int | None = None


@dataclass
class Views:
    """All projections of one account."""

    account_id: int
    positions: Counter[str] = field(default_factory=Counter)
    assignment_rows: dict[int, Assignment] = field(default_factory=dict)
    lookup_rows: dict[int, Lookup] = field(default_factory=dict)
    reading_rows: dict[str, Reading] = field(default_factory=dict)
    rules: tuple[int, dict[str, Any]] | None = None
    question_rows: dict[int, Question] = field(default_factory=dict)
    timer_rows: dict[str, TimerRow] = field(default_factory=dict)
    request_rows: dict[str, requests.Request] = field(default_factory=dict)
    looks: dict[str, requests.Look] = field(default_factory=dict)
    tallies: Counter[requests.TallyKey] = field(default_factory=Counter)
    load_rows: Counter[loads.Place] = field(default_factory=Counter)
    share_rows: dict[fairness.Key, fairness.Share] = field(default_factory=dict)
    kind_share_rows: dict[fairness.KindKey, fairness.KindShare] = field(default_factory=dict)
    movement_rows: list[fairness.Entry] = field(default_factory=list)
    decision_rows: list[decisions.Decision] = field(default_factory=list)
    search_rows: dict[str, Search] = field(default_factory=dict)
    transfer_rows: dict[linked.Thing, PendingTransfer] = field(default_factory=dict)
    task_rows: dict[int, tuple[int, datetime | None]] = field(default_factory=dict)
    tasks_listed_at: datetime | None = None
    notice_rows: dict[notices.Key, PendingNotice] = field(default_factory=dict)

    def position(self) -> int:
        """How far the last of them has come."""
        return min(self.positions[name] for name in PROJECTIONS)

    def pending(self, limit: int | None, after: int) -> list[Assignment]:
        """What Kommo does not hold yet, oldest decision first."""
        rows = [row for row in self.assignment_rows.values() if row.state == "pending"]
        found = [row for row in rows if row.decided_version > after]
        return sorted(found, key=lambda row: row.decided_version)[:limit]

    def project(self, name: str, events: Sequence[Recorded]) -> None:
        """Apply those of the events that are new to a projection; they must continue it."""
        fresh = [recorded for recorded in events if recorded.version > self.positions[name]]
        if not fresh:
            return
        assert fresh[0].version == self.positions[name] + 1, "a projection never skips"
        getattr(self, f"_{name}")(fresh)
        self.positions[name] = fresh[-1].version

    def _assignments(self, events: Sequence[Recorded]) -> None:
        found = assignments.changes(events)
        for lead_id, responsible_id in found.learnt.items():
            row = self.assignment_rows.get(lead_id)
            if row is not None and row.state == "pending" and row.responsible_before is None:
                self.assignment_rows[lead_id] = replace(row, responsible_before=responsible_id)
        for lead_id, responsible_id in found.written.items():
            row = self.assignment_rows.get(lead_id)
            if row is not None and row.state == "pending":
                self.assignment_rows[lead_id] = replace(row, responsible_before=responsible_id)
        for lead_id, end in found.settled.items():
            row = self.assignment_rows.get(lead_id)
            if row is not None and (row.request_id, row.attempt) == (end.request_id, end.attempt):
                self.assignment_rows[lead_id] = replace(
                    row, state=end.state, settled_at=end.settled_at, how=end.how
                )
        self.assignment_rows.update(found.decided)

    def _lookups(self, events: Sequence[Recorded]) -> None:
        answered, asked = lookups.changes(events)
        for lead_id in answered:
            self.lookup_rows.pop(lead_id, None)
        for lookup in asked:
            known = self.lookup_rows.get(lookup.lead_id)
            asked_at = known.asked_at if known is not None else lookup.asked_at
            self.lookup_rows[lookup.lead_id] = replace(lookup, asked_at=asked_at)

    def _readings(self, events: Sequence[Recorded]) -> None:
        answered, asked, rules = readings.changes(events)
        if rules is not None:
            self.rules = rules.revision, rules.rules
        for request_id in answered:
            self.reading_rows.pop(request_id, None)
        self.reading_rows.update({reading.request_id: reading for reading in asked})

    def _touches(self, events: Sequence[Recorded]) -> None:
        forgotten, asked = touches.changes(events)
        for lead_id, unless_at in forgotten.items():
            known = self.question_rows.get(lead_id)
            if known is not None and known.decide_at != unless_at:
                del self.question_rows[lead_id]
        self.question_rows.update({question.lead_id: question for question in asked})

    def _timers(self, events: Sequence[Recorded]) -> None:
        for timer_id, event in timers.changes(events).items():
            known = self.timer_rows.get(timer_id)
            if known is None:
                self.timer_rows[timer_id] = TimerRow(event.generation, event.due_at)
            elif known.generation < event.generation:
                known.generation, known.due_at = event.generation, event.due_at

    def _requests(self, events: Sequence[Recorded]) -> None:
        known = {
            request_id: self.request_rows[request_id]
            for request_id in requests.concerned(events)
            if request_id in self.request_rows
        }
        after = requests.changes(known, events)
        for key, change in requests.tallied(known, after).items():
            self.tallies[key] += change
            assert self.tallies[key] >= 0, "no count of requests is negative"
            if not self.tallies[key]:
                del self.tallies[key]
        self.request_rows.update({request.request_id: request for request in after})
        self.looks.update({look.rule_id: look for look in requests.looks(events)})

    def _loads(self, events: Sequence[Recorded]) -> None:
        for place, change in loads.changes(events).items():
            self.load_rows[place] += change
            assert self.load_rows[place] >= 0, "no load is negative (I8)"
            if not self.load_rows[place]:
                del self.load_rows[place]

    def _fairness(self, events: Sequence[Recorded]) -> None:
        concerned = fairness.concerned(events)
        known = {key: self.share_rows[key] for key in concerned if key in self.share_rows}
        shares, booked = fairness.changes(known, events)
        self.share_rows.update({(share.ledger, share.manager_id): share for share in shares})
        self.movement_rows += booked
        self.kind_share_rows = fairness.kinds_after(self.kind_share_rows, events)

    def _decisions(self, events: Sequence[Recorded]) -> None:
        self.decision_rows += decisions.changes(events)

    def _linked(self, events: Sequence[Recorded]) -> None:
        found = linked.changes(events)
        for order_id in found.found:
            self.search_rows.pop(order_id, None)
        for thing in found.ended:
            self.transfer_rows.pop(thing, None)
        self.search_rows.update(found.searches)
        self.transfer_rows.update(found.handovers)

    def _tasks(self, events: Sequence[Recorded]) -> None:
        found = tasks.changes(events)
        if found.is_forgotten:
            self.task_rows, self.tasks_listed_at = {}, None
        for task_id, change in found.tasks.items():
            self.task_rows.pop(task_id, None)
            if change.manager_id is not None:
                self.task_rows[task_id] = change.manager_id, change.due_at
        self.tasks_listed_at = self.tasks_listed_at or found.listed_at

    def _notices(self, events: Sequence[Recorded]) -> None:
        ended, wanted = notices.changes(events)
        for row in wanted:
            self.notice_rows.setdefault((row.order_id, row.kind), row)
        for key in ended:
            self.notice_rows.pop(key, None)

    # What the gateway and the clock ask.

    def unsent_timers(self) -> list[Timer]:
        """Timers that are set and were not sent."""
        return [
            Timer(
                account_id=self.account_id,
                timer_id=timer_id,
                generation=row.generation,
                due_at=row.due_at,
            )
            for timer_id, row in self.timer_rows.items()
            if row.due_at is not None and row.emitted != row.generation
        ]

    def mark_emitted(self, sent: Timer) -> None:
        """Note that the clock sent this generation, unless it was replaced meanwhile."""
        row = self.timer_rows.get(sent.timer_id)
        if row is not None and row.generation == sent.generation:
            row.emitted = sent.generation

    def derived(self) -> dict[str, object]:
        """All that follows from the events."""
        return {
            "assignments": self.assignment_rows,
            "lookups": self.lookup_rows,
            "readings": self.reading_rows,
            "rules": self.rules,
            "touches": self.question_rows,
            "timers": {key: (row.generation, row.due_at) for key, row in self.timer_rows.items()},
            "requests": self.request_rows,
            "looks": self.looks,
            "tallies": self.tallies,
            "loads": self.load_rows,
            "shares": self.share_rows,
            "movements": self.movement_rows,
            "decisions": self.decision_rows,
            "searches": self.search_rows,
            "transfers": self.transfer_rows,
            "tasks": (self.task_rows, self.tasks_listed_at),
            "notices": self.notice_rows,
        }


def rebuilt(account_id: int, events: Sequence[Recorded]) -> Views:
    """The projections of an account from zero."""
    views = Views(account_id)
    for name in PROJECTIONS:
        views.project(name, events)
    return views


class AllViews:
    """The projections of all accounts, and the lists that are read from them."""

    def __init__(self) -> None:
        self._views: dict[int, Views] = {}

    def of(self, account_id: int) -> Views:
        """Those of an account."""
        if account_id not in self._views:
            self._views[account_id] = Views(account_id)
        return self._views[account_id]

    def __iter__(self) -> Iterator[Views]:
        return iter([self._views[account_id] for account_id in sorted(self._views)])

    def _but_for(self, account_ids: Sequence[int]) -> Iterator[Views]:
        return (views for views in self if views.account_id not in account_ids)

    def heads(self) -> dict[int, int]:
        """How far each account's decisions reach that Kommo does not hold yet."""
        found = {views.account_id: views.pending(None, 0) for views in self}
        return {account_id: rows[-1].decided_version for account_id, rows in found.items() if rows}

    def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> list[Assignment]:
        """The newest decisions about these leads."""
        known = self.of(account_id).assignment_rows
        return [known[lead_id] for lead_id in sorted(set(lead_ids)) if lead_id in known]

    def asked(self, limit: int, after: Lookup | None, but_for: Sequence[int]) -> list[Lookup]:
        """Readings of known leads that were asked for, the longest waiting first."""
        return self._lookups(limit, after, but_for, of_unknown=False)

    def unknown(self, limit: int, after: Lookup | None, but_for: Sequence[int]) -> list[Lookup]:
        """The same of unknown leads."""
        return self._lookups(limit, after, but_for, of_unknown=True)

    def to_read(self, limit: int, after: Reading | None, but_for: Sequence[int]) -> list[Reading]:
        """What requests wait for, the longest waiting first."""
        rows = [row for views in self._but_for(but_for) for row in views.reading_rows.values()]
        rows = [row for row in rows if after is None or _read(row) > _read(after)]
        return sorted(rows, key=_read)[:limit]

    def questions(
        self, limit: int, after: Question | None, but_for: Sequence[int]
    ) -> list[Question]:
        """Offered leads of which Kommo should tell something, the longest waiting first."""
        rows = [row for views in self._but_for(but_for) for row in views.question_rows.values()]
        rows = [row for row in rows if after is None or _asked(row) > _asked(after)]
        return sorted(rows, key=_asked)[:limit]

    def to_find(self, limit: int, after: Search | None, but_for: Sequence[int]) -> list[Search]:
        """Leads whose linked things are asked for, the longest waiting first."""
        rows = [row for views in self._but_for(but_for) for row in views.search_rows.values()]
        rows = [row for row in rows if after is None or _searched(row) > _searched(after)]
        return sorted(rows, key=_searched)[:limit]

    def to_set(
        self, limit: int, after: PendingTransfer | None, but_for: Sequence[int]
    ) -> list[PendingTransfer]:
        """Linked things that Kommo does not hold yet, the longest waiting first."""
        rows = [row for views in self._but_for(but_for) for row in views.transfer_rows.values()]
        rows = [row for row in rows if after is None or _transferred(row) > _transferred(after)]
        return sorted(rows, key=_transferred)[:limit]

    def to_write(
        self, limit: int, after: PendingNotice | None, but_for: Sequence[int]
    ) -> list[PendingNotice]:
        """Notes and tasks that Kommo does not hold yet, the longest waiting first."""
        rows = [row for views in self._but_for(but_for) for row in views.notice_rows.values()]
        rows = [row for row in rows if after is None or _wanted(row) > _wanted(after)]
        return sorted(rows, key=_wanted)[:limit]

    def _lookups(
        self, limit: int, after: Lookup | None, but_for: Sequence[int], *, of_unknown: bool
    ) -> list[Lookup]:
        rows = [row for views in self._but_for(but_for) for row in views.lookup_rows.values()]
        rows = [row for row in rows if (row.reason in lookups.UNKNOWN) == of_unknown]
        rows = [row for row in rows if after is None or _asked(row) > _asked(after)]
        return sorted(rows, key=_asked)[:limit]

    def unsent(self) -> list[Timer]:
        """Timers that are set and were not sent, earliest first."""
        rows = [timer for views in self for timer in views.unsent_timers()]
        return sorted(rows, key=lambda row: (row.due_at, row.account_id, row.timer_id))


def _read(row: Reading) -> tuple[datetime, int, int]:
    return row.asked_at, row.account_id, row.asked_version


def _wanted(row: PendingNotice) -> tuple[datetime, int, int]:
    return row.asked_at, row.account_id, row.asked_version


def _searched(row: Search) -> tuple[datetime, int, int]:
    return row.asked_at, row.account_id, row.asked_version


def _transferred(row: PendingTransfer) -> tuple[datetime, int, str, int]:
    return row.asked_at, row.account_id, row.kind, row.entity_id


def _asked(row: Lookup | Question) -> tuple[datetime, int, int]:
    return row.asked_at, row.account_id, row.lead_id
