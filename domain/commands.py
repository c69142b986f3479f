"""What people order: rules, pauses, corrections; and what Kommo says of the account itself."""

from pydantic import ValidationError

from contracts.events import (
    LEAD,
    AccountDescribed,
    CommandRefused,
    CreditMoved,
    ManagerPaused,
    ManagerResumed,
    RulesApplied,
)
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    PauseManager,
    PostCorrection,
    ResumeManager,
    UndoHandovers,
)
from contracts.rules import RulesFile
from domain.configuration import ACCOUNT_LEDGER, problems
from domain.fair_share import NobodyEligible, correction
from domain.linked import undo
from domain.requests import place_again
from domain.step import Step
from domain.timers import schedule

CORRECTION_MAX_UNITS = 1_000 * LEAD


def describe_account(step: Step, message: DescribeAccount) -> None:
    """Kommo's zone and users were read; nothing is written unless they changed."""
    account = step.account
    known = (account.timezone, account.active_user_ids)
    if known == (message.timezone, message.active_user_ids) and not account.refused_user_ids:
        return
    step.record(
        AccountDescribed(
            timezone=message.timezone, active_user_ids=message.active_user_ids, at=step.now
        )
    )
    step.has_room = True


def apply_rules(step: Step, message: ApplyRules) -> None:
    """Put a revision in force; the same rules again are already in force."""
    account = step.account
    if account.rules_data == message.rules:
        return
    try:
        found = problems(RulesFile.model_validate(message.rules))
    except ValidationError as error:
        first = error.errors()[0]
        found = [(first["loc"], first["msg"])]
    if found:
        path, text = found[0]
        field = ".".join(str(part) for part in path)
        _refuse(step, "apply_rules", f"{field}: {text} ({len(found)} problem(s) in all)")
        return
    before = account.configuration
    step.record(
        RulesApplied(revision=account.revision + 1, rules=message.rules, by=message.by, at=step.now)
    )
    place_again(step, before)
    step.has_room = True


def pause(step: Step, message: PauseManager) -> None:
    """Take a manager out, until an instant or until resumed (D9.2)."""
    account, manager_id = step.account, message.manager_id
    old = account.pauses.get(manager_id)
    if message.until is not None and message.until <= step.now:
        _refuse(step, "pause", f"until: must be in the future, got {message.until.isoformat()}")
    elif (forbidden := _forbidden(step, by_administrator=message.by_administrator)) is not None:
        _refuse(step, "pause", forbidden)
    elif account.active_user_ids is not None and manager_id not in account.active_user_ids:
        _refuse(step, "pause", f"manager: {manager_id} is not an active user of the account")
    elif old is not None and old.by_administrator and not message.by_administrator:
        _refuse(step, "pause", "an administrator has paused this manager already")
    elif old is None or (old.until, old.by_administrator) != (
        message.until,
        message.by_administrator,
    ):
        step.record(
            ManagerPaused(
                manager_id=manager_id,
                by=message.by,
                by_administrator=message.by_administrator,
                until=message.until,
                reason=message.reason,
                at=step.now,
            )
        )
        schedule(step, _pause_timer(manager_id), message.until)


def resume(step: Step, message: ResumeManager) -> None:
    """Put a manager back; only an administrator lifts an administrator's pause (D9.2)."""
    manager_id = message.manager_id
    old = step.account.pauses.get(manager_id)
    if old is None:
        return
    forbidden = _forbidden(step, by_administrator=message.by_administrator)
    if forbidden is not None:
        _refuse(step, "resume", forbidden)
        return
    if old.by_administrator and not message.by_administrator:
        _refuse(step, "resume", "only an administrator can lift an administrator's pause")
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


def post_correction(step: Step, message: PostCorrection) -> None:
    """Move credit to one manager from all others, the sum stays 0 (D3.8)."""
    participants = step.account.configuration.participant_ids(message.ledger)
    if not participants:
        _refuse(step, "correct", f"ledger: no rule shares its leads by {message.ledger!r}")
        return
    if message.manager_id not in participants:
        where = "" if message.ledger == ACCOUNT_LEDGER else f" of ledger {message.ledger!r}"
        _refuse(step, "correct", f"manager: {message.manager_id} takes part in no rule{where}")
        return
    if not 0 < abs(message.credit_units) <= CORRECTION_MAX_UNITS:
        _refuse(step, "correct", "leads: must be between -1000 and 1000, and not 0")
        return
    try:
        movements = correction(message.manager_id, message.credit_units, participants)
    except NobodyEligible:
        _refuse(step, "correct", "nobody else takes part who could bear the correction")
        return
    step.record(
        CreditMoved(
            ledger=message.ledger,
            movements=movements,
            reason="corrected",
            by=message.by,
            note=message.reason,
            at=step.now,
        )
    )


def _forbidden(step: Step, *, by_administrator: bool) -> str | None:
    """Why nobody, or he, may change who is active; None if he may (D9.1)."""
    activity = step.account.configuration.activity
    if not activity.enabled:
        return "the rules have switched activity off: nobody is paused (activity.enabled)"
    if not (activity.managers_may_change or by_administrator):
        return "the rules let only administrators pause and resume (activity.managers_may_change)"
    return None


def undo_handovers(step: Step, message: UndoHandovers) -> None:
    """Put back what a decision changed (D6.4); nothing is done while some of it is under way."""
    if (reason := undo(step, message)) is not None:
        _refuse(step, "undo", reason)


def _refuse(step: Step, command: str, reason: str) -> None:
    step.record(
        CommandRefused(message_id=step.message_id, command=command, reason=reason, at=step.now)
    )


def _pause_timer(manager_id: int) -> str:
    return f"pause/{manager_id}"
