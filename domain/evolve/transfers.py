"""Linked things on their way to a manager: decided, and how each of them ended (D6.4)."""

from msgspec.structs import replace

from contracts.events import LinkedChanged, LinkedDecided, LinkedLeft
from domain.state import Account, Transfers


def decided(account: Account, event: LinkedDecided) -> None:
    """Things change hands; Kommo does not know yet."""
    account.linking.pop(event.order_id, None)
    if not event.handovers:
        return
    under_way = {(each.kind, each.entity_id): each for each in event.handovers}
    account.transfers[event.order_id] = Transfers(
        request_id=event.request_id, lead_id=event.lead_id, under_way=under_way
    )
    account.changing.update(dict.fromkeys(under_way, event.order_id))
    for each in under_way.values():
        if each.kind == "lead" and (lead := account.leads.get(each.entity_id)) is not None:
            # The echo may come before the answer (F36).
            expected = (*lead.superseded_ids, each.manager_id)
            account.leads[each.entity_id] = replace(lead, superseded_ids=expected)


def settled(account: Account, event: LinkedChanged | LinkedLeft) -> None:
    """One of them is Kommo's affair no more."""
    thing = (event.kind, event.entity_id)
    transfers = account.transfers[event.order_id]
    del transfers.under_way[thing], account.changing[thing]
    if not transfers.under_way:
        del account.transfers[event.order_id]
    lead = account.leads.get(event.entity_id) if event.kind == "lead" else None
    if lead is not None and event.manager_id in lead.superseded_ids:
        kept = list(lead.superseded_ids)
        kept.remove(event.manager_id)
        account.leads[event.entity_id] = replace(lead, superseded_ids=tuple(kept))
