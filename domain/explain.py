"""A decision in words, from nothing but its event (D10.2)."""

from collections.abc import Callable
from decimal import Decimal

from contracts.events import (
    LEAD,
    Cap,
    DutyCause,
    LeadAssigned,
    OwnerStanding,
    Policy,
    RequestPrepared,
    Standing,
)
from domain.duty import choose_duty
from domain.owners import owner_choice
from domain.policies import choose, free_share
from domain.standings import Choice

Name = Callable[[int], str]

VERDICTS: dict[str, str] = {
    "inactive": "is not an active user of Kommo",
    "excluded": "has the coefficient 0",
    "paused": "was paused",
    "off_shift": "was off shift",
    "absent": "was absent",
    "at_limit": "had reached the limit",
    "already_tried": "had been offered the lead before",
    "eligible": "could take it",
}
REASONS = {
    "largest_credit": "the largest credit of those who could take it",
    "longest_wait": "a credit as large as anybody's, and the longest wait since the last lead",
    "smaller_id": "a credit and a wait equal to others', and the smallest id",
}
MEASURES: dict[Policy, tuple[str, str]] = {  # the best, and as good as the best
    "least_loaded": ("the fewest open leads", "as few open leads as anybody"),
    "most_available": ("the largest part of the limit left", "as large a part left as anybody"),
}
TIES = {
    "largest_credit": "a larger credit",
    "longest_wait": "an equal credit, and the longest wait since the last lead",
    "smaller_id": "an equal credit and wait, and the smallest id",
}
CAPS: dict[Cap, str] = {
    "hour": "had got as many leads as he may in an hour",
    "day": "had got as many leads as he may in a day",
    "week": "had got as many leads as he may in a week",
    "pace": "had got as many of the waiting leads as he may in one interval",
}
DUTY_CAUSES: dict[DutyCause, str] = {
    "off_hours": "nobody was at work",
    "overflow": "everybody at work had been at the limit for too long",
    "age_limit": "it had waited longer than the age limit",
    "pass_exhausted": "everybody who could take it had been offered it",
    "hops_exhausted": "it had been passed on as often as the rule allows",
}
SOURCES = {
    "lead": "the lead",
    "contact": "its main contact",
    "company": "its company",
    "other_lead": "the contact's latest other lead",
}
OUTCOMES = {True: "holds", False: "does not hold", None: "could not be read"}


def leads_of(units: int) -> str:
    """Credit units as leads with three decimals: `+0.417`."""
    return f"{Decimal(units) / LEAD:+.3f}"


def is_reproduced(event: LeadAssigned) -> bool:
    """Whether the rules, asked again with what the event recorded, give the same answer."""
    choice = _choose_again(event)
    return choice is not None and (
        (choice.manager_id, choice.tier, choice.reason, choice.movements)
        == (event.manager_id, event.tier, event.reason, event.movements)
    )


def _choose_again(event: LeadAssigned) -> Choice | None:
    match event.policy:
        case "duty":
            return choose_duty(event.duty)
        case "owner":
            return owner_choice(event.owners, event.standings, event.owner_debt)
        case _:
            return choose(event.standings, event.policy)


def explain(event: LeadAssigned, name: Name) -> list[str]:
    """Sentences: who got the lead and why, then everybody else and why not.

    Args:
        event: The decision.
        name: Tells a manager's name by id.
    """
    lines = [
        (
            f"{name(event.manager_id)} got lead {event.lead_id} under rule {event.rule_id!r}"
            f" (revision {event.revision}) on {event.at:%Y-%m-%d at %H:%M:%S} UTC."
        ),
        *owner_lines(event.owners, name),
        *_why_winner(event, name),
    ]
    if event.keeps_lead:
        lines.append("Only what belongs to the lead is handed over; the lead itself stays.")
    if event.reserved_until is not None:
        opens_at = f"{event.reserved_until:%Y-%m-%d at %H:%M:%S} UTC"
        lines.append(f"Nobody was at work; it is reserved as of the next opening, {opens_at}.")
    if event.release == "fresh":
        lines.append("It passed the waiting leads, in turn with them.")
    lines.extend(
        f"Not {name(s.manager_id)}: {_why_not(s, event)}."
        for s in event.standings
        if s.manager_id != event.manager_id and event.policy != "owner"
    )
    return lines


