"""How fast leads are served, as a table of medians (D12.1)."""

from dataclasses import dataclass

from contracts.sentences import sentence
from projections.response import Leg, Speed
from services.console.seeing import SeeingAccount

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedLine:
    """The leads of a rule, or of a manager.

    Attributes:
        wait: From asked to decided: the median, and within what nine of ten were.
        push: From there until Kommo held it.
        touch: From decided to the first touch.
        in_target: How many of how many were touched in time; empty without a target.
    """

    name: str
    given: int
    wait: str
    push: str
    touch: str
    in_target: str


def speed_line(who: SeeingAccount, found: Speed, name: str) -> SpeedLine:
    """The same in words."""
    return SpeedLine(
        name=name,
        given=found.given,
        wait=_leg(who, found, "wait"),
        push=_leg(who, found, "push"),
        touch=_leg(who, found, "touch"),
        in_target=_share(who, found),
    )


def _leg(who: SeeingAccount, found: Speed, leg: Leg) -> str:
    times = found.legs[leg]
    if times.median_s is None or times.p90_s is None:
        return NOTHING
    median, most = (
        who.words.say(sentence("cell.brief", seconds=round(seconds)))
        for seconds in (times.median_s, times.p90_s)
    )
    return f"{median} · {most}"


def _share(who: SeeingAccount, found: Speed) -> str:
    if not found.judged:
        return ""
    # Whole per cent are rounded down, as at the terminal: 100% are all.
    share = 100 * found.in_target // found.judged
    return who.words.say(
        sentence("console.speed.share", share=share, of=found.judged, in_target=found.in_target)
    )
