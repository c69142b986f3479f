"""What an undo would put back, in sentences: wherever it is given (D6.4)."""

from collections.abc import Iterator

from contracts.sentences import Sentence, sentence
from services.application.undo import PlannedUndo


def would_go_back(planned: PlannedUndo) -> Iterator[Sentence]:
    """What goes back to whom, and what stays."""
    for each in planned.transfers:
        yield sentence(
            "undo.transfer",
            kind=each.kind,
            entity=each.entity_id,
            before=each.responsible_before,
            manager=each.manager_id,
        )
    for kind, entity in planned.unknown:
        yield sentence("undo.stays", kind=kind, entity=entity)
