"""Everything a decision may depend on, and the questions that decisions ask of it."""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime

from contracts.events import Access, LeadKind, LinkedRequested, NoticeKind
from contracts.stage import Stage
from domain.configuration import NO_RULES, Configuration, compile_rules
from domain.limits.caps import Given
from domain.limits.loads import Loads
from domain.limits.pacing import Release
from domain.limits.tasks import Tasks
from domain.state.commands import Taken
from domain.state.lead import CLOCKS_DIFFER_BY, Announced, Gone, Lead, Told
from domain.state.notices import OpenNotice, Why
from domain.state.offer import Offer
from domain.state.request import Opened, Request, Requests
from domain.state.rows import EPOCH, Unchanging
from domain.state.silence import Silences
from domain.state.transfers import Thing, Transfers

LAPSE_TIMER = "lapse/"  # and the lead: such timers are forgotten with their lead's clock


class Pause(Unchanging, frozen=True, kw_only=True):
    """A manager takes no leads."""

    by_administrator: bool
    until: datetime | None


class Timer(Unchanging, frozen=True, kw_only=True):
    """The newest generation of a timer; `due_at` None is cancelled."""

    generation: int
    due_at: datetime | None


@dataclass(slots=True)
class KindAccount:
    """One kind of a ledger (D3.9).

    Attributes:
        leads: Given out of it and not taken back.
        credits: Manager to units; managers at 0 are missing.
    """

    leads: int = 0
    credits: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class RegistryBook:
    """What everybody got in the present period of a registry (D3.10).

    Attributes:
        levels: Manager to how much of their part they got, in units.
        there: Who could take leads when they were last judged, ascending.
    """

    began_at: datetime
    levels: dict[int, int] = field(default_factory=dict)
    there: tuple[int, ...] = ()


