"""Leads: those that are open, the decision on its way for one, and those that ended lately."""

from datetime import datetime, timedelta

from contracts.events import LeadKind
from contracts.stage import Stage
from domain.state.rows import Pairs, Row, Unchanging, WrittenRow, instant, micros

TOLD_GONE = "deletion_told"  # why a lead is read
ANNOUNCED = "announced"  # likewise: it came, and nobody told where it is
CROWDED = "crowded"  # likewise, when so many are read that Kommo's own list shows the rest sooner
REMEMBERED_FOR = timedelta(hours=24)  # Kommo's last repeat of a webhook comes after 95 minutes
# A hook without a time is believed over dated reports up to this much later than its receipt:
# Kommo's clock and ours differ, and its times are whole seconds.
CLOCK_SLACK = timedelta(seconds=2)
# Times of Kommo that are further ahead of our receipt than this are nobody's clock: forged, or
# written by an integration (F64).
CLOCKS_DIFFER_BY = timedelta(minutes=1)


class Wanted(Unchanging, frozen=True, kw_only=True):
    """A decision on its way to Kommo.

    Attributes:
        previous_id: Who was responsible before, as far as we know.
        refused: Managers with whom Kommo refused the lead for this request before.
        kinds: Of which kinds the lead is (D3.9).
        counted_at: The begin of the period in which its registry counts it (D3.10).
        counted: What it counts there, in units; 0 for nothing.
        registry: Which one; empty for none.
    """

    request_id: str
    attempt: int
    manager_id: int
    rule_id: str
    ledger: str
    movements: Pairs
    previous_id: int | None
    decided_at: datetime
    requested_at: datetime
    missed: Pairs = ()
    counts_for_caps: bool = True
    refused: tuple[int, ...] = ()
    kinds: tuple[LeadKind, ...] = ()
    registry: str = ""
    counted_at: datetime | None = None
    counted: int = 0


class Lead(Unchanging, frozen=True, kw_only=True):
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


class Told(Unchanging, frozen=True, kw_only=True):
    """What only hooks tell of a lead, until Kommo was read.

    Attributes:
        before: Where it was as far as anything else tells; None if nothing does.
        at: Kommo's time at which it came where it is, by the hooks; None if they do not say.
        has_waited: It had no manager by us yet where it was before.
    """

    before: Stage | None
    at: datetime | None
    has_waited: bool = False

    def is_borne_out(self, modified_at: datetime) -> bool:
        """Whether a lead last changed then may have come where it is when the hooks say."""
        return self.at is None or modified_at >= self.at


class Announced(Unchanging, frozen=True, kw_only=True):
    """What the first hook tells of a lead that nobody knows, until it is read.

    Attributes:
        responsible_id: Whose it was; None if the hook does not say.
        at: Kommo's time of that.
    """

    responsible_id: int | None = None
    at: datetime | None = None

    def is_chosen(self, responsible_id: int | None, modified_at: datetime | None) -> bool:
        """Whether somebody else was made responsible since, as a lead reads that changed then."""
        if self.responsible_id is None or self.at is None or modified_at is None:
            return False
        return responsible_id != self.responsible_id and modified_at > self.at


class Gone(Unchanging, frozen=True, kw_only=True):
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


def dump_lead(lead: Lead) -> Row:
    """The lead as a row."""
    return [
        lead.stage,
        lead.responsible_id,
        micros(lead.stage_at),
        micros(lead.responsible_at),
        micros(lead.doubtful_until),
        lead.request_id,
        lead.asked,
        lead.wanted and _dump_wanted(lead.wanted),
        lead.superseded_ids,
        lead.is_told_gone,
    ]


def _dump_wanted(wanted: Wanted) -> Row:
    return [
        wanted.request_id,
        wanted.attempt,
        wanted.manager_id,
        wanted.rule_id,
        wanted.ledger,
        wanted.movements,
        wanted.previous_id,
        micros(wanted.decided_at),
        micros(wanted.requested_at),
        wanted.missed,
        wanted.counts_for_caps,
        wanted.refused,
        wanted.kinds,
        wanted.registry,
        micros(wanted.counted_at),
        wanted.counted,
    ]


def dump_told(told: Told) -> Row:
    """What hooks tell as a row."""
    return [told.before, micros(told.at), told.has_waited]


def dump_gone(gone: Gone) -> Row:
    """The ended lead as a row."""
    return [micros(gone.stage_at), gone.is_deleted, micros(gone.at), gone.asked, gone.stage]


class _WrittenWanted(WrittenRow):
    request_id: str
    attempt: int
    manager_id: int
    rule_id: str
    ledger: str
    movements: Pairs
    previous_id: int | None
    decided_at: int
    requested_at: int
    missed: Pairs
    counts_for_caps: bool
    refused: tuple[int, ...]
    kinds: tuple[LeadKind, ...]
    registry: str
    counted_at: int | None
    counted: int

    def record(self) -> Wanted:
        return Wanted(
            request_id=self.request_id,
            attempt=self.attempt,
            manager_id=self.manager_id,
            rule_id=self.rule_id,
            ledger=self.ledger,
            movements=self.movements,
            previous_id=self.previous_id,
            decided_at=instant(self.decided_at),
            requested_at=instant(self.requested_at),
            missed=self.missed,
            counts_for_caps=self.counts_for_caps,
            refused=self.refused,
            kinds=self.kinds,
            registry=self.registry,
            counted_at=instant(self.counted_at),
            counted=self.counted,
        )


class WrittenLead(WrittenRow):
    """A lead as it was written, its id before it."""

    lead_id: int
    stage: Stage
    responsible_id: int | None
    stage_at: int | None
    responsible_at: int | None
    doubtful_until: int | None
    request_id: str | None
    asked: tuple[Stage, ...]
    wanted: _WrittenWanted | None
    superseded_ids: tuple[int, ...]
    is_told_gone: bool

    @property
    def owner_id(self) -> int | None:
        """Whom the lead counts for."""
        return self.responsible_id if self.wanted is None else self.wanted.manager_id

    def record(self) -> Lead:
        """The lead."""
        return Lead(
            stage=self.stage,
            responsible_id=self.responsible_id,
            stage_at=instant(self.stage_at),
            responsible_at=instant(self.responsible_at),
            doubtful_until=instant(self.doubtful_until),
            request_id=self.request_id,
            asked=self.asked,
            wanted=None if self.wanted is None else self.wanted.record(),
            superseded_ids=self.superseded_ids,
            is_told_gone=self.is_told_gone,
        )


class WrittenTold(WrittenRow):
    """What hooks tell of a lead, as it was written, its id before it."""

    lead_id: int
    before: Stage | None
    at: int | None
    has_waited: bool

    def record(self) -> Told:
        """What hooks tell."""
        return Told(before=self.before, at=instant(self.at), has_waited=self.has_waited)


class WrittenGone(WrittenRow):
    """A lead that ended, as it was written, its id before it."""

    lead_id: int
    stage_at: int | None
    is_deleted: bool
    at: int
    asked: tuple[Stage, ...]
    stage: Stage | None

    def record(self) -> Gone:
        """The ended lead."""
        return Gone(
            stage_at=instant(self.stage_at),
            is_deleted=self.is_deleted,
            at=instant(self.at),
            asked=self.asked,
            stage=self.stage,
        )
