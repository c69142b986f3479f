"""How far from the fair share everybody is, drawn on one axis, and how it came to that (W4.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from contracts.events import LEAD
from contracts.sentences import sentence
from projections.fairness import Furthest, KindShare, Share
from services.application.attendance import deviation_of
from services.application.fairness import LedgerFairness
from services.console.moments import moment
from services.console.names import name_of
from services.console.portions import Portion, portion
from services.console.seeing import SeeingAccount

# More points than that cannot be seen (W5.3); as many rows are still read as numbers.
POINTS_MAX = 100
WIDTH, HEIGHT, HALF = 400, 100, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLine:
    """A manager in a ledger, or in one kind of it.

    Attributes:
        x: Where the bar of their deviation begins.
        width: Of that bar; never beyond the axis.
        is_over: They are as far from the fair share as nobody should be.
        moved: What moved to them without a lead; empty if nothing ever did.
    """

    name: str
    href: str
    assigned: int
    share: str
    deviation: str
    x: float
    width: float
    is_above: bool
    is_over: bool
    worst: str
    moved: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTable:
    """A kind of leads, and those of the ledger's lines who are in it."""

    name: str
    lines: tuple[ShareLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """A history as a line, and as numbers.

    Attributes:
        path: For an `svg` of `WIDTH` by `HEIGHT`.
        bound_y: Where the promise is in it.
        rows: Time and leads of each point.
    """

    path: str
    bound_y: float
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """A ledger as a page shows it.

    Attributes:
        bound: In whole leads, as the axis goes to either side.
        lines: Of everybody, or of some where they are many.
        part: Which of them.
        line: None where too little moved for one.
    """

    name: str
    assigned: int
    bound: int
    promised_units: int
    widest_units: int
    is_kept: bool
    lines: tuple[ShareLine, ...]
    part: Portion | None
    kinds: tuple[KindTable, ...]
    line: HistoryLine | None
    movements: int


def ledger_view(who: SeeingAccount, found: LedgerFairness, first: int) -> LedgerView:
    """A ledger made ready, with its managers from a place on."""
    bound = found.promised_units // LEAD
    shares, part = portion(found.shares, first, address="?first={}".format)
    shown = {each.manager_id for each in shares}
    kinds: dict[str, list[ShareLine]] = {}
    for each in found.kinds:
        if each.share.manager_id not in shown:
            continue
        kinds.setdefault(who.words.say(each.name), []).append(_line(who, each.share, bound + 1))
    return LedgerView(
        name=found.ledger,
        assigned=found.assigned,
        bound=bound,
        promised_units=found.promised_units,
        widest_units=found.widest_units,
        is_kept=found.is_kept,
        lines=tuple(_line(who, each, bound) for each in shares),
        part=part,
        kinds=tuple(KindTable(name=name, lines=tuple(lines)) for name, lines in kinds.items()),
        line=_history(who, found) if len(found.history) > 1 else None,
        movements=len(found.history),
    )


def _line(who: SeeingAccount, share: Share | KindShare, bound: int) -> ShareLine:
    def credit(units: int) -> str:
        return who.words.say(sentence("cell.credit", units=units))

    def leads(units: int) -> str:
        return who.words.say(sentence("cell.leads", units=units))

    units = deviation_of(share)
    width = round(min(1.0, abs(units) / (bound * LEAD)) * HALF, 1)
    return ShareLine(
        name=name_of(who, share.manager_id),
        href=f"{who.base}/managers/{share.manager_id}",
        assigned=share.assigned,
        share=leads(share.share_units),
        deviation=credit(units),
        x=HALF if units >= 0 else round(HALF - width, 1),
        width=width,
        is_above=units > 0,
        is_over=abs(units) >= bound * LEAD,
        worst=leads(share.deviation_units_max),
        moved=credit(share.moved_units) if share.moved_units else "",
    )


def _history(who: SeeingAccount, found: LedgerFairness) -> HistoryLine:
    points = thinned(found.history)
    top = max(found.promised_units * 11 // 10, *(each.units for each in points))
    step = WIDTH / max(1, len(points) - 1)

    def y(units: int) -> float:
        return round(HEIGHT * (1 - units / top), 1)

    path = "L".join(f"{n * step:.1f} {y(each.units)}" for n, each in enumerate(points))
    return HistoryLine(
        path=f"M{path}",
        bound_y=y(found.promised_units),
        rows=tuple(
            (moment(who, each.at).text, who.words.say(sentence("cell.leads", units=each.units)))
            for each in points
        ),
    )


def thinned(history: Sequence[Furthest], most: int = POINTS_MAX) -> list[Furthest]:
    """Few enough points to draw: the highest of each stretch, so that no peak is hidden.

    The last one is always there: it is how far whoever is furthest is now.
    """
    size = ceil(len(history) / most) or 1
    stretches = [history[start : start + size] for start in range(0, len(history), size)]
    found = [max(stretch, key=lambda each: each.units) for stretch in stretches]
    if found and found[-1] is not history[-1]:
        found[-1:] = [*found[-1:], history[-1]] if len(found) < most else [history[-1]]
    return found
