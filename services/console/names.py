"""What people and things are called on a page."""

from contracts.sentences import sentence
from services.console.seeing import SeeingAccount


def name_of(who: SeeingAccount, manager_id: int) -> str:
    """A manager by name."""
    return who.words.say(sentence("cell.manager", manager=manager_id))
