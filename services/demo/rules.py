"""What each rule of the demo did, and what managers got besides the fair share, from the events."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.events import (
    CreditMoved,
    LeadAssigned,
    LinkedChanged,
    Recorded,
    RequestClosed,
    RequestPrepared,
)
from domain.configuration import ACCOUNT_LEDGER
from domain.explain.assigned import duty_cause
from services.words.catalogue import Words
from services.words.credit import unsigned

POLICIES = {
    "fair_share": "by fair share",
    "least_loaded": "to whoever had the fewest open leads",
    "fewest_given": "to whoever had got the least of the week",
    "most_available": "to whoever had the most room left",
}
PLURALS = {"contact": "contacts", "company": "companies", "task": "tasks", "lead": "leads"}
BY_RULE = "rule "

Name = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule.

    Attributes:
        leads: That it gave to somebody, kept ones left out.
        what: What else it did, a phrase each.
    """

    name: str
    leads: int
    what: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    """What is counted of a rule: its words in the order in which they came up."""

    lead_ids: dict[int, None] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    linked: Counter[str] = field(default_factory=Counter)
    credits: list[str] = field(default_factory=list)


def rule_rows(
    rules: Sequence[Mapping[str, Any]], events: Iterable[Recorded], name: Name
) -> list[RuleRow]:
    """The rules in their order.

    Args:
        rules: The sections of the rules file.
        events: Of the whole run.
        name: Tells a manager's name by id.
    """
    found: defaultdict[str, _Tally] = defaultdict(_Tally)
    rule_of: dict[str, str] = {}
    for recorded in events:
        _count(recorded, found, rule_of, name)
    return [
        RuleRow(section.get("name", section["id"]), len(one.lead_ids), tuple(_phrases(one)))
        for section in rules
        for one in [found[section["id"]]]
    ]


def besides(decisions: Iterable[LeadAssigned]) -> dict[int, Counter[str]]:
    """Manager id to what they got outside of the account's ledger, by kind."""
    got: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for event in decisions:
        if event.policy == "owner":
            got[event.manager_id]["as owner"] += 1
        elif event.policy == "duty":
            got[event.manager_id]["on duty"] += 1
        elif event.reserved_until is not None:
            got[event.manager_id]["kept for their shift"] += 1
        elif event.ledger != ACCOUNT_LEDGER or not event.movements:
            got[event.manager_id][f"by {event.rule_id}"] += 1
    return dict(got)


def _count(
    recorded: Recorded, found: Mapping[str, _Tally], rule_of: dict[str, str], name: Name
) -> None:
    match recorded.event:
        case RequestPrepared(rule_id=str() as rule_id) as event:
            rule_of[event.request_id] = rule_id
            asked = [each.what for each in event.outcomes if each.rule_id == rule_id]
            if asked:
                found[rule_id].words[f"matched on {_listed(asked)}"] += 1
        case LeadAssigned() as event:
            rule_of[event.request_id] = event.rule_id
            found[event.rule_id].lead_ids[event.lead_id] = None
            found[event.rule_id].words.update(_words(event))
        case RequestClosed(reason="kept") as event:
            found[rule_of[event.request_id]].words["left with their employee"] += 1
        case LinkedChanged() as event:
            found[rule_of[event.request_id]].linked[event.kind] += 1
        case CreditMoved(reason="caught_up") as event:
            manager_id, units = max(event.movements, key=lambda movement: movement[1])
            words = f"{name(manager_id)} caught up with {unsigned(units)} leads"
            found[event.by.removeprefix(BY_RULE)].credits.append(words)
        case _:
            pass


def _words(event: LeadAssigned) -> Iterator[str]:
    """What is to be counted of a decision."""
    match event.policy:
        case "owner":
            yield "to their owners"
        case "duty":
            yield f"to duty: {Words().say(duty_cause(event.because))}"
        case policy:
            yield POLICIES[policy]
    if event.reserved_until is not None:
        yield "kept for whoever starts first"
    if event.tier > 1 and event.policy != "duty":
        yield f"passed to priority {event.tier}"
    if event.keeps_lead:
        yield "stayed, and only what belongs to them moved"
    if any(standing.cap is not None for standing in event.standings):
        yield "while somebody was at their cap"
    if any(s.verdict == "at_limit" and s.cap is None for s in event.standings):
        yield "while somebody was at their limit"


def _phrases(one: _Tally) -> Iterator[str]:
    yield from (f"{count} {words}" for words, count in one.words.items())
    if one.linked:
        things = (
            f"{count} {kind if count == 1 else PLURALS[kind]}" for kind, count in one.linked.items()
        )
        yield f"{_listed(list(things))} followed"
    yield from one.credits


def _listed(texts: Sequence[str]) -> str:
    """`tags, price and source`."""
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last
