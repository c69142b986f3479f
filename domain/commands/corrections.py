"""Credit that an administrator moves by hand (D3.8)."""

from contracts.events import (
    LEAD,
    CreditMoved,
)
from contracts.inbound import (
    PostCorrection,
)
from domain.choosing.fair_share import NobodyEligible, correction
from domain.choosing.kinds import spread
from domain.configuration import ACCOUNT_LEDGER
from domain.step import Step

CORRECTION_MAX_UNITS = 1_000 * LEAD


def post_correction(step: Step, message: PostCorrection) -> None:
    """Move credit to one manager from all others, the sum stays 0 (D3.8)."""
    participants = step.account.configuration.participant_ids(message.ledger)
    if not participants:
        step.refuse("correct", "ledger_unknown", ledger=message.ledger)
        return
    if message.manager_id not in participants:
        manager_id, ledger = message.manager_id, message.ledger
        if ledger == ACCOUNT_LEDGER:
            step.refuse("correct", "in_no_rule", manager=manager_id)
        else:
            step.refuse("correct", "not_in_ledger", manager=manager_id, ledger=ledger)
        return
    if not 0 < abs(message.credit_units) <= CORRECTION_MAX_UNITS:
        step.refuse("correct", "correction_out_of_bounds")
        return
    try:
        movements = correction(message.manager_id, message.credit_units, participants)
    except NobodyEligible:
        step.refuse("correct", "nobody_bears_it")
        return
    step.record(
        CreditMoved(
            ledger=message.ledger,
            movements=movements,
            kinds=spread(
                step.account,
                message.ledger,
                message.credit_units,
                lambda units: correction(message.manager_id, units, participants),
            ),
            reason="corrected",
            by=message.by,
            note=message.reason,
            at=step.now,
        )
    )
