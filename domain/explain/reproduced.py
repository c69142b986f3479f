"""A past decision taken again, from what its event recorded (D10.2)."""

from contracts.events import LeadAssigned
from domain.choosing.policies import choose
from domain.choosing.standings import Choice
from domain.duty import choose_duty
from domain.owners.judgement import owner_choice


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
            return choose(event.standings, event.policy, event.kinds, event.even)
