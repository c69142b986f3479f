"""What belongs to a lead follows it to its manager, and can be put back (D6.4).

Read and written by the gateway, decided here: only what is nobody's or a chosen employee's changes
hands, each change is an event with the responsible before, and what a person changes meanwhile
stays theirs. Leads that are being distributed themselves are left alone.
"""

from contracts.events import (
    LeadSeen,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    LinkedRequested,
    Transfer,
)
from contracts.inbound import Linked, LinkedFound, LinkedResult, LinkedSettled, UndoTransfers
from domain.configuration import Rule
from domain.state import Account, Transfers, Wanted
from domain.step import Step

TRANSFERS_MAX = 500  # of one decision: a company with more open leads is a mistake, or a reseller


def follow(step: Step, lead_id: int, wanted: Wanted) -> None:
    """Kommo holds the lead's manager: what belongs to the lead may follow."""
    rule = step.account.configuration.by_id.get(wanted.rule_id)
    if rule is not None and rule.linked:
        order_id = f"{wanted.request_id}/{wanted.attempt}"
        ask(step, rule, lead_id=lead_id, manager_id=wanted.manager_id, order_id=order_id)


def ask(step: Step, rule: Rule, *, lead_id: int, manager_id: int, order_id: str) -> None:
    """Let what belongs to the lead be read, to be handed over to the manager."""
    step.record(
        LinkedRequested(
            order_id=order_id,
            request_id=order_id.rpartition("/")[0],
            lead_id=lead_id,
            manager_id=manager_id,
            objects=rule.linked,
            only_for=rule.linked_only_for,
            at=step.now,
        )
    )


def on_found(step: Step, message: LinkedFound) -> None:
    """Decide what changes hands; a repeated answer finds that decided."""
    asked = step.account.linking.get(message.order_id)
    if asked is None:
        return
    transfers = [
        Transfer(thing.kind, thing.entity_id, thing.responsible_id, asked.manager_id)
        for thing in message.things
        if _follows(step, asked, thing)
    ]
    step.record(
        LinkedDecided(
            order_id=asked.order_id,
            request_id=asked.request_id,
            lead_id=asked.lead_id,
            handovers=tuple(dict.fromkeys(transfers))[:TRANSFERS_MAX],
            is_undo=False,
            by="rule",
            at=step.now,
        )
    )


def on_settled(step: Step, message: LinkedSettled) -> None:
    """Note how transfers ended, those that are still waited for."""
    for result in message.results:
        transfers = step.account.transfers.get(message.order_id)
        if transfers is None:
            return
        transfer = transfers.under_way.get((result.kind, result.entity_id))
        if transfer is not None:
            _record_end(step, message.order_id, transfers, transfer, result)


def undo(step: Step, message: UndoTransfers) -> None:
    """Put back what a decision changed (D6.4); nothing is done while some of it is under way."""
    account = step.account
    for transfer in message.handovers:
        kind, entity_id = transfer.kind, transfer.entity_id
        if (kind, entity_id) in account.changing:
            step.refuse("undo", "transfer_under_way", kind=kind, entity=entity_id)
            return
        lead = account.leads.get(entity_id) if kind == "lead" else None
        if lead is not None and (lead.wanted is not None or account.waiting_of(entity_id)):
            step.refuse("undo", "distribution_under_way", lead=entity_id)
            return
    step.record(
        LinkedDecided(
            order_id=f"undo/{account.version + 1}",
            request_id=message.request_id,
            lead_id=message.lead_id,
            handovers=message.handovers,
            is_undo=True,
            by=message.by,
            at=step.now,
        )
    )


def _record_end(
    step: Step, order_id: str, transfers: Transfers, transfer: Transfer, result: LinkedResult
) -> None:
    match result.how:
        case "answered" | "read":
            step.record(
                LinkedChanged(
                    order_id=order_id,
                    request_id=transfers.request_id,
                    lead_id=transfers.lead_id,
                    kind=transfer.kind,
                    entity_id=transfer.entity_id,
                    responsible_before=transfer.responsible_before,
                    manager_id=transfer.manager_id,
                    how=result.how,
                    at=step.now,
                )
            )
            if transfer.kind == "lead":
                _see_own_write(step, transfer, result)
        case _:
            step.record(
                LinkedLeft(
                    order_id=order_id,
                    request_id=transfers.request_id,
                    lead_id=transfers.lead_id,
                    kind=transfer.kind,
                    entity_id=transfer.entity_id,
                    manager_id=transfer.manager_id,
                    reason=result.how,
                    detail=result.detail,
                    at=step.now,
                )
            )


def _follows(step: Step, asked: LinkedRequested, thing: Linked) -> bool:
    is_chosen = not asked.only_for or thing.responsible_id in (0, *asked.only_for)
    if not is_chosen or thing.responsible_id == asked.manager_id:
        return False
    if (thing.kind, thing.entity_id) in step.account.changing:
        return False
    return thing.kind != "lead" or not _is_distributed(step, thing.entity_id)


def _is_distributed(step: Step, lead_id: int) -> bool:
    lead = step.account.leads.get(lead_id)
    return lead is not None and (
        lead.wanted is not None or step.account.waiting_of(lead_id) is not None
    )


def _see_own_write(step: Step, transfer: Transfer, result: LinkedResult) -> None:
    """A lead that we handed over counts for its new responsible (D5.2); no person took it."""
    account: Account = step.account
    lead = account.leads.get(transfer.entity_id)
    if lead is None or lead.responsible_id == transfer.manager_id:
        return
    step.record(
        LeadSeen(
            lead_id=transfer.entity_id,
            stage=lead.stage,
            responsible_id=transfer.manager_id,
            modified_at=result.modified_at,
            was_stage=lead.stage,
            was_owner_id=lead.owner_id,
            owner_id=lead.wanted.manager_id if lead.wanted else transfer.manager_id,
            source="own_write",
            at=step.now,
        )
    )
    step.has_room = True
