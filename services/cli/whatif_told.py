"""A what-if as a page with pictures."""

from contracts.events import LEAD
from contracts.sentences import sentence
from services.application.whatif.results import ManagerOutcome
from services.application.whatif.simulate import WhatIf
from services.application.whatif.told import Say, by_manager, named, told
from services.pages.figures import bars, deviation_dots
from services.pages.parts import listed, section, sheet, table

GUARANTEE_LEADS = 2  # D3.5


def page_of(found: WhatIf, say: Say) -> str:
    """A page to keep: nothing but itself is needed to read it."""
    report = told(found, say)
    rows = by_manager(found)
    got, would = say(sentence("whatif.column.got")), say(sentence("whatif.column.would"))
    figures = "".join(
        section(
            draft.name,
            bars(
                [
                    (name, each[number].got, float(each[0].got), "")
                    for name, each in named(rows, say)
                ],
                bar=would,
                marker=got,
                title=say(sentence("whatif.figure.leads", draft=draft.name)),
            )
            + deviation_dots(
                [(name, _leads(each[number])) for name, each in named(rows, say)],
                GUARANTEE_LEADS,
            ),
            lead=say(sentence("whatif.figure.lead")),
        )
        for number, draft in enumerate(found.drafts, start=1)
    )
    first, *others = report.assumptions
    return sheet(
        title=say(sentence("whatif.title")),
        heading=say(sentence("whatif.title")),
        facts=report.head,
        top="",
        body=figures
        + section(say(sentence("whatif.managers")), table(*report.managers, texts=(0,)))
        + section(say(sentence("whatif.sums")), table(*report.sums, texts=(0,)))
        + section(first, listed(others)),
        foot=say(sentence("whatif.foot")),
    )


def _leads(outcome: ManagerOutcome) -> float:
    return outcome.deviation_units / LEAD
