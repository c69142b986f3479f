"""What became of the things that belong to a lead (D6.4)."""

from contracts.events import LinkedChanged, LinkedDecided, LinkedLeft
from contracts.sentences import Sentence, sentence


def put_back(event: LinkedDecided) -> Sentence:
    """Who had a decision put back."""
    return sentence("explain.put_back", by=event.by, request=event.request_id)


def changed(event: LinkedChanged) -> Sentence:
    """One thing that changed hands."""
    if not event.responsible_before:
        return sentence(
            "explain.linked_given",
            kind=event.kind,
            id=event.entity_id,
            manager=event.manager_id,
        )
    return sentence(
        "explain.linked_changed",
        kind=event.kind,
        id=event.entity_id,
        before=event.responsible_before,
        manager=event.manager_id,
    )


def left(event: LinkedLeft) -> Sentence:
    """One thing that stays as it is."""
    why = sentence(f"explain.left_for.{event.reason}")
    return sentence("explain.linked_left", kind=event.kind, id=event.entity_id, why=why)
