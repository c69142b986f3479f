"""What a reading of a lead means for a decision on its way (F8, F50, F60)."""

from typing import Literal

from contracts.kommo.rest import Lead
from domain.account import CLOCK_SLACK
from projections.assignments import Assignment

Judgement = Literal["confirmed", "send", "taken", "gone"]


def judge(wanted: Assignment, lead: Lead | None, *, ours: int | None) -> Judgement:
    """Decide whether to send, from what Kommo holds now; in doubt a person wins.

    When it is unknown who was responsible before, only the time tells: a lead that was not
    changed since the decision is still as it was. Kommo's clock is granted the same slack as in
    the aggregate, or the two would wait for each other.

    Args:
        wanted: The decision.
        lead: The lead as read; None when Kommo has none.
        ours: A manager whom we sent for this lead with an unknown outcome, for an older
            decision: finding him is our own doing, not a person's.
    """
    if lead is None or lead.is_deleted:
        return "gone"
    if lead.responsible_user_id == wanted.manager_id:
        return "confirmed"
    if lead.responsible_user_id in (wanted.responsible_before, ours):
        return "send"
    if wanted.responsible_before is None and lead.updated_at <= wanted.decided_at + CLOCK_SLACK:
        return "send"
    return "taken"
