"""Who takes leads and who does not, one click each (D9.1, D9.2)."""

from contracts.events import (
    ManagerPaused,
    ManagerResumed,
)
from contracts.inbound import (
    PauseManager,
    ResumeManager,
)
from domain.state import Pause
from domain.step import Step
from domain.timers import schedule


def pause(step: Step, message: PauseManager) -> None:
    """Take a manager out, until an instant or until resumed (D9.2)."""
    manager_id, until = message.manager_id, message.until
    old = step.account.pauses.get(manager_id)
    if _is_pause_refused(step, message, old):
        return
    if old is not None and (old.until, old.by_administrator) == (until, message.by_administrator):
        return
    step.record(
        ManagerPaused(
            manager_id=manager_id,
            by=message.by,
            by_administrator=message.by_administrator,
            until=until,
            reason=message.reason,
            at=step.now,
        )
    )
    schedule(step, _pause_timer(manager_id), until)


def resume(step: Step, message: ResumeManager) -> None:
    """Put a manager back; only an administrator lifts an administrator's pause (D9.2)."""
    manager_id = message.manager_id
    old = step.account.pauses.get(manager_id)
    if old is None:
        return
    if _is_forbidden(step, "resume", by_administrator=message.by_administrator):
        return
    if old.by_administrator and not message.by_administrator:
        step.refuse("resume", "pause_not_yours")
        return
    step.record(ManagerResumed(manager_id=manager_id, by=message.by, how="resumed", at=step.now))
    schedule(step, _pause_timer(manager_id), None)
    step.has_room = True


def end_pause(step: Step, manager_id: int) -> None:
    """The instant came until which a manager was paused."""
    pause_ = step.account.pauses.get(manager_id)
    if pause_ is None or pause_.until is None or pause_.until > step.now:
        return
    step.record(ManagerResumed(manager_id=manager_id, by="clock", how="until", at=step.now))
    step.has_room = True


def _is_pause_refused(step: Step, message: PauseManager, old: Pause | None) -> bool:
    active_user_ids = step.account.active_user_ids
    if message.until is not None and message.until <= step.now:
        step.refuse("pause", "until_past", until=message.until.isoformat())
        return True
    if _is_forbidden(step, "pause", by_administrator=message.by_administrator):
        return True
    if active_user_ids is not None and message.manager_id not in active_user_ids:
        step.refuse("pause", "not_an_active_user", manager=message.manager_id)
        return True
    if old is not None and old.by_administrator and not message.by_administrator:
        step.refuse("pause", "paused_by_administrator")
        return True
    return False


def _is_forbidden(step: Step, command: str, *, by_administrator: bool) -> bool:
    """Whether the rules let nobody, or not them, change who is active (D9.1); refuses if so."""
    activity = step.account.configuration.activity
    if not activity.enabled:
        step.refuse(command, "activity_off")
        return True
    if not (activity.managers_may_change or by_administrator):
        step.refuse(command, "administrators_only")
        return True
    return False


def _pause_timer(manager_id: int) -> str:
    return f"pause/{manager_id}"