@dataclass(slots=True)
class Account:
    """Everything a decision may depend on.

    Dictionaries are for looking up, never for order, except `gone`, `commands` and those of
    `requests`, whose order is part of the state.

    Attributes:
        now: The latest time of any event; decisions never go back behind it (F64).
        began_at: When Kommo made the account; None while it was not told.
        connected_at: When the account was first described.
        active_user_ids: Ascending; None until Kommo's users are known.
        limited: What some of the active users may not see, by id.
        refusals: Manager to how many leads Kommo refused with them and took with somebody else,
            since it last took one with them.
        credits: Ledger name to manager to units (D3.1); managers at 0 are missing.
        kinds: Ledger name to its kinds, as far as anything was given out in them (D3.9).
        registries: Registry name to its present period (D3.10).
        missed: Ledger name to manager to units they may catch up with (D3.3).
        releases: Rule to how far its queue is released, while it has a pace (D8.2).
        stalled: Rules whose leads wait with nobody in sight, ascending (D8.3).
        given: Manager to their leads of the last days, kept while a rule has caps (D5.5).
        last_turns: Manager to the number of their last assignment.
        requests: Those without a standing decision.
        linking: Decisions whose linked things are being read (D6.4).
        transfers: Linked things on their way to a manager.
        changing: Thing to the transfers it is part of.
        reasons: Lead to why its wanted manager was chosen, where a rule tells people (D12.2).
        notices: What people are being told, by decision and kind.
        again: Leads that had asked before they last did, where a rule makes tasks, until their
            next decision is carried out: they may have a task of ours.
        lookups: Leads whose reading was asked for, and when.
        announced: Those of them that are read because they came, and whose they were by the hook.
        told: Leads that only hooks say are where they are, unless hooks are trusted (S2).
        given_up: Leads that only hooks say a person took, so that they ask no more, and whose they
            were before (S2); none while hooks are trusted.
        offers: Leads whose manager has done nothing yet, under rules that mind.
        commands: Ids of people's commands that were taken up, the oldest first.
        tasks: Managers' open tasks, where a rule has a limit of them (D5.6).
        silences: Triggers, by rule and stage, that have not told of leads which came there (D1.8).
        hook_at: When a hook last told of a lead, while there are triggers.
    """

    account_id: int
    version: int = 0
    now: datetime = EPOCH
    began_at: datetime | None = None
    connected_at: datetime | None = None
    timezone: str = "UTC"
    active_user_ids: tuple[int, ...] | None = None
    refused_user_ids: tuple[int, ...] = ()
    limited: dict[int, Access] = field(default_factory=dict)
    refusals: dict[int, int] = field(default_factory=dict)
    rules_data: dict[str, object] | None = None
    revision: int = 0
    configuration: Configuration = NO_RULES
    leads: dict[int, Lead] = field(default_factory=dict)
    gone: dict[int, Gone] = field(default_factory=dict)
    requests_total: int = 0
    turns: int = 0
    credits: dict[str, dict[int, int]] = field(default_factory=dict)
    kinds: dict[str, dict[LeadKind, KindAccount]] = field(default_factory=dict)
    registries: dict[str, RegistryBook] = field(default_factory=dict)
    missed: dict[str, dict[int, int]] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    stalled: tuple[str, ...] = ()
    given: dict[int, Given] = field(default_factory=dict)
    last_turns: dict[int, int] = field(default_factory=dict)
    requests: Requests = field(default_factory=Requests)
    linking: dict[str, LinkedRequested] = field(default_factory=dict)
    transfers: dict[str, Transfers] = field(default_factory=dict)
    changing: dict[Thing, str] = field(default_factory=dict)
    reasons: dict[int, Why] = field(default_factory=dict)
    notices: dict[tuple[str, NoticeKind], OpenNotice] = field(default_factory=dict)
    again: dict[int, None] = field(default_factory=dict)
    pauses: dict[int, Pause] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    lookups: dict[int, datetime] = field(default_factory=dict)
    announced: dict[int, Announced] = field(default_factory=dict)
    told: dict[int, Told] = field(default_factory=dict)
    given_up: dict[int, int | None] = field(default_factory=dict)
    offers: dict[int, Offer] = field(default_factory=dict)
    commands: dict[str, Taken] = field(default_factory=dict)
    tasks: Tasks = field(default_factory=Tasks)
    silences: Silences = field(default_factory=dict)
    hook_at: datetime | None = None
    loads: Loads = field(default_factory=Loads)

    def ledger(self, name: str) -> dict[int, int]:
        """The credits of one ledger; absent managers have 0."""
        return self.credits.get(name, {})

    def kind_credits(self, ledger: str, kind: LeadKind) -> dict[int, int]:
        """The credits of one kind of a ledger; absent managers have 0."""
        book = self.kinds.get(ledger, {}).get(kind)
        return {} if book is None else book.credits

    def owner_of(self, lead_id: int) -> int | None:
        """Whom a lead counts for; None for nobody, and for a lead that is not open."""
        lead = self.leads.get(lead_id)
        return lead.owner_id if lead is not None else None

    def pause_at(self, manager_id: int, at: datetime) -> Pause | None:
        """The pause that covers an instant, even if the clock has not spoken up yet."""
        if not self.configuration.activity.enabled:
            return None
        pause = self.pauses.get(manager_id)
        return pause if pause is not None and (pause.until is None or at < pause.until) else None

    def is_absent(self, manager_id: int, at: datetime) -> bool:
        """Whether a vacation or sick leave of theirs covers an instant."""
        absences = self.configuration.absences
        if absences is None or not absences.by_manager:
            return False
        return absences.is_absent(manager_id, at)

    def absent_until(self, manager_id: int, at: datetime) -> datetime | None:
        """When a manager who is absent at an instant returns; None when they are not absent."""
        absences = self.configuration.absences
        return absences.absent_until(manager_id, at) if absences is not None else None

    def is_inactive(self, manager_id: int) -> bool:
        """Whether Kommo would refuse them as a responsible user, as far as we know."""
        if self.refused_user_ids and manager_id in self.refused_user_ids:
            return True
        known = self.active_user_ids
        if known is None:
            return False
        place = bisect_left(known, manager_id)
        return place == len(known) or known[place] != manager_id

    def is_credible(self, at: datetime, now: datetime) -> bool:
        """Whether a time of Kommo can be one: not to come, nor from before the account was made."""
        if at > now + CLOCKS_DIFFER_BY:
            return False
        return self.began_at is None or at >= self.began_at - CLOCKS_DIFFER_BY

    def may_see(self, manager_id: int, stage: Stage | None) -> bool:
        """Whether their rights let them see a lead of theirs in a stage, or any lead at all."""
        access = self.limited.get(manager_id)
        if access is None:
            return True
        return not (access.is_free or access.sees_no_leads or stage in access.hidden_stages)

    def waiting_of(self, lead_id: int) -> Request | None:
        """The lead's waiting request, whatever it waits for, if it has one."""
        lead = self.leads.get(lead_id)
        if lead is None or lead.request_id is None:
            return None
        request = self.requests.by_id.get(lead.request_id)
        return None if request is None or isinstance(request.state, Opened) else request

    def may_have_task(self, lead_id: int, attempt: int) -> bool:
        """Whether an earlier decision may have made a task of the lead (D12.2)."""
        return self.configuration.makes_tasks and (attempt > 1 or lead_id in self.again)

    def compile(self) -> None:
        """Compile the rules again after they, the zone or the users changed."""
        if self.rules_data is not None:
            self.configuration = compile_rules(
                self.rules_data,
                revision=self.revision,
                timezone=self.timezone,
                active_user_ids=self.active_user_ids or (),
                silent=[key for key, silence in self.silences.items() if silence.is_total],
            )
