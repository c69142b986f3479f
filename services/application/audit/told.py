"""What an audit came to, in sentences."""

from contracts.sentences import Sentence, sentence
from services.application.audit.account import Audited


def told(audited: Audited) -> list[Sentence]:
    """How much was replayed; then either its digests, or the first thing that differs."""
    lines: list[Sentence] = []
    if audited.events:
        lines.append(
            sentence(
                "audit.replayed",
                first=audited.first,
                last=audited.first + audited.events - 1,
                decisions=audited.decisions,
                count=audited.events,
            )
        )
    elif audited.fault is None:
        lines.append(sentence("audit.nothing"))
    if audited.fault is not None:
        return [*lines, sentence("audit.differs"), audited.fault.told()]
    lines.append(sentence("audit.as_it_was", link=audited.link, digest=audited.digest))
    if audited.snapshots:
        lines.append(sentence("audit.snapshots", count=audited.snapshots))
    return lines
