"""Requests: opened, and whatever each of them waits for."""

from msgspec.structs import replace

from contracts.events import (
    ReadingRequested,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
)
from domain.state import Account, Request
from domain.state.request import OPENED, WAITING, Preparing, Reserved, Waiting


def opened(account: Account, event: RequestOpened) -> None:
    """A lead asks; it is answered in the same step."""
    account.requests_total += 1
    account.requests.put(
        Request(
            request_id=event.request_id,
            number=account.requests_total,
            lead_id=event.lead_id,
            rule_id=event.rule_id or "",
            stage=event.stage,
            opened_at=event.at,
            is_handover=event.source == "handover",
        )
    )
    lead = account.leads.get(event.lead_id)
    if lead is not None and lead.asked and account.configuration.makes_tasks:
        account.again[event.lead_id] = None
    if lead is not None and lead.stage == event.stage:
        asked = tuple(sorted({*lead.asked, event.stage}))
        account.leads[event.lead_id] = replace(lead, request_id=event.request_id, asked=asked)


def reading_requested(account: Account, event: ReadingRequested) -> None:
    """It waits for a reading, behind those that were asked for before."""
    request = _taken(account, event.request_id)
    reading = Preparing(revision=event.revision, parts=event.parts, until=event.next_look_at)
    account.requests.put(replace(request, state=reading))


def prepared(account: Account, event: RequestPrepared) -> None:
    """Its rule is known now, and whose the things are that belong to the lead."""
    request, rule_id = _taken(account, event.request_id), event.rule_id or ""
    account.requests.put(
        replace(
            request,
            rule_id=rule_id,
            responsibles=event.responsibles,
            others=event.others,
            kinds=event.kinds,
            state=OPENED,
        )
    )


def reserved(account: Account, event: RequestReserved) -> None:
    """It waits for the lead's owner."""
    request = _taken(account, event.request_id)
    known, since = request.state, event.at
    if isinstance(known, Reserved) and known.owner_id == event.manager_id:
        since = known.since
    kept = Reserved(owner_id=event.manager_id, since=since, back_at=event.next_look_at)
    account.requests.put(replace(request, rule_id=event.rule_id, state=kept))


def deferred(account: Account, event: RequestDeferred) -> None:
    """It stands in the queue of its rule, by its number."""
    request = _taken(account, event.request_id)
    account.requests.put(replace(request, rule_id=event.rule_id, state=WAITING))


def forget(account: Account, request_id: str) -> Request | None:
    """Take a request out of wherever it is; None if it is nowhere."""
    request = account.requests.take(request_id)
    was_last = request is not None and request.rule_id not in account.requests.waiting
    if request is not None and was_last and isinstance(request.state, Waiting):
        account.releases.pop(request.rule_id, None)
    return request


def _taken(account: Account, request_id: str) -> Request:
    request = forget(account, request_id)
    assert request is not None, "a request that waits was opened"
    return request
