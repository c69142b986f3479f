"""What the past tells that no rules decided: leads, people's deeds and choices, Kommo's answers.

Events of the account are read once, in order. What follows from its rules, decisions above all,
is left out; what the world did stays, in the order in which it did it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.events import (
    ORDERED,
    AccountDescribed,
    AllocationEvent,
    AssignmentConfirmed,
    CreditMoved,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    LeadDeleted,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    ManagerFoundInactive,
    ManagerPaused,
    ManagerResumed,
    OtherLead,
    ReadingPart,
    ReadingRequested,
    Recorded,
    RequestClosed,
    RequestOpened,
    RequestPrepared,
    Responsible,
    RulesApplied,
    TasksCounted,
    TouchKind,
)
from contracts.stage import Stage
from domain.conditions import Condition
from domain.configuration import Configuration, compile_rules
from domain.kinds import Dimension
from domain.state import Account

# The events of which the past is made; others need not be read.
EVENTS: tuple[type, ...] = (
    AccountDescribed,
    AssignmentConfirmed,
    CreditMoved,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    LeadDeleted,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    ManagerFoundInactive,
    ManagerPaused,
    ManagerResumed,
    ReadingRequested,
    RequestClosed,
    RequestOpened,
    RequestPrepared,
    RulesApplied,
    TasksCounted,
)


@dataclass(slots=True, kw_only=True)
class Seen:
    """A lead came, moved, closed, or somebody took it.

    Attributes:
        responsible_id: Who was responsible when it came, or the person who took it since; None
            where nobody but the rules changed that.
        is_entry: Whether it asked for a manager, as far as the rules of then can tell.
    """

    lead_id: int
    stage: Stage
    responsible_id: int | None
    is_entry: bool
    at: datetime


@dataclass(slots=True, kw_only=True)
class Entered:
    """A trigger asked for a manager for a lead.

    Attributes:
        is_entry: Whether Kommo bore it out.
    """

    lead_id: int
    stage: Stage
    at: datetime
    is_entry: bool = True


Deed = (
    AccountDescribed
    | CreditMoved
    | DistributionOrdered
    | HandoverOrdered
    | LeadDeleted
    | ManagerFoundInactive
    | ManagerPaused
    | ManagerResumed
    | TasksCounted
)
Happening = Seen | Entered | Deed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a manager did with a lead they were given.

    Attributes:
        kind: What they did first; None if they did nothing.
        gives_up: Whether they passed it on themselves; else, without a deed, it lapsed.
        after: How long after they had it.
    """

    manager_id: int
    kind: TouchKind | None
    gives_up: bool = False
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What Kommo told of a lead for one request.

    Attributes:
        conditions: Which of them held.
        kinds: Of which kind the lead was, by what its ledger told leads apart in (D3.9).
        parts: What was read.
    """

    at: datetime
    conditions: Mapping[Condition, bool]
    kinds: Mapping[str, tuple[Dimension, int]]
    responsibles: tuple[Responsible, ...]
    others: tuple[OtherLead, ...]
    parts: tuple[ReadingPart, ...]


@dataclass(slots=True)
class Past:
    """All of it.

    Attributes:
        happenings: In order.
        reactions: By lead, of those who were given it, in turn.
        known: By lead, in order.
    """

    happenings: list[Happening] = field(default_factory=list)
    reactions: dict[int, list[Reaction]] = field(default_factory=dict)
    known: dict[int, list[Known]] = field(default_factory=dict)

    def reaction(self, lead_id: int, manager_id: int, hop: int) -> Reaction | None:
        """What to expect of a manager: what they did with it, else what whoever was given it did.

        Args:
            lead_id: What they are given.
            manager_id: Who is.
            hop: How many were given it before.
        """
        told = self.reactions.get(lead_id, [])
        own = next((each for each in told if each.manager_id == manager_id), None)
        return own or (told[hop] if hop < len(told) else None)

    def known_at(self, lead_id: int, at: datetime) -> Known | None:
        """What was known of a lead by the request of then."""
        told = self.known.get(lead_id, [])
        number = bisect_right([each.at for each in told], at)
        return told[max(0, number - 1)] if told else None


class PastReader:
    """Makes the past from events, fed in order."""

    def __init__(self, account: Account) -> None:
        """Begin.

        Args:
            account: As it was before the first event.
        """
        self.past = Past()
        self._rules: Configuration = account.configuration
        self._timezone, self._users = account.timezone, account.active_user_ids or ()
        self._responsible = {i: lead.owner_id for i, lead in account.leads.items()}
        self._untouched = {i: offer.manager_id for i, offer in account.offers.items()}
        self._held_at = {
            i: offer.held_at for i, offer in account.offers.items() if offer.held_at is not None
        }
        self._parts: dict[str, ReadingRequested] = {}
        self._cause = ""
        self._seen_now: dict[int, Seen] = {}
        self._asked: dict[str, list[Seen | Entered]] = {}
        self._is_handed_over: dict[str, None] = {}

    def read(self, events: Iterable[Recorded]) -> None:
        """Take in the next events."""
        for recorded in events:
            if recorded.cause != self._cause:
                self._cause, self._seen_now = recorded.cause, {}
            self._take(recorded.event)

    def _take(self, event: AllocationEvent) -> None:
        match event:
            case LeadSeen():
                self._take_seen(event)
            case RequestOpened():
                self._take_opened(event)
            case LeadAssigned() | AssignmentConfirmed() | LeadTouched() | LeadLapsed():
                self._take_reaction(event)
            case ReadingRequested():
                self._parts[event.request_id] = event
            case RequestPrepared():
                self._take_prepared(event)
            case RequestClosed():
                told = self._asked.pop(event.request_id, [])
                for each in told if event.reason == "not_there" else ():
                    each.is_entry = False
            case RulesApplied() | AccountDescribed():
                self._take_rules(event)
            case _:
                self._take_deed(event)

    def _take_deed(self, event: AllocationEvent) -> None:
        match event:
            case HandoverOrdered():
                self._take_handed_over(event)
            case CreditMoved(reason="corrected") | ManagerResumed(how="resumed"):
                self.past.happenings.append(event)
            case DistributionOrdered() | LeadDeleted() | ManagerFoundInactive() | ManagerPaused():
                self.past.happenings.append(event)
            case TasksCounted():
                self.past.happenings.append(event)
            case _:
                pass

    def _take_handed_over(self, event: HandoverOrdered) -> None:
        """Who had not touched a lead until it was handed over did nothing with it.

        At the end of a shift the draft says what becomes of leads; of a person's order, the other
        parts follow from the first one.
        """
        if event.because is None and event.handover_id not in self._is_handed_over:
            self._is_handed_over[event.handover_id] = None
            self.past.happenings.append(event)
        for lead_id in event.lead_ids:
            if self._untouched.pop(lead_id, None) == event.manager_id:
                reaction = Reaction(manager_id=event.manager_id, kind=None)
                self.past.reactions.setdefault(lead_id, []).append(reaction)

    def _take_seen(self, event: LeadSeen) -> None:
        """A responsible whom our own decision made is no news."""
        is_new = event.was_stage is None
        before, now = self._responsible.get(event.lead_id), event.responsible_id
        is_told = event.source != "own_write" and now not in (None, before)
        if is_told and now is not None:
            self._responsible[event.lead_id] = now
        if not (is_new or is_told or event.stage != event.was_stage):
            return
        # Under rules that cover the stage, whoever asks is heard at once: `_take_opened`.
        is_covered = event.stage in self._rules.by_stage
        seen = Seen(
            lead_id=event.lead_id,
            stage=event.stage,
            responsible_id=now if is_new or is_told else None,
            is_entry=event.source != "baseline" and not is_covered,
            at=event.at,
        )
        self._seen_now[event.lead_id] = seen
        self.past.happenings.append(seen)

    def _take_opened(self, event: RequestOpened) -> None:
        if event.source in ORDERED:
            return
        told = self._asked.setdefault(event.request_id, [])
        seen = self._seen_now.get(event.lead_id)
        if seen is not None:
            seen.is_entry = True
            told.append(seen)
        if seen is None or event.source in ("dp_hook", "dp_widget"):
            entered = Entered(lead_id=event.lead_id, stage=event.stage, at=event.at)
            self.past.happenings.append(entered)
            told.append(entered)

    def _take_reaction(
        self, event: LeadAssigned | AssignmentConfirmed | LeadTouched | LeadLapsed
    ) -> None:
        lead_id, at = event.lead_id, event.at
        kind: TouchKind | None = None
        match event:
            case LeadAssigned():
                if not event.keeps_lead:
                    self._responsible[lead_id] = event.manager_id
                rule = self._rules.by_id.get(event.rule_id)
                if rule is not None and rule.minds_touches and event.policy != "duty":
                    self._untouched[lead_id] = event.manager_id
                return
            case AssignmentConfirmed():
                self._held_at[lead_id] = event.at
                return
            case LeadLapsed():
                pass
            case LeadTouched():
                kind, at = event.kind, event.happened_at
        self._untouched.pop(lead_id, None)
        reaction = Reaction(
            manager_id=event.manager_id,
            kind=kind,
            gives_up=isinstance(event, LeadLapsed) and event.passed_on_by is not None,
            after=max(at - self._held_at.get(lead_id, at), timedelta()),
        )
        self.past.reactions.setdefault(lead_id, []).append(reaction)

    def _take_prepared(self, event: RequestPrepared) -> None:
        asked = self._parts.pop(event.request_id, None)
        if asked is None:
            return
        known = Known(
            at=asked.at,
            conditions=dict(self._held(event)),
            kinds=dict(self._told_apart(event)),
            responsibles=event.responsibles,
            others=event.others,
            parts=tuple(part for part in asked.parts if part not in event.unread),
        )
        self.past.known.setdefault(event.lead_id, []).append(known)

    def _held(self, event: RequestPrepared) -> Iterator[tuple[Condition, bool]]:
        for outcome in event.outcomes:
            rule = self._rules.by_id.get(outcome.rule_id)
            for condition in rule.conditions if rule is not None else ():
                if condition.what == outcome.what and outcome.is_met is not None:
                    yield condition, outcome.is_met

    def _told_apart(self, event: RequestPrepared) -> Iterator[tuple[str, tuple[Dimension, int]]]:
        rule = self._rules.by_id.get(event.rule_id or "")
        numbers = {kind.what: kind.kind for kind in event.kinds}
        for dimension in rule.kinds if rule is not None else ():
            if dimension.what in numbers:
                yield dimension.what, (dimension, numbers[dimension.what])

    def _take_rules(self, event: RulesApplied | AccountDescribed) -> None:
        match event:
            case RulesApplied():
                self._rules = compile_rules(
                    event.rules,
                    revision=event.revision,
                    timezone=self._timezone,
                    active_user_ids=self._users,
                )
            case AccountDescribed():
                self._timezone, self._users = event.timezone, event.active_user_ids
                self.past.happenings.append(event)
