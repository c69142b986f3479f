"""What those are called by whom something was done."""

from collections.abc import Iterable, Iterator

from contracts.sentences import Sentence
from services.access.wiring import Access


async def names_of_people(access: Access, principals: Iterable[str]) -> dict[str, str]:
    """Those of them who are people here, by who they are; the others have no name."""
    people = await access.people.these([*filter(None, map(_person_id, principals))])
    return {each.principal: each.name for each in people}


def doers(told: Sentence) -> Iterator[str]:
    """By whom something was done in a sentence."""
    by = told.arguments.get("by")
    if isinstance(by, str):
        yield by
    for each in told.arguments.values():
        if isinstance(each, Sentence):
            yield from doers(each)


def _person_id(principal: str) -> int | None:
    kind, _, number = principal.partition(":")
    return int(number) if kind == "person" and number.isdecimal() else None
