"""Touches and lapses of a lead in words, from nothing but their events (D7)."""

from collections.abc import Callable
from datetime import timedelta

from contracts.events import LeadLapsed, LeadTouched, NothingChanged, TouchKind
from domain.explain import leads_of

KINDS: dict[TouchKind, str] = {
    "stage_changed": "moved it to another stage",
    "note": "wrote a note",
    "task_added": "made a task",
    "task_completed": "completed a task",
    "message": "sent a message",
    "call": "called",
    "edited": "edited it",
}
MEANINGS: dict[NothingChanged, str] = {
    "no_stage_change": "nobody moved it to another stage",
    "no_touch": "{manager} did nothing with it",
    "no_change_at_all": "nobody did anything with it",
}


def touched(event: LeadTouched, name: Callable[[int], str]) -> str:
    """Who did what, and that the lead stays."""
    return (
        f"{name(event.by)} {KINDS[event.kind]} on {event.happened_at:%Y-%m-%d at %H:%M:%S} UTC:"
        f" it stays with {name(event.manager_id)}, its clock is stopped."
    )


def lapsed(event: LeadLapsed, name: Callable[[int], str]) -> list[str]:
    """What did not happen in which time, how that is known, and what it costs."""
    manager = name(event.manager_id)
    nothing = MEANINGS[event.nothing_changed].format(manager=manager)
    clock = f"of {manager}'s working time" if event.on_working_time else "by the wall clock"
    lines = [
        (
            f"Taken from {manager} on {event.at:%Y-%m-%d at %H:%M:%S} UTC: {nothing}"
            f" within {timedelta(seconds=event.after_s)} {clock}."
        ),
        "Kommo was asked before."
        if event.is_read
        else "Kommo, asked before, gave no answer in time; webhooks told of nothing.",
    ]
    if event.charged_units:
        lines.append(f"It stays charged to {manager}: {leads_of(event.charged_units)} leads.")
    if len(event.tried) > 1:
        lines.append(f"Offered in this pass to {', '.join(map(name, event.tried))}.")
    return lines
