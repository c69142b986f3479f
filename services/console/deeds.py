"""A deed that is looked at before it is done (W3.5): what it would come to, then a button."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fastapi.responses import Response

from contracts.sentences import Sentence
from services.application.confirmation import Assent
from services.application.refused import Refused
from services.console.pages import account_page
from services.console.seeing import SeeingAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """What a deed would come to.

    Attributes:
        lines: One thing after the other.
        question: What the button answers.
        leads: How many it moves.
        hidden: What the form sends besides.
    """

    lines: tuple[str, ...]
    question: str
    leads: int
    hidden: Mapping[str, str]


def foretold(
    who: SeeingAccount,
    lines: Iterable[Sentence],
    question: Sentence,
    *,
    leads: int = 0,
    hidden: Mapping[str, str] = MappingProxyType({}),
) -> Foretold:
    """The same in words."""
    return Foretold(
        lines=tuple(who.words.lines(lines)),
        question=who.words.say(question),
        leads=leads,
        hidden=hidden,
    )


async def deed_page(
    who: SeeingAccount,
    look: Callable[[], Awaitable[Foretold]],
    *,
    title: Sentence,
    action: str,
    button: Sentence,
    back: str,
    here: str,
) -> Response:
    """Show what a deed would come to; where it cannot be done, why.

    Args:
        who: Would do it.
        look: Finds out; what it refuses is told.
        title: Of the page.
        action: Where the form goes.
        button: What does it.
        back: The page it was asked for on.
        here: Its name in the navigation.
    """
    found, why = None, ""
    try:
        found = await look()
    except Refused as refused:
        why = who.words.say(refused.sentence)
    assent = Assent(access=who.premises.access, who=who.caller)
    return account_page(
        "deed.html",
        who,
        here=here,
        status=200 if found else 409,
        title=who.words.say(title),
        found=found,
        why=why,
        is_wide=found is not None and assent.is_wide(found.leads),
        action=action,
        button=who.words.say(button),
        back=back,
    )
