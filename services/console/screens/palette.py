"""What Ctrl-K finds (W3.7): screens, managers, rules, deeds; a lead by the id that is typed."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from contracts.sentences import sentence
from services.application.attendance import everybody
from services.console.names import rule_of, with_rules
from services.console.navigation import navigation
from services.console.pages import page
from services.console.seeing import InAccount, SeeingAccount
from services.console.shapes import MateLine, mate_line

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaletteLine:
    """One thing to go to.

    Attributes:
        kind: What it is, in a word.
    """

    text: str
    href: str
    kind: str


@router.get("/a/{account_id}/palette")
async def get_palette(who: InAccount) -> Response:
    """All but leads, which are too many."""
    lines = list(_screens(who))
    if who.principal.may("read"):
        team = await everybody(
            who.installation, who.premises.present, who.account, who.principal, now=who.now
        )
        for mate in team.mates:
            lines += _of_manager(who, mate_line(who, mate))
        lines += await _rules(who)
    return page("palette.html", who.words, who=who, lines=lines)


def _screens(who: SeeingAccount) -> Iterator[PaletteLine]:
    kind = who.words.say(sentence("console.palette.screen"))
    for group in navigation(who):
        for entry in group.entries:
            yield PaletteLine(text=who.words.say(entry.title), href=entry.href, kind=kind)


def _of_manager(who: SeeingAccount, mate: MateLine) -> Iterator[PaletteLine]:
    say, name = who.words.say, mate.name
    yield PaletteLine(text=name, href=mate.href, kind=say(sentence("console.column.manager")))
    deed = say(sentence("console.palette.deed"))
    if mate.may_resume:
        resume = say(sentence("console.palette.resume", name=name))
        yield PaletteLine(text=resume, href=f"{mate.href}#now", kind=deed)
    if mate.may_pause:
        pause = say(sentence("console.palette.pause", name=name))
        yield PaletteLine(text=pause, href=f"{mate.href}#now", kind=deed)
    if who.principal.may("activity"):
        handover = say(sentence("console.palette.handover", name=name))
        yield PaletteLine(text=handover, href=f"{mate.href}/handover", kind=deed)


async def _rules(who: SeeingAccount) -> list[PaletteLine]:
    """The rules in force, where there is a screen of them."""
    entries = [each for group in navigation(who) for each in group.entries]
    screen = next((each for each in entries if each.name == "rules"), None)
    if screen is None:
        return []
    who = await with_rules(who)
    account = await who.premises.present.account(who.account.account_id)
    kind = who.words.say(sentence("console.column.rule"))
    return [
        PaletteLine(text=rule_of(who, rule.rule_id), href=screen.href, kind=kind)
        for rule in account.configuration.rules
    ]
