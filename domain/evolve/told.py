"""What only hooks tell of leads, kept until Kommo bears it out or refutes it (S2)."""

from msgspec.structs import replace

from contracts.events import (
    HOOKS,
    AllocationEvent,
    AssignmentConfirmed,
    LeadDeleted,
    LeadSeen,
    RequestClosed,
    RequestOpened,
    RequestPrepared,
)
from contracts.stage import CLOSED_STATUSES
from domain.state import Account, Told
from domain.state.request import OPENED

_READ = ("baseline", "sweep", "lookup")


def fold(account: Account, event: AllocationEvent) -> None:
    """Fold an event, before it changes the leads themselves."""
    if account.configuration.trusts_webhooks:
        return
    match event:
        case LeadSeen():
            _see(account, event)
        case RequestOpened():
            _ask(account, event)
        case RequestClosed():
            _close(account, event)
        case AssignmentConfirmed(how="answered" | "read"):
            # What was read before it was written is where it was told to be.
            if account.leads[event.lead_id].request_id == event.request_id:
                account.told.pop(event.lead_id, None)
        case LeadDeleted():
            account.told.pop(event.lead_id, None)
            account.given_up.pop(event.lead_id, None)
        case RequestPrepared(is_there=True):
            account.told.pop(event.lead_id, None)
        case _:
            pass


def _see(account: Account, event: LeadSeen) -> None:
    if _ends_doubt(account, event):
        account.given_up.pop(event.lead_id, None)
    if event.stage.status_id in CLOSED_STATUSES:
        account.told.pop(event.lead_id, None)
    elif _is_proof(account, event):
        _learn(account, event)
    else:
        _hear(account, event)


def _ends_doubt(account: Account, event: LeadSeen) -> bool:
    """Whether it does not matter any more that only hooks say who took the lead."""
    lead = account.leads.get(event.lead_id)
    if lead is None or event.lead_id not in account.given_up or lead.stage != event.stage:
        return True
    if event.source not in _READ:
        return False
    at, known_at = event.modified_at, lead.responsible_at
    is_newest = at is not None and (known_at is None or at >= known_at)
    return is_newest or (event.source == "lookup" and event.lead_id in account.lookups)


def _is_proof(account: Account, event: LeadSeen) -> bool:
    """Whether Kommo was read, and what hooks told was not taken for newer than that."""
    if event.source not in _READ:
        return False
    lead, told = account.leads.get(event.lead_id), account.told.get(event.lead_id)
    if lead is None or lead.stage != event.stage or told is None:
        return True
    if event.source == "lookup" and event.lead_id in account.lookups:
        return True
    at, modified_at = told.at, event.modified_at
    return at is not None and modified_at is not None and modified_at >= at


def _learn(account: Account, event: LeadSeen) -> None:
    """Kommo was read; times that it does not know of are not kept, or true moves would be old."""
    told, lead = account.told.pop(event.lead_id, None), account.leads.get(event.lead_id)
    at, modified_at = told.at if told is not None else None, event.modified_at
    if lead is not None and at is not None and modified_at is not None and modified_at < at:
        account.leads[event.lead_id] = replace(lead, stage_at=None, responsible_at=None)


def _hear(account: Account, event: LeadSeen) -> None:
    """A hook moved the lead."""
    lead, gone = account.leads.get(event.lead_id), account.gone.get(event.lead_id)
    if lead is not None and lead.stage == event.stage:
        return
    known = account.told.get(event.lead_id)
    if known is None:
        before = lead.stage if lead is not None else gone.stage if gone is not None else None
        has_waited = lead is not None and lead.wanted is not None
        known = Told(before=before, at=None, has_waited=has_waited)
    account.told[event.lead_id] = replace(known, at=event.modified_at)


def _ask(account: Account, event: RequestOpened) -> None:
    """A lead asks; perhaps because a hook says that it came where it was known to be."""
    account.given_up.pop(event.lead_id, None)
    lead = account.leads.get(event.lead_id)
    if event.source in HOOKS and lead is not None and event.lead_id not in account.told:
        at = None if event.source == "dp_hook" else lead.stage_at
        account.told[event.lead_id] = Told(before=event.stage, at=at)


def _close(account: Account, event: RequestClosed) -> None:
    match event.reason:
        case "left_stage":
            _leave(account, event)
        case "taken_by_person":
            _give_up(account, event)
        case "not_there":
            _forget_request(account, event)
        case _:
            pass


def _leave(account: Account, event: RequestClosed) -> None:
    """It waits no more because of what is told next: should that be wrong, it waits again."""
    lead, request = account.leads.get(event.lead_id), account.requests.by_id.get(event.request_id)
    is_present = lead is not None and lead.request_id == event.request_id
    if request is not None and is_present and event.lead_id not in account.told:
        account.told[event.lead_id] = Told(before=request.stage, at=None, has_waited=True)


def _give_up(account: Account, event: RequestClosed) -> None:
    """It asks no more because somebody took it, by what is told next: a hook, or a reading."""
    lead, request = account.leads.get(event.lead_id), account.requests.by_id.get(event.request_id)
    is_present = lead is not None and lead.request_id == event.request_id
    # A request that is answered as it opens is of a lead that was read.
    if lead is not None and is_present and (request is None or request.state != OPENED):
        account.given_up[event.lead_id] = lead.responsible_id


def _forget_request(account: Account, event: RequestClosed) -> None:
    """If the lead is there after all, it asks once more."""
    lead = account.leads.get(event.lead_id)
    if lead is not None and lead.request_id == event.request_id:
        account.leads[event.lead_id] = replace(lead, request_id=None)
