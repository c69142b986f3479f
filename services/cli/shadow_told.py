"""A shadow audit as a page to keep."""

from contracts.events import LEAD
from contracts.sentences import sentence
from services.application.shadow.audit import ShadowAudit
from services.application.shadow.told import Say, kinds, managers, method, verdict
from services.pages.figures import bars, deviation_dots
from services.pages.parts import listed, section, sheet, table

GUARANTEE_LEADS = 2  # D3.5


def page_of(found: ShadowAudit, say: Say) -> str:
    """A page to keep."""
    head, *lines = map(say, verdict(found))
    named = [
        (say(sentence("name.of", manager=each.manager_id)), each) for each in found.judged.managers
    ]
    figures = bars(
        [(name, each.got, each.fair_units / LEAD, "") for name, each in named],
        bar=say(sentence("shadow.column.got")),
        marker=say(sentence("shadow.column.fair")),
        title=say(sentence("shadow.title")),
    ) + deviation_dots(
        [(name, each.deviation_units / LEAD) for name, each in named], GUARANTEE_LEADS
    )
    return sheet(
        title=say(sentence("shadow.title")),
        heading=say(sentence("shadow.title")),
        facts=head,
        top="",
        body=section(say(sentence("shadow.persons")), figures, lead=" ".join(lines))
        + section(say(sentence("shadow.numbers")), table(*managers(found, say), texts=(0,)))
        + section(say(sentence("shadow.by_kind")), table(*kinds(found, say), texts=(0, 3)))
        + section(say(sentence("shadow.method")), listed(map(say, method(found)))),
        foot=say(sentence("shadow.foot")),
    )
