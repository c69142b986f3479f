"""A shadow audit in words: the tables, what it comes to, the method with its limits."""

from collections.abc import Callable

from contracts.sentences import Sentence, sentence
from services.application.shadow.audit import LEADS_MIN, PEOPLE_MIN, ShadowAudit
from services.application.shadow.judged import Kind

Say = Callable[[Sentence], str]
Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def said(found: ShadowAudit, say: Say) -> list[str]:
    """The head, what it comes to, then how it was found out and what that cannot tell."""
    return [*map(say, verdict(found)), *map(say, method(found))]


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


def verdict(found: ShadowAudit) -> list[Sentence]:
    """What it is about, and what it comes to."""
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


def method(found: ShadowAudit) -> list[Sentence]:
    """How it was found out, and what that cannot tell."""
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
