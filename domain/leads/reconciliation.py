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
    account, listed, last = step.account, frozenset(message.lead_ids), message.up_to_id
    missing = [
        lead_id
        for lead_id in account.leads
        if lead_id > message.after_id
        and (last is None or lead_id <= last)
        and lead_id not in listed
        and lead_id not in account.lookups
    ]
    for lead_id in sorted(missing):
        step.record(LookupRequested(lead_id=lead_id, reason="not_listed", at=step.now))