def _why_winner(event: LeadAssigned, name: Name) -> list[str]:
    match event.policy:
        case "owner" if event.owner_debt is not None:
            paid = leads_of(dict(event.movements).get(event.manager_id, 0))
            owes = leads_of(-event.owner_debt.max_units)
            return [f"It counts as a lead that was given: {paid}, down to {owes} at most."]
        case "owner":
            return []
        case "duty":
            return [_why_duty(event, name)]
        case _:
            return [_why(event, name)]


def _why(event: LeadAssigned, name: Name) -> str:
    winner = next(s for s in event.standings if s.manager_id == event.manager_id)
    in_tier = [s for s in event.standings if s.tier == event.tier]
    able = sum(1 for s in in_tier if s.verdict == "eligible")
    if event.policy == "fair_share":
        had = REASONS[event.reason]
    else:
        best, as_good = MEASURES[event.policy]
        had = f"{as_good}, {TIES[event.reason]}" if event.reason in TIES else best
    return (
        f"Of priority {event.tier}, {able} of {len(in_tier)} could take it;"
        f" {name(winner.manager_id)} had {had}: {_numbers(winner, event)}."
    )


def _numbers(standing: Standing, event: LeadAssigned) -> str:
    """What the policy held against the others' numbers."""
    match event.policy:
        case "least_loaded":
            measured = f"{standing.open_leads} open"
        case "most_available":
            measured = f"{standing.open_leads} open of {standing.limit}, {_percent(standing)} left"
        case _:
            return f"{leads_of(standing.credit)} before, {leads_of(standing.share)} for this lead"
    return f"{measured}, credit {leads_of(standing.credit)}"


def _percent(standing: Standing) -> str:
    return f"{int(free_share(standing) * 100)} %"


def _why_duty(event: LeadAssigned, name: Name) -> str:
    passed = [s for s in event.duty if s.tier < event.tier]
    others = "".join(f"; {name(s.manager_id)} {VERDICTS[s.verdict]}" for s in passed)
    cause = DUTY_CAUSES[event.because] if event.because is not None else "the rule says so"
    return (
        f"It went to duty because {cause}: {name(event.manager_id)} has duty{others}."
        " Duty leads are outside the ledger and the limits."
    )


def owner_lines(owners: tuple[OwnerStanding, ...], name: Name) -> list[str]:
    """Whose the lead was already, and what followed from that (D6.1, D6.2)."""
    return [
        f"{name(owner.manager_id)} is responsible for {SOURCES[owner.source]},"
        f" {_owner_words(owner)}."
        for owner in owners
    ]


def prepared_lines(event: RequestPrepared) -> list[str]:
    """What Kommo was read for, and what came out (D1.5)."""
    rule = f"rule {event.rule_id!r}" if event.rule_id is not None else "no rule"
    lines = [f"Request {event.request_id} falls under {rule} ({event.at:%Y-%m-%d %H:%M:%S} UTC)."]
    if event.unread:
        parts = ", ".join(SOURCES[part] for part in event.unread)
        lines.append(f"Kommo did not tell in time or not clearly of {parts}: decided without.")
    lines.extend(
        f"Rule {outcome.rule_id!r}, condition on {outcome.what}: {OUTCOMES[outcome.is_met]}."
        for outcome in event.outcomes
    )
    return lines


def _owner_words(owner: OwnerStanding) -> str:
    if owner.verdict == "eligible":
        return "and gets it as the owner"
    if owner.verdict == "not_an_owner":
        return "but is no owner under this rule"
    back = f" until {owner.back_at:%Y-%m-%d %H:%M:%S} UTC" if owner.back_at is not None else ""
    return f"but {VERDICTS[owner.verdict]}{back}"


def _why_not(standing: Standing, event: LeadAssigned) -> str:
    if standing.cap is not None:
        return CAPS[standing.cap]
    if standing.verdict == "at_limit":
        return f"had reached the limit, {standing.open_leads} open of {standing.limit}"
    if standing.verdict != "eligible":
        return VERDICTS[standing.verdict]
    if event.policy == "duty":
        return VERDICTS["eligible"]
    if standing.tier != event.tier:
        return f"is asked only when nobody of priority {event.tier} can take it"
    return f"had {_numbers(standing, event)}"
