"""What people and things are called on a page."""

from collections.abc import Iterable

from contracts.sentences import sentence
from services.console.seeing import SeeingAccount


def name_of(who: SeeingAccount, manager_id: int) -> str:
    """A manager by name."""
    return who.words.say(sentence("cell.manager", manager=manager_id))


async def person_of(who: SeeingAccount, principal: str) -> str:
    """Whoever did something, by name if they have one here."""
    kind, _, number = principal.partition(":")
    person = None
    if kind == "person" and number.isdecimal():
        person = await who.premises.access.people.get(int(number))
    if person is not None:
        return person.name
    return who.words.say(sentence("console.rules.principal", by=principal))


async def names_in(who: SeeingAccount, principals: Iterable[str]) -> dict[str, str]:
    """The same for all of a list, by who they are."""
    return {each: await person_of(who, each) for each in dict.fromkeys(principals)}
