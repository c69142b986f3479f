"""A what-if in words: its tables, and what was assumed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from contracts.sentences import Sentence, sentence
from services.application.whatif.results import ManagerOutcome, Results
from services.application.whatif.simulate import WhatIf

NOBODY = ManagerOutcome(manager_id=0)

Say = Callable[[Sentence], str]
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfTold:
    """What is shown.

    Attributes:
        managers: Columns and rows.
        sums: The same of the whole, a column for the past and one for each draft.
        assumptions: The first line announces the others.
    """

    head: str
    managers: Table
    sums: Table
    assumptions: list[str]


def told(found: WhatIf, say: Say) -> WhatIfTold:
    """All of it in words."""
    head = sentence(
        "whatif.head", start=found.span.start, end=found.span.end, count=found.got.requests
    )
    return WhatIfTold(
        head=say(head),
        managers=_managers(found, say),
        sums=_sums(found, say),
        assumptions=[say(each) for each in _assumptions(found)],
    )


def by_manager(found: WhatIf) -> dict[int, list[ManagerOutcome]]:
    """Of each manager: what they got, then what they would have got by each draft."""
    each = [found.got, *(draft.results for draft in found.drafts)]
    of = [{one.manager_id: one for one in results.managers} for results in each]
    ids = sorted({manager_id for known in of for manager_id in known})
    return {i: [known.get(i, NOBODY) for known in of] for i in ids}


def named(
    rows: dict[int, list[ManagerOutcome]], say: Say
) -> list[tuple[str, list[ManagerOutcome]]]:
    """The same by name."""
    return [(say(sentence("name.of", manager=i)), each) for i, each in rows.items()]


def _managers(found: WhatIf, say: Say) -> Table:
    names = [Path(draft.name).name for draft in found.drafts]
    columns = [say(sentence("whatif.column.manager")), say(sentence("whatif.column.got"))]
    columns += [name if len(names) > 1 else say(sentence("whatif.column.would")) for name in names]
    more = (
        sentence("whatif.column.duty"),
        sentence("whatif.column.lapsed"),
        sentence("whatif.column.deviation"),
    )
    rows = []
    for manager_id, each in by_manager(found).items():
        first, *others = each
        rows.append(
            (
                say(sentence("cell.manager", manager=manager_id)),
                str(first.got),
                *(f"{one.got} ({one.got - first.got:+d})" for one in others),
                _joined(str(one.duty) for one in each),
                _joined(str(one.lapsed) for one in each),
                _joined(say(sentence("cell.credit", units=one.deviation_units)) for one in each),
            )
        )
    return (*columns, *map(say, more)), rows


def _joined(texts: Iterable[str]) -> str:
    """The past, then each draft."""
    return " / ".join(texts)


def _sums(found: WhatIf, say: Say) -> Table:
    each = [found.got, *(draft.results for draft in found.drafts)]
    columns = (
        "",
        say(sentence("whatif.column.past")),
        *(Path(draft.name).name for draft in found.drafts),
    )
    lines: list[tuple[Sentence, Callable[[Results], str]]] = [
        (sentence("whatif.sum.assigned"), lambda r: str(r.assigned)),
        (sentence("whatif.sum.waiting"), lambda r: str(r.waiting)),
        (sentence("whatif.sum.closed"), lambda r: str(sum(r.closed.values()))),
        (sentence("whatif.sum.duty"), lambda r: str(sum(r.duty.values()))),
        (sentence("whatif.sum.lapsed"), lambda r: str(r.lapsed)),
        (sentence("whatif.sum.median"), lambda r: _duration(r.waits.median_s, say)),
        (sentence("whatif.sum.most"), lambda r: _duration(r.waits.most_s, say)),
        (sentence("whatif.sum.longest"), lambda r: _duration(r.waits.longest_s, say)),
        (
            sentence("whatif.sum.widest"),
            lambda r: say(sentence("cell.leads", units=r.widest_units)),
        ),
    ]
    return columns, [(say(name), *(cell(one) for one in each)) for name, cell in lines]


def _assumptions(found: WhatIf) -> list[Sentence]:
    lines = [
        sentence("whatif.assumed.head"),
        sentence("whatif.assumed.leads"),
        sentence("whatif.assumed.kommo"),
        sentence("whatif.assumed.reactions"),
        sentence("whatif.assumed.limits"),
        sentence("whatif.assumed.orders"),
    ]
    for draft in found.drafts:
        name = Path(draft.name).name
        if count := draft.assumed.unknown_reactions:
            lines.append(sentence("whatif.assumed.unknown_reactions", draft=name, count=count))
        if count := draft.assumed.unknown_kinds:
            lines.append(sentence("whatif.assumed.unknown_kinds", draft=name, count=count))
        if count := draft.assumed.unknown_conditions:
            lines.append(sentence("whatif.assumed.unknown_conditions", draft=name, count=count))
    return lines


def _duration(seconds: int | None, say: Say) -> str:
    return "\N{EN DASH}" if seconds is None else say(sentence("cell.duration", seconds=seconds))
