"""What counts as working on a lead, and what stops its clock for good (D7.1).

Webhooks of what was done may be lost, so they only stop a clock sooner: a lead is passed on
after Kommo was asked, not because nothing was heard.
"""

from typing import assert_never

from contracts.events import LeadTouched, NothingChanged, TouchKind
from contracts.inbound import LeadReported, TouchReported
from domain.step import Step


def counts(meaning: NothingChanged, kind: TouchKind, *, by: int | None, manager_id: int) -> bool:
    """Whether a deed keeps the lead with its manager; robots and integrations never do.

    Args:
        meaning: Of "nothing changed" in the rule.
        kind: What was done.
        by: Who did it, 0 for robots and integrations, None for unknown.
        manager_id: Who has the lead.
    """
    if not by:
        return False
    if kind == "taken":
        return by == manager_id
    match meaning:
        case "no_touch":
            return kind != "edited" and by == manager_id
        case "no_stage_change":
            return kind == "stage_changed"
        case "no_change_at_all":
            return True
        case _:
            assert_never(meaning)


def on_touch(step: Step, message: TouchReported) -> None:
    """Stop the clock of the lead if it runs and the deed counts.

    What Kommo dates no later than our own write was done before the manager had the lead, or is
    the write itself.
    """
    account, lead_id = step.account, message.lead_id
    offer = account.offers.get(lead_id)
    if offer is None or offer.written_at is None or message.happened_at <= offer.written_at:
        return
    patience = account.configuration.by_id[offer.rule_id].redistribution
    meaning: NothingChanged = "no_touch" if patience is None else patience.nothing_changed
    by = message.by
    if by is None or not counts(meaning, message.kind, by=by, manager_id=offer.manager_id):
        return
    step.record(
        LeadTouched(
            request_id=offer.request_id,
            attempt=offer.attempt,
            lead_id=lead_id,
            manager_id=offer.manager_id,
            kind=message.kind,
            by=by,
            happened_at=message.happened_at,
            at=step.now,
        )
    )


def on_reported(step: Step, message: LeadReported) -> None:
    """A webhook about the lead's fields tells a move or an edit, and who made it."""
    at = message.modified_at
    if at is None or not step.account.is_credible(at, step.now):
        return
    kind: TouchKind = "stage_changed" if message.action == "status" else "edited"
    on_touch(
        step,
        TouchReported(
            lead_id=message.lead_id,
            kind=kind,
            by=message.modified_by,
            happened_at=at,
        ),
    )
