"""Comparing the leads that Kommo lists with those the account holds open (D11.2).

Whatever differs in a listed lead is told by its own reading; here is what is not listed at all.
"""

from contracts.events import LookupRequested
from contracts.inbound import LeadsListed
from domain.step import Step


def on_listed(step: Step, message: LeadsListed) -> None:
    """Have the open leads read that should be in this part of the list, and are not.

    The reading decides: pages may shift while they are read, and leads appear.
    """
    account, listed = step.account, frozenset(message.lead_ids)
    for lead_id in sorted(account.leads):
        is_before = lead_id <= message.after_id
        is_behind = message.up_to_id is not None and lead_id > message.up_to_id
        if not (is_before or is_behind or lead_id in listed or lead_id in account.lookups):
            step.record(LookupRequested(lead_id=lead_id, reason="not_listed", at=step.now))
