"""Instants at which the account wants to be woken; the clock acts on the events."""

from datetime import datetime

from contracts.events import TimerScheduled
from domain.state import LAPSE_TIMER
from domain.step import Step


def due_at(step: Step, timer_id: str) -> datetime | None:
    """When the timer is due, None if it is not set."""
    timer = step.account.timers.get(timer_id)
    return timer.due_at if timer is not None else None


def schedule(step: Step, timer_id: str, at: datetime | None, *, again: bool = False) -> None:
    """Ask to be woken at an instant, or not any more (None).

    Writes nothing when the clock is going to speak up at that instant anyway, unless `again`:
    it has spoken already.
    """
    account = step.account
    timer = account.timers.get(timer_id)
    set_for = timer.due_at if timer is not None else None
    if not again and set_for == at and (at is None or at > step.now):
        return
    if timer_id.startswith(LAPSE_TIMER):
        generation = account.version + 1  # forgotten with the lead's clock, and never repeated
    else:
        generation = timer.generation + 1 if timer is not None else 1
    step.record(TimerScheduled(timer_id=timer_id, generation=generation, due_at=at, at=step.now))
