"""A past decision taken again from everything the account knew, by the rules themselves (D10.2).

`reproduced` asks what a decision recorded; this asks the account as it was just before: who was
judged how, who was chosen, with which numbers. Whatever of the event is not as it comes out now,
was not decided so.
"""

from dataclasses import dataclass, field, fields
from typing import NoReturn

from contracts.events import (
    AllocationEvent,
    LeadAssigned,
    LeadLapsed,
    RequestClosed,
    RequestDeferred,
    RequestReserved,
)
from domain.explain.reproduced import is_reproduced
from domain.redistribution.clocks import passed_on
from domain.requests.assign import POLICY_VERSIONS
from domain.requests.serving import end_pass, place, serve
from domain.schedule import tzdata_version
from domain.state import Account, Request
from domain.step import Step

Decided = LeadAssigned | RequestDeferred | RequestReserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """The first thing in which an event is another one than comes out now.

    Attributes:
        field: Its name, and in it the manager whose standing it is: `standings.501.credit`.
        recorded: What the event says.
        found: What comes out.
    """

    field: str
    recorded: object
    found: object


@dataclass(slots=True)
class Retaker:
    """Takes the decisions of an account again, one after the other.

    Attributes:
        lapsed: Requests of this step whose manager let the lead lapse.
        decisions: How many were taken again.
        is_present: Whether the last lead was given by the policy and the time zone database that
            we have here. A wait does not say under which it was judged, so those before are left.
    """

    lapsed: dict[str, Request] = field(default_factory=dict)
    decisions: int = 0
    is_present: bool = False

    def compare(self, account: Account, event: AllocationEvent) -> Mismatch | None:
        """Take the decision of the next event again; None if it comes out so, or decides nothing.

        Args:
            account: As it was before the event; it stays so.
            event: The next one.
        """
        match event:
            case LeadLapsed():
                self._note_lapsed(account, event)
                return None
            case RequestClosed():
                self.lapsed.pop(event.request_id, None)
                return None
            case RequestDeferred(standings=()):  # nobody was judged: older ones wait
                return None
            case LeadAssigned():
                self.is_present = _is_of_present_rules(event)
                self.decisions += 1
                found = self._taken_again(account, event)
                self.lapsed.pop(event.request_id, None)
                return found
            case RequestDeferred() | RequestReserved() if self.is_present:
                self.decisions += 1
                return self._taken_again(account, event)
            case _:
                return None

    def _note_lapsed(self, account: Account, event: LeadLapsed) -> None:
        """What it asks for is kept nowhere: it is answered in the same step."""
        offer = account.offers.get(event.lead_id)
        if offer is not None and event.lead_id in account.leads:
            step = Step(account, "", event.at)
            self.lapsed[event.request_id] = passed_on(step, event.lead_id, offer)

    def _taken_again(self, account: Account, event: Decided) -> Mismatch | None:
        if isinstance(event, LeadAssigned) and not self.is_present:
            if is_reproduced(event):  # F67: its shifts are not judged with others
                return None
            return Mismatch(field="manager_id", recorded=event.manager_id, found=None)
        lapsed = self.lapsed.get(event.request_id)
        request = lapsed or account.requests.by_id.get(event.request_id)
        rule = account.configuration.by_id.get(event.rule_id)
        if request is None or rule is None:
            name = "request_id" if request is None else "rule_id"
            return Mismatch(field=name, recorded=getattr(event, name), found=None)
        step = _FirstOnly(account, "", event.at)
        try:
            if lapsed is None:
                place(step, rule, request)
            elif isinstance(event, LeadAssigned) and event.because == "hops_exhausted":
                end_pass(step, rule, request, "hops_exhausted")
            else:
                serve(step, rule, request)
        except _Recorded:
            return _difference(event, step.events[0])
        return Mismatch(field="manager_id", recorded=getattr(event, "manager_id", 0), found=None)


class _Recorded(Exception):
    """What there is to know is known."""


class _FirstOnly(Step):
    """A step that ends with its first event, and changes nothing."""

    def record(self, event: AllocationEvent) -> NoReturn:
        self.events.append(event)
        raise _Recorded


def _is_of_present_rules(event: LeadAssigned) -> bool:
    """Whether it was judged by the policy and the time zone database that we have here."""
    return (event.policy_version, event.tzdata) == (
        POLICY_VERSIONS[event.policy],
        tzdata_version(),
    )


def _difference(recorded: Decided, found: AllocationEvent) -> Mismatch | None:
    if type(found) is not type(recorded):
        return Mismatch(field="event", recorded=type(recorded).__name__, found=type(found).__name__)
    if found == recorded:
        return None
    for each in fields(recorded):
        ours, theirs = getattr(recorded, each.name), getattr(found, each.name)
        if ours != theirs:
            return _inside(each.name, ours, theirs)
    raise AssertionError("unequal events differ in a field")


def _inside(name: str, recorded: object, found: object) -> Mismatch:
    """Where in a list of standings it is."""
    if not (isinstance(recorded, tuple) and isinstance(found, tuple)):
        return Mismatch(field=name, recorded=recorded, found=found)
    if hasattr(recorded, "_fields"):
        for part, ours, theirs in zip(recorded._fields, recorded, found, strict=True):
            if ours != theirs:
                return _inside(f"{name}.{part}", ours, theirs)
    for number, (ours, theirs) in enumerate(zip(recorded, found, strict=False)):
        if ours != theirs:
            return _inside(f"{name}.{getattr(ours, 'manager_id', number)}", ours, theirs)
    return Mismatch(field=name, recorded=recorded, found=found)
