"""Touches and lapses of an offered lead (D7)."""

from contracts.events import LeadLapsed, LeadTouched
from contracts.sentences import Sentence, sentence


def touched(event: LeadTouched) -> Sentence:
    """Who did what, and that the lead stays."""
    return sentence(
        "explain.touched",
        by=event.by,
        what=sentence(f"explain.touch.{event.kind}"),
        happened_at=event.happened_at,
        manager=event.manager_id,
    )


def lapsed(event: LeadLapsed) -> list[Sentence]:
    """What did not happen in which time, or who passed it on, and what it costs."""
    manager_id, by = event.manager_id, event.passed_on_by
    if by is None:
        told = _let_lapse(event)
    else:
        told = [sentence("explain.passed_on", manager=manager_id, by=by, reason=event.reason)]
    if event.charged_units:
        told.append(sentence("explain.charged", manager=manager_id, units=event.charged_units))
    if len(event.tried) > 1:
        told.append(sentence("explain.tried", managers=event.tried))
    return told


def _let_lapse(event: LeadLapsed) -> list[Sentence]:
    manager_id, nothing = event.manager_id, sentence(f"explain.nothing.{event.nothing_changed}")
    if event.on_working_time:
        taken = sentence(
            "explain.lapsed_at_work", manager=manager_id, nothing=nothing, after=event.after_s
        )
    else:
        taken = sentence("explain.lapsed", manager=manager_id, nothing=nothing, after=event.after_s)
    asked = sentence("explain.kommo_asked") if event.is_read else sentence("explain.kommo_silent")
    return [taken, asked]
