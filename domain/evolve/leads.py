"""What becomes known of leads: seen, read again, closed, deleted."""

from datetime import datetime

from msgspec.structs import replace

from contracts.events import LeadDeleted, LeadSeen, LookupRequested
from contracts.stage import CLOSED_STATUSES, Stage
from domain.state import (
    ANNOUNCED,
    CLOCK_SLACK,
    CLOCKS_DIFFER_BY,
    CROWDED,
    REMEMBERED_FOR,
    TOLD_GONE,
    Account,
    Announced,
    Gone,
    Lead,
)


def seen(account: Account, event: LeadSeen) -> None:
    """Take over the reported stage and responsible; a closed lead is kept for a day only."""
    _answered(account, event.lead_id)
    account.loads.move(
        stage=event.was_stage, owner_id=event.was_owner_id, to=event.stage, to_id=event.owner_id
    )
    if event.stage.status_id in CLOSED_STATUSES:
        _close(account, event)
    else:
        _update(account, event)


def lookup_requested(account: Account, event: LookupRequested) -> None:
    """Remember since when Kommo is asked, and why, where the answer means something else then."""
    account.lookups[event.lead_id] = event.at
    if event.reason in (ANNOUNCED, CROWDED):
        account.announced[event.lead_id] = Announced(
            responsible_id=event.responsible_id, at=event.modified_at
        )
    lead = account.leads.get(event.lead_id)
    if lead is not None and event.reason == TOLD_GONE:
        account.leads[event.lead_id] = replace(lead, is_told_gone=True)


def deleted(account: Account, event: LeadDeleted) -> None:
    """Forget the lead but for what late hooks are recognised by."""
    old = account.leads.pop(event.lead_id, None)
    account.again.pop(event.lead_id, None)
    # Who invents leads does not fill the memory with them.
    is_invented = event.source == "lookup" and event.lead_id in account.announced and old is None
    _answered(account, event.lead_id)
    if is_invented and not account.configuration.trusts_webhooks:
        return
    account.loads.move(stage=event.was_stage, owner_id=event.was_owner_id, to=None, to_id=None)
    stage_at = old.stage_at if old else None
    asked = old.asked if old else _asked_before(account, event.lead_id)
    known = account.gone.get(event.lead_id)
    stage = event.was_stage or (known.stage if known is not None else None)
    gone = Gone(stage_at=stage_at, is_deleted=True, at=event.at, asked=asked, stage=stage)
    _remember(account, event.lead_id, gone)


def later(known: datetime | None, reported: datetime | None, *, now: datetime) -> datetime | None:
    """The later of two of Kommo's times; what was known of times to come is nothing."""
    if known is None or known > now + CLOCKS_DIFFER_BY:
        return reported
    return known if reported is None else max(known, reported)


def _answered(account: Account, lead_id: int) -> None:
    account.lookups.pop(lead_id, None)
    account.announced.pop(lead_id, None)


def _close(account: Account, event: LeadSeen) -> None:
    old = account.leads.pop(event.lead_id, None)
    account.again.pop(event.lead_id, None)
    asked = old.asked if old else _asked_before(account, event.lead_id)
    gone = Gone(
        stage_at=event.modified_at, is_deleted=False, at=event.at, asked=asked, stage=event.stage
    )
    _remember(account, event.lead_id, gone)


def _update(account: Account, event: LeadSeen) -> None:
    old, at = account.leads.get(event.lead_id), event.modified_at
    entered = old is None or old.stage != event.stage
    if old is None:
        old = Lead(stage=event.stage, asked=_asked_before(account, event.lead_id))
    account.gone.pop(event.lead_id, None)
    if at is not None:
        doubtful_until = None
    else:
        doubtful_until = event.at + CLOCK_SLACK if entered else old.doubtful_until
    # A widget's trigger has a time, and says nothing of the responsible.
    tells_responsible = event.source != "dp_widget"
    wanted = old.wanted
    if wanted is not None and (wanted.previous_id is None or event.source == "own_write"):
        wanted = replace(wanted, previous_id=event.responsible_id)
    account.leads[event.lead_id] = replace(
        old,
        stage=event.stage,
        responsible_id=event.responsible_id,
        stage_at=later(old.stage_at, at, now=event.at),
        responsible_at=later(old.responsible_at, at, now=event.at)
        if tells_responsible
        else old.responsible_at,
        doubtful_until=doubtful_until,
        request_id=None if entered else old.request_id,
        is_told_gone=False,
        wanted=wanted,
    )


def _asked_before(account: Account, lead_id: int) -> tuple[Stage, ...]:
    gone = account.gone.get(lead_id)
    return gone.asked if gone is not None else ()


def _remember(account: Account, lead_id: int, gone: Gone) -> None:
    account.gone.pop(lead_id, None)
    account.gone[lead_id] = gone
    forgotten = gone.at - REMEMBERED_FOR
    while (oldest := next(iter(account.gone))) and account.gone[oldest].at < forgotten:
        del account.gone[oldest]
