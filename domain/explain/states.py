"""How somebody stood when a lead was decided: at work or not, full or not (D2.2)."""

from contracts.events import OwnerStanding, Standing
from contracts.sentences import Sentence, sentence


def state_of(standing: Standing) -> Sentence:
    """What kept a participant away, or that nothing did."""
    if standing.cap is not None:
        return sentence(f"explain.cap.{standing.cap}")
    if standing.verdict == "at_limit" and standing.limit is not None:
        return sentence("explain.full", open=standing.open_leads, limit=standing.limit)
    return sentence(f"explain.state.{standing.verdict}")


def owner_sentences(owners: tuple[OwnerStanding, ...]) -> list[Sentence]:
    """Whose the lead was already, and what followed from that (D6.1, D6.2)."""
    return [_owner(owner) for owner in owners]


def _owner(owner: OwnerStanding) -> Sentence:
    responsible = sentence(f"explain.responsible.{owner.source}", manager=owner.manager_id)
    if owner.verdict == "eligible":
        return sentence("explain.owner_gets_it", responsible=responsible)
    if owner.verdict == "not_an_owner":
        return sentence("explain.owner_by_no_rule", responsible=responsible)
    why = sentence(f"explain.state.{owner.verdict}")
    if owner.back_at is not None:
        why = sentence("explain.state_until", state=why, back_at=owner.back_at)
    return sentence("explain.owner_away", responsible=responsible, why=why)
