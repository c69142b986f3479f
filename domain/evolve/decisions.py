"""Decisions on their way to Kommo: taken, confirmed, withdrawn; what each costs and counts."""

from msgspec.structs import replace

from contracts.events import AssignmentConfirmed, AssignmentWithdrawn, LeadAssigned, LeadKind
from domain.evolve.leads import later
from domain.evolve.ledger import miss, move, move_kind, unmiss
from domain.evolve.registries import count, take_back
from domain.evolve.requests import forget
from domain.limits.caps import Given
from domain.limits.pacing import Release
from domain.state import Account, Request, Wanted, Why


def assigned(account: Account, event: LeadAssigned) -> None:
    """The lead counts for its manager from here, and waits for Kommo to hold that."""
    request = forget(account, event.request_id)
    _release(account, event)
    move(account, event.ledger, event.movements)
    kinds = tuple(LeadKind(what, kind) for what, kind, _ in event.kinds)
    for kind in kinds if event.movements else ():
        move_kind(account, event.ledger, kind, event.movements, leads=1)
    miss(account, event.ledger, event.missed)
    if event.even is not None:
        count(account, event, event.even)
    account.turns = event.turn
    is_distributed = event.policy not in ("duty", "owner")
    if is_distributed:
        account.last_turns[event.manager_id] = event.turn
        if kept := account.configuration.given_kept_quarters:
            given = account.given.setdefault(event.manager_id, Given())
            given.add(event.at, kept_quarters=kept)
    if event.keeps_lead:
        account.again.pop(event.lead_id, None)
        return
    account.loads.move(
        stage=event.stage, owner_id=event.was_owner_id, to=event.stage, to_id=event.manager_id
    )
    wanted = Wanted(
        request_id=event.request_id,
        attempt=event.attempt,
        manager_id=event.manager_id,
        rule_id=event.rule_id,
        ledger=event.ledger,
        movements=event.movements,
        previous_id=event.responsible_before,
        decided_at=event.at,
        missed=event.missed,
        requested_at=request.opened_at if request is not None else event.at,
        counts_for_caps=is_distributed,
        refused=request.refused if request is not None else (),
        kinds=kinds,
        registry=event.even.registry if event.even is not None else "",
        counted_at=event.even.began_at if event.even is not None else None,
        counted=event.even.added if event.even is not None else 0,
    )
    account.leads[event.lead_id] = replace(account.leads[event.lead_id], wanted=wanted)
    rule = account.configuration.by_id.get(event.rule_id)
    is_told = rule is not None and rule.telling is not None
    if is_told or account.may_have_task(event.lead_id, event.attempt):
        account.reasons[event.lead_id] = Why(event.reason, event.because)


def confirmed(account: Account, event: AssignmentConfirmed) -> None:
    """Kommo holds it; so it was not the lead with which it refused other managers before."""
    lead = account.leads[event.lead_id]
    account.reasons.pop(event.lead_id, None)
    account.again.pop(event.lead_id, None)
    account.refusals.pop(event.manager_id, None)
    for refused_id in lead.wanted.refused if lead.wanted is not None else ():
        account.refusals[refused_id] = account.refusals.get(refused_id, 0) + 1
    account.leads[event.lead_id] = replace(
        lead,
        wanted=None,
        superseded_ids=(),
        responsible_id=event.manager_id,
        responsible_at=later(lead.responsible_at, event.modified_at, now=event.at),
    )


def withdrawn(account: Account, event: AssignmentWithdrawn) -> None:
    """Give back what it cost; after a refusal of the manager the request is open again."""
    account.reasons.pop(event.lead_id, None)
    move(account, event.ledger, event.movements)
    for kind in event.kinds:
        move_kind(account, event.ledger, kind, event.movements, leads=-1)
    lead = account.leads[event.lead_id]
    wanted = lead.wanted
    assert wanted is not None, "only a decision that is on its way can be withdrawn"
    unmiss(account, event.ledger, wanted.missed)
    take_back(account, wanted)
    if (given := account.given.get(event.manager_id)) is not None and wanted.counts_for_caps:
        given.take_back(wanted.decided_at)
        if not given.total:
            del account.given[event.manager_id]
    account.loads.move(
        stage=event.stage, owner_id=event.manager_id, to=event.stage, to_id=event.owner_id
    )
    is_replaced = event.reason in ("superseded", "manager_refused")
    account.leads[event.lead_id] = replace(
        lead,
        wanted=None,
        superseded_ids=(*lead.superseded_ids, event.manager_id) if is_replaced else (),
    )
    if event.reason == "manager_refused":
        offer, is_inactive = account.offers.get(event.lead_id), event.is_active is False
        account.requests.put(
            Request(
                request_id=event.request_id,
                number=int(event.request_id.rpartition(".")[2]),
                lead_id=event.lead_id,
                rule_id=wanted.rule_id,
                stage=lead.stage,
                opened_at=wanted.requested_at,
                attempt=event.attempt + 1,
                tried=offer.tried if offer is not None else (),
                refused=wanted.refused if is_inactive else (*wanted.refused, event.manager_id),
                refusal=event.detail,
                kinds=wanted.kinds,
            )
        )


def _release(account: Account, event: LeadAssigned) -> None:
    rule = account.configuration.by_id.get(event.rule_id)
    if rule is None or rule.pace is None or event.rule_id not in account.requests.waiting:
        return
    release = account.releases.setdefault(event.rule_id, Release(event.at))
    if event.release == "backlog":
        release.count(rule.pace, event.manager_id, event.at)
    elif event.release == "fresh":
        release.balance -= 1
