"""What people and things are called on a page."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from contracts.sentences import Sentence, sentence
from services.application.people.called import doers, names_of_people
from services.application.rules import names_of_rules
from services.console.seeing import Seeing, SeeingAccount


def name_of(who: SeeingAccount, manager_id: int) -> str:
    """A manager by name."""
    return who.words.say(sentence("cell.manager", manager=manager_id))


def rule_of(who: SeeingAccount, rule_id: str) -> str:
    """A rule by name, to whoever looks with the names of rules; by its id if it has none."""
    return who.words.say(sentence("cell.rule", rule=rule_id))


async def with_rules(who: SeeingAccount) -> SeeingAccount:
    """The same look, with the names of the rules in force."""
    return knowing_rules(who, await names_of_rules(who.installation, who.account))


def knowing_rules(who: SeeingAccount, names: Mapping[str, str]) -> SeeingAccount:
    """The same where the names are known."""
    return replace(who, words=who.words.knowing(rule=names.get))


async def person_of(who: Seeing, principal: str) -> str:
    """Whoever did something, by name if they have one here."""
    return (await names_in(who, [principal]))[principal]


async def knowing(who: SeeingAccount, sentences: Iterable[Sentence]) -> SeeingAccount:
    """The same look, with the names of those by whom something was done in the sentences."""
    names = await names_in(who, (by for each in sentences for by in doers(each)))
    return replace(who, words=who.words.knowing(person=names.get))


async def names_in(who: Seeing, principals: Iterable[str]) -> dict[str, str]:
    """The same for all of a list, by who they are."""
    named = dict.fromkeys(principals)
    people = await names_of_people(who.premises.access, named)
    words = who.words.knowing(person=people.get)
    return {each: words.say(sentence("console.rules.principal", by=each)) for each in named}
