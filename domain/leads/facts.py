"""What a request had to know was read from Kommo, and the lead itself with it (D1.5, D6.1)."""

from contracts.inbound import FactsRead, LeadObserved
from domain.leads.reports import on_observed
from domain.requests.prepared import answer, awaited_by
from domain.step import Step


def on_facts(step: Step, message: FactsRead) -> None:
    """Go on with the request; late, repeated and outdated answers change nothing.

    A lead that left its stage meanwhile ends here (F29).
    """
    if awaited_by(step, message) is None:
        return
    observed = LeadObserved(
        lead_id=message.lead_id,
        stage=message.stage,
        responsible_id=message.responsible_id,
        modified_at=message.modified_at,
        created_at=message.created_at,
        reason="lookup",
    )
    on_observed(step, observed, step.now)
    if (request := awaited_by(step, message)) is not None:
        answer(step, request, message)
