"""A decision in words, from nothing but its event (D10.2)."""

from collections.abc import Callable
from decimal import Decimal

from contracts.events import LEAD, DutyCause, LeadAssigned, Standing
from domain.duty import choose_duty
from domain.standings import choose

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
DUTY_CAUSES: dict[DutyCause, str] = {
    "off_hours": "nobody was at work",
    "overflow": "everybody at work had been at the limit for too long",
    "age_limit": "it had waited longer than the age limit",
    "pass_exhausted": "everybody who could take it had been offered it",
    "hops_exhausted": "it had been passed on as often as the rule allows",
}


def leads_of(units: int) -> str:
    """Credit units as leads with three decimals: `+0.417`."""
    return f"{Decimal(units) / LEAD:+.3f}"


def is_reproduced(event: LeadAssigned) -> bool:
    """Whether the rules, asked again with what the event recorded, give the same answer."""
    choice = choose_duty(event.duty) if event.policy == "duty" else choose(event.standings)
    return choice is not None and (
        (choice.manager_id, choice.tier, choice.reason, choice.movements)
        == (event.manager_id, event.tier, event.reason, event.movements)
    )


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
        _why_duty(event, name) if event.policy == "duty" else _why(event, name),
    ]
    lines.extend(
        f"Not {name(s.manager_id)}: {_why_not(s, event)}."
        for s in event.standings
        if s.manager_id != event.manager_id
    )
    return lines


def _why(event: LeadAssigned, name: Name) -> str:
    winner = next(s for s in event.standings if s.manager_id == event.manager_id)
    sharing = [s for s in event.standings if s.share]
    return (
        f"Of priority {event.tier}, {len(sharing)} of {_in_tier(event)} could take it;"
        f" {name(winner.manager_id)} had {REASONS[event.reason]}:"
        f" {leads_of(winner.credit)} before, {leads_of(winner.share)} for this lead."
    )


def _why_duty(event: LeadAssigned, name: Name) -> str:
    passed = [s for s in event.duty if s.tier < event.tier]
    others = "".join(f"; {name(s.manager_id)} {VERDICTS[s.verdict]}" for s in passed)
    cause = DUTY_CAUSES[event.because] if event.because is not None else "the rule says so"
    return (
        f"It went to duty because {cause}: {name(event.manager_id)} has duty{others}."
        " Duty leads are outside the ledger and the limits."
    )


def _in_tier(event: LeadAssigned) -> int:
    return sum(1 for s in event.standings if s.tier == event.tier)


def _why_not(standing: Standing, event: LeadAssigned) -> str:
    if standing.verdict == "at_limit":
        return f"had reached the limit, {standing.open_leads} open of {standing.limit}"
    if standing.verdict != "eligible":
        return VERDICTS[standing.verdict]
    if event.policy == "duty":
        return VERDICTS["eligible"]
    if standing.tier != event.tier:
        return f"is asked only when nobody of priority {event.tier} can take it"
    return f"had {leads_of(standing.credit)} before, {leads_of(standing.share)} for this lead"
