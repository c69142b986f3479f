"""What is known of one account's past, as plain data: Kommo's side, the log, the tables.

Whoever collects it (a test on real servers, the simulation, the demo) fills in what they have.
`None` means not known, and leaves out what can only be proved from it; empty means that there
was nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from contracts.events import Recorded
from contracts.inbound import Inbound
from contracts.stage import CLOSED_STATUSES, Stage

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One attempt of Kommo to tell us of one lead; a body about many leads is one for each.

    Attributes:
        stage: That a trigger speaks of; None for an account webhook.
        status: What we answered; 0 when no answer came.
    """

    lead_id: int
    kind: Literal["trigger", "webhook"]
    stage: Stage | None
    status: int
    at: datetime

    @property
    def is_accepted(self) -> bool:
        """Whether Kommo took our answer for a yes and will not come again."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the range of HTTP


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """A lead entered a stage that a rule covers, whether or not a hook told of it."""

    lead_id: int
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """We asked Kommo to make somebody responsible for a lead.

    Attributes:
        status: What Kommo answered; 0 when it did what we asked and the answer got lost.
        at: When the request arrived.
    """

    lead_id: int
    manager_id: int
    status: int
    at: datetime

    @property
    def is_applied(self) -> bool:
        """Whether Kommo holds, or held, what was asked for."""
        return self.status in (0, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Kommo's own note that a lead got another responsible."""

    lead_id: int
    old_id: int | None
    new_id: int
    is_ours: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadInKommo:
    """A lead as Kommo holds it in the end."""

    lead_id: int
    stage: Stage
    responsible_id: int
    is_deleted: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it still matters who is responsible for it."""
        return not self.is_deleted and self.stage.status_id not in CLOSED_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSnapshot:
    """A snapshot that was stored."""

    version: int
    digest: bytes
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Rows of the projections, those of this account, each as column to value."""

    requests: tuple[Row, ...]
    assignments: tuple[Row, ...]
    open_leads: tuple[Row, ...]
    shares: tuple[Row, ...]
    timers: tuple[Row, ...]
    kind_shares: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All of it.

    Attributes:
        hooks: In the order in which they were sent.
        entries: Every one that happened since the connection; None if somebody may have moved
            leads unrecorded.
        inbound: The inbound log in its order, repeats included; None once a part is pruned.
        quarantined_ids: Messages of it that were set aside instead of being decided (F33).
        set_aside_lead_ids: Leads of hooks that were kept for a person, not in `inbound` (F34).
        events: The account's log in its order.
        writes: In the order of their arrival.
        changes: In the order in which they happened.
        is_settled: Faults are over, every hook, push and sweep is done: what must hold in the
            end has to hold.
        under_way: How long after a decision ended its write may still arrive.
        clock_skew: How far Kommo's clock may be behind ours.
        hooks_late: How long after a change its webhook may have come.
    """

    account_id: int
    events: tuple[Recorded, ...]
    hooks: tuple[Hook, ...] = ()
    entries: tuple[StageEntry, ...] | None = None
    inbound: tuple[Inbound, ...] | None = None
    quarantined_ids: tuple[str, ...] = ()
    set_aside_lead_ids: tuple[int, ...] = ()
    snapshots: tuple[KeptSnapshot, ...] = ()
    writes: tuple[Write, ...] = ()
    changes: tuple[Change, ...] = ()
    leads: tuple[LeadInKommo, ...] = ()
    tables: Tables | None = None
    is_settled: bool = True
    under_way: timedelta = timedelta(seconds=2)
    clock_skew: timedelta = timedelta(0)
    hooks_late: timedelta = timedelta(0)
