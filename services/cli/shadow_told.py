"""A shadow audit in words: the tables, the method with its limits, and the page."""

from collections.abc import Callable

from contracts.events import LEAD
from contracts.sentences import Sentence, sentence
from services.application.shadow.audit import LEADS_MIN, PEOPLE_MIN, ShadowAudit
from services.application.shadow.judged import Kind
from services.pages.figures import bars, deviation_dots
from services.pages.parts import listed, section, sheet, table

GUARANTEE_LEADS = 2  # D3.5

Say = Callable[[Sentence], str]
Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def said(found: ShadowAudit, say: Say) -> list[str]:
    """The head, what it comes to, then how it was found out and what that cannot tell."""
    return [*map(say, _verdict(found)), *map(say, _method(found))]


def managers(found: ShadowAudit, say: Say) -> Rows:
    """A line for each person."""
    columns = (
        sentence("shadow.column.person"),
        sentence("shadow.column.got"),
        sentence("shadow.column.fair"),
        sentence("shadow.column.deviation"),
        sentence("shadow.column.lot"),
    )
    rows: list[tuple[str, ...]] = [
        (
            say(sentence("cell.manager", manager=each.manager_id)),
            str(each.got),
            say(sentence("cell.leads", units=each.fair_units)),
            say(sentence("cell.credit", units=each.deviation_units)),
            say(sentence("cell.leads", units=each.lot_units)),
        )
        for each in found.judged.managers
    ]
    return tuple(map(say, columns)), rows


def kinds(found: ShadowAudit, say: Say) -> Rows:
    """A line for each kind of lead."""
    columns = (
        sentence("shadow.column.kind"),
        sentence("shadow.column.leads"),
        sentence("shadow.column.people"),
        sentence("shadow.column.widest"),
        sentence("shadow.column.deviation"),
    )
    rows: list[tuple[str, ...]] = [
        (
            say(_kind(found, each.kind)),
            str(each.leads),
            str(each.people),
            say(sentence("cell.manager", manager=each.manager_id)),
            say(sentence("cell.credit", units=each.deviation_units)),
        )
        for each in found.judged.kinds
    ]
    return tuple(map(say, columns)), rows


def page_of(found: ShadowAudit, say: Say) -> str:
    """A page to keep."""
    head, *verdict = map(say, _verdict(found))
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
        body=section(say(sentence("shadow.persons")), figures, lead=" ".join(verdict))
        + section(say(sentence("shadow.numbers")), table(*managers(found, say), texts=(0,)))
        + section(say(sentence("shadow.by_kind")), table(*kinds(found, say), texts=(0, 3)))
        + section(say(sentence("shadow.method")), listed(map(say, _method(found)))),
        foot=say(sentence("shadow.foot")),
    )


def _verdict(found: ShadowAudit) -> list[Sentence]:
    span, widest = found.span, found.judged.widest
    name = found.subdomain
    lines = [sentence("shadow.head", name=name, start=span.start, end=span.end, count=found.leads)]
    if not found.is_enough:
        lines.append(sentence("shadow.too_few", leads=LEADS_MIN, people=PEOPLE_MIN))
    if widest is not None:
        lines.append(
            sentence(
                "shadow.widest",
                manager=widest.manager_id,
                units=widest.deviation_units,
                lot=widest.lot_units,
            )
        )
    return lines


def _method(found: ShadowAudit) -> list[Sentence]:
    left = found.left
    lines = [
        sentence("shadow.method.read", count=found.changes),
        sentence("shadow.method.fair"),
        sentence("shadow.method.lot"),
        sentence("shadow.limits.hours"),
        sentence("shadow.limits.weights"),
        sentence("shadow.limits.hands"),
    ]
    if found.first_at is not None:
        lines.append(sentence("shadow.limits.first", at=found.first_at))
    lines.append(
        sentence(
            "shadow.limits.left",
            later=left.later,
            older=left.older,
            gone=left.gone,
            nobody=left.to_nobody,
            unreadable=left.unreadable,
        )
    )
    if not found.names:
        lines.append(sentence("shadow.limits.names"))
    return lines


def _kind(found: ShadowAudit, kind: Kind) -> Sentence:
    pipeline = found.pipelines.get(kind.pipeline_id) or str(kind.pipeline_id)
    if kind.source_id:
        return sentence("shadow.kind", pipeline=pipeline, source=kind.source_id)
    return sentence("shadow.kind_alone", pipeline=pipeline)
