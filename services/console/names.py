"""What people and things are called on a page."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from contracts.sentences import Sentence, sentence
from services.console.seeing import Seeing, SeeingAccount


def name_of(who: SeeingAccount, manager_id: int) -> str:
    """A manager by name."""
    return who.words.say(sentence("cell.manager", manager=manager_id))


async def person_of(who: Seeing, principal: str) -> str:
    """Whoever did something, by name if they have one here."""
    return (await names_in(who, [principal]))[principal]


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


async def names_in(who: Seeing, principals: Iterable[str]) -> dict[str, str]:
    """The same for all of a list, by who they are."""
    named = dict.fromkeys(principals)
    people = await who.premises.access.people.these([*filter(None, map(_person_id, named))])
    words = who.words.knowing({each.principal: each.name for each in people}.get)
    return {each: words.say(sentence("console.rules.principal", by=each)) for each in named}


def _person_id(principal: str) -> int | None:
    kind, _, number = principal.partition(":")
    return int(number) if kind == "person" and number.isdecimal() else None
