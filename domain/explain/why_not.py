"""Why a lead did not go to somebody: a line for each participant of a decision.

A line is the verdict of whoever could not take the lead. Whoever could, and did not get it, is
told what was asked before them. A lead that went to its owner was nobody else's question, so
others have no line there.
"""

from typing import Literal

from contracts.events import LeadAssigned, Standing, Verdict

Line = (
    Literal[
        "got",
        "got_as_owner",  # it was theirs already
        "others_owed_more",  # by the fair share
        "others_first",  # by another policy of the rule
        "lower_priority",
        "to_duty",
    ]
    | Verdict
)

# How a lead stood to somebody, who need not have taken part in its decision.
Stood = Line | Literal["to_owner", "not_in_rule"]

# In the order in which people read them.
STOOD: tuple[Stood, ...] = (
    "got",
    "got_as_owner",
    "others_owed_more",
    "others_first",
    "off_shift",
    "absent",
    "paused",
    "at_limit",
    "lower_priority",
    "already_tried",
    "refused",
    "no_access",
    "excluded",
    "inactive",
    "to_owner",
    "to_duty",
    "not_in_rule",
)


def stood(event: LeadAssigned, manager_id: int) -> Stood:
    """How a manager stood in one decision: their line, or why they have none."""
    line = dict(lines(event)).get(manager_id)
    if line is not None:
        return line
    return "to_owner" if event.policy == "owner" else "not_in_rule"


def lines(event: LeadAssigned) -> tuple[tuple[int, Line], ...]:
    """The line of each participant, and of whoever got the lead, manager ids ascending."""
    if event.policy == "owner":
        return ((event.manager_id, "got_as_owner"),)
    found: dict[int, Line] = {
        standing.manager_id: _line(standing, event) for standing in event.standings
    }
    found[event.manager_id] = "got"
    return tuple(sorted(found.items()))


def _line(standing: Standing, event: LeadAssigned) -> Line:
    if standing.verdict != "eligible":
        return standing.verdict
    if event.policy == "duty":
        return "to_duty"
    if standing.tier != event.tier:
        return "lower_priority"
    return "others_owed_more" if event.policy == "fair_share" else "others_first"
