"""What a reading of a lead means for a decision on its way (F8, F50, F60)."""

from typing import Literal

from contracts.kommo.rest import Lead
from domain.state import CLOCK_SLACK
from projections.assignments import Assignment

Judgement = Literal["confirmed", "send", "taken", "gone", "not_there"]


def judge(wanted: Assignment, lead: Lead | None, *, ours: int | None) -> Judgement:
    """Decide whether to send, from what Kommo holds now; in doubt a person wins.

    When it is unknown who was responsible before, only the time tells: a lead that was not
    changed since the decision is still as it was. Kommo's clock is granted the same slack as in
    the aggregate, or the two would wait for each other.

    Args:
        wanted: The decision.
        lead: The lead as read; None when Kommo has none.
        ours: A manager whom we sent for this lead with an unknown outcome, for an older
            decision: finding them is our own doing, not a person's.
    """
    if lead is None or lead.is_deleted:
        return "gone"
    if wanted.is_told and not _is_borne_out(wanted, lead):
        return "not_there"
    if lead.responsible_user_id == wanted.manager_id:
        return "confirmed"
    if lead.responsible_user_id in (wanted.responsible_before, ours):
        return "send"
    if wanted.responsible_before is None and lead.updated_at <= wanted.decided_at + CLOCK_SLACK:
        return "send"
    return "taken"


def _is_borne_out(wanted: Assignment, lead: Lead) -> bool:
    """Whether the lead is where hooks told, and has changed when it is said to have come there.

    A lead that got its manager since the decision was perhaps written by us, and has moved on.
    """
    decided_at, told_at = wanted.decided_at - CLOCK_SLACK, wanted.told_at
    is_new = lead.responsible_user_id == wanted.manager_id != wanted.responsible_before
    if is_new and lead.updated_at >= decided_at:
        return True
    is_too_old = told_at is not None and lead.updated_at < told_at - CLOCK_SLACK
    return lead.stage == wanted.stage and not is_too_old
