"""What the pusher knows of one account's pending decisions: hints, never the truth.

The truth is the work list, read again before each request. The board remembers what the list
cannot know: what was sent and not settled yet, what is in doubt, what has to wait.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from projections.assignments import Assignment

Key = tuple[str, int, int | None]


@dataclass(slots=True, eq=False)
class Row:
    """A decision to bring to Kommo.

    Attributes:
        known_at: When it was first seen here, or last found to be sendable.
        is_doubtful: Kommo must be read before it is sent (again).
        tries: Requests that failed with it.
        next_at: Not before this.
    """

    wanted: Assignment
    known_at: float
    is_doubtful: bool
    seen_in: int
    tries: int = 0
    next_at: float = 0.0


@dataclass(slots=True)
class _Told:
    key: Key
    at: float
    seen_in: int


@dataclass(slots=True, eq=False)
class Board:
    """The board of one account.

    Attributes:
        flying: Leads that a request in flight is about.
        maybe: Lead to manager, sent with an unknown outcome.
        flights: Requests (or attempts to get a turn) under way.
        failures: Failed requests in a row; 0 after a success.
        rejected: Leads refused for no known reason in a row.
        next_at: No request of this account before this.
        batch: Leads per request now; smaller after a time-out.
        is_unsure: What we know of its leads may be old: each is read before it is sent.
    """

    account_id: int
    rows_max: int
    told_max: int
    fresh_s: float
    settle_s: float
    batch: int
    rows: dict[int, Row] = field(default_factory=dict)
    told: dict[int, _Told] = field(default_factory=dict)
    flying: set[int] = field(default_factory=set)
    maybe: dict[int, int] = field(default_factory=dict)
    flights: int = 0
    failures: int = 0
    rejected: int = 0
    next_at: float = 0.0
    stopped_status: int | None = None
    is_unsure: bool = False

    def offer(self, wanted: Assignment, *, now: float, is_old: bool, seen_in: int) -> None:
        """Note a pending decision, unless it is known or was carried out just now."""
        lead_id, is_doubtful = wanted.lead_id, is_old or self.is_unsure
        told = self.told.get(lead_id)
        if told is not None:
            if told.key == key_of(wanted) and now - told.at < self.settle_s:
                told.seen_in = seen_in
                return
            # Either nobody took notice of the result, or there is a newer decision or a newly
            # learnt past. Only a newer decision may go out without another look.
            is_doubtful = is_doubtful or told.key[:2] == key_of(wanted)[:2]
            del self.told[lead_id]
        row = self.rows.get(lead_id)
        if row is not None and key_of(row.wanted)[:2] == key_of(wanted)[:2]:
            # The same decision, perhaps with a past that was learnt since: what was in doubt
            # stays in doubt.
            row.wanted, row.seen_in = wanted, seen_in
        elif row is not None or len(self.rows) < self.rows_max:
            self.rows[lead_id] = Row(
                wanted=wanted, known_at=now, is_doubtful=is_doubtful, seen_in=seen_in
            )

    def close_pass(self, seen_in: int, *, began_at: float) -> None:
        """Forget what a complete pass over the work list did not show: it is settled."""
        for lead_id, told in list(self.told.items()):
            if told.seen_in != seen_in and told.at < began_at:
                del self.told[lead_id]
        for lead_id, row in list(self.rows.items()):
            if row.seen_in != seen_in and row.known_at < began_at and lead_id not in self.flying:
                del self.rows[lead_id]
        for lead_id in self.maybe.keys() - self.rows.keys() - self.told.keys() - self.flying:
            del self.maybe[lead_id]

    def ready(self, now: float) -> list[Row]:
        """What may be sent now, untried ones first, then the oldest decision."""
        if len(self.told) >= self.told_max:
            return []
        return self._due(now, is_doubtful=False)

    def doubtful(self, now: float) -> list[Row]:
        """What has to be read before it is sent."""
        return self._due(now, is_doubtful=True)

    def has_work(self, now: float) -> bool:
        """Whether a request would have something to carry."""
        return now >= self.next_at and bool(self.ready(now) or self.doubtful(now))

    def take(self, rows: Sequence[Row], current: Iterable[Assignment], now: float) -> list[Row]:
        """Keep of `rows` what the work list still wants as it stands; note what replaced others."""
        newest = {each.lead_id: each for each in current}
        kept: list[Row] = []
        for row in rows:
            lead_id = row.wanted.lead_id
            found = newest.get(lead_id)
            is_same = found is not None and key_of(found)[:2] == key_of(row.wanted)[:2]
            if found is not None and is_same and found.state == "pending":
                row.wanted = found
                kept.append(row)
            elif self.rows.get(lead_id) is row:
                del self.rows[lead_id]
                if found is not None and found.state == "pending":
                    self.offer(found, now=now, is_old=False, seen_in=row.seen_in)
        return kept

    def tell(self, row: Row, now: float) -> None:
        """Its result is in the inbound log; silence until it is settled there."""
        lead_id = row.wanted.lead_id
        self.told[lead_id] = _Told(key_of(row.wanted), now, row.seen_in)
        if self.rows.get(lead_id) is row:
            del self.rows[lead_id]

    def _due(self, now: float, *, is_doubtful: bool) -> list[Row]:
        due = [
            row
            for lead_id, row in self.rows.items()
            if lead_id not in self.flying
            and now >= row.next_at
            and (row.is_doubtful or now - row.known_at > self.fresh_s) is is_doubtful
        ]
        return sorted(due, key=lambda row: (row.tries, row.wanted.decided_version))


def key_of(wanted: Assignment) -> Key:
    """What makes two rows the same decision; what was learnt of the past counts too."""
    return wanted.request_id, wanted.attempt, wanted.responsible_before
