"""The screens of an account, as somebody may see them (W3.2)."""

from dataclasses import dataclass
from typing import Literal

from contracts.sentences import Sentence, sentence
from services.console.seeing import SeeingAccount


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """One screen.

    Attributes:
        name: By which a page says that it is this one.
        key: The letter after `g` that goes there.
    """

    name: Literal["today", "leads", "me"]
    title: Sentence
    href: str
    key: str


def entries(who: SeeingAccount) -> list[NavigationEntry]:
    """What somebody is offered, in order: nothing that ends in a no."""
    found: list[NavigationEntry] = []
    if who.principal.may("read"):
        found.append(NavigationEntry("today", sentence("console.screen.today"), who.base, "t"))
    if who.principal.may("explain"):
        found.append(
            NavigationEntry("leads", sentence("console.screen.leads"), f"{who.base}/leads", "l")
        )
    if who.principal.manager_id is not None:
        found.append(NavigationEntry("me", sentence("console.screen.me"), f"{who.base}/me", "m"))
    return found
