"""What people and things are called on a page."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from contracts.sentences import Sentence, sentence
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


async def knowing(who: SeeingAccount, sentences: Iterable[Sentence]) -> SeeingAccount:
    """The same look, with the names of those by whom something was done in the sentences."""
    names = await names_in(who, (by for each in sentences for by in _doers(each)))
    return replace(who, words=who.words.knowing(names.get))


def _doers(told: Sentence) -> Iterator[str]:
    by = told.arguments.get("by")
    if isinstance(by, str):
        yield by
    for each in told.arguments.values():
        if isinstance(each, Sentence):
            yield from _doers(each)


async def names_in(who: SeeingAccount, principals: Iterable[str]) -> dict[str, str]:
    """The same for all of a list, by who they are."""
    return {each: await person_of(who, each) for each in dict.fromkeys(principals)}
