"""The event of a decision, with all it was decided on (D10.2)."""

from collections.abc import Mapping
from datetime import datetime

from contracts.events import (
    DutyCause,
    Even,
    KindCredits,
    LeadAssigned,
    OwnerDebt,
    OwnerStanding,
    Policy,
    Standing,
)
from domain.choosing.catch_up import missed_shares
from domain.choosing.fewest_given import costs
from domain.choosing.standings import Choice
from domain.configuration import Rule
from domain.linked.transfers import ask
from domain.notices.telling import tell
from domain.requests.deliberation import release_of
from domain.schedule import tzdata_version
from domain.state import Request, Why
from domain.step import Step

# Raised when a policy decides otherwise than it did: recorded decisions must stay explainable.
POLICY_VERSIONS: Mapping[Policy, int] = {
    "fair_share": 1,
    "least_loaded": 1,
    "most_available": 1,
    "fewest_given": 1,
    "duty": 1,
    "owner": 1,
}


def assign(  # noqa: PLR0913 - what a decision consists of
    step: Step,
    rule: Rule,
    request: Request,
    choice: Choice,
    *,
    standings: tuple[Standing, ...],
    kinds: tuple[KindCredits, ...],
    even: Even | None = None,
    owners: tuple[OwnerStanding, ...] = (),
    owner_debt: OwnerDebt | None = None,
    duty: tuple[Standing, ...] = (),
    because: DutyCause | None = None,
    as_of: datetime | None = None,
) -> None:
    """Record that the request's lead goes to the chosen manager.

    Args:
        step: Where to record it.
        rule: The rule.
        request: What is answered.
        choice: Who gets it.
        standings: Every participant's.
        kinds: Of the lead, with everybody's credit in them.
        even: What everybody got in the period, where that decided.
        owners: Of whoever is responsible already for what belongs to the lead.
        owner_debt: On which terms an owner's lead counts.
        duty: Everyone's who may have duty, if it goes there.
        because: Why it goes there.
        as_of: When the standings are of, if not of now.
    """
    account = step.account
    lead = account.leads[request.lead_id]
    may_have_task = account.may_have_task(request.lead_id, request.attempt)
    told = None if account.configuration.trusts_webhooks else account.told.get(request.lead_id)
    missed: tuple[tuple[int, int], ...] = ()
    if choice.policy == "fair_share":
        missed = missed_shares(account, rule, standings, choice.tier, as_of or step.now)
    step.record(
        LeadAssigned(
            request_id=request.request_id,
            attempt=request.attempt,
            turn=account.turns + 1,
            lead_id=request.lead_id,
            manager_id=choice.manager_id,
            rule_id=rule.rule_id,
            revision=account.configuration.revision,
            policy=choice.policy,
            policy_version=POLICY_VERSIONS[choice.policy],
            ledger=rule.ledger,
            tier=choice.tier,
            stage=lead.stage,
            responsible_before=lead.responsible_id,
            was_owner_id=lead.owner_id,
            standings=standings,
            movements=choice.movements,
            reason=choice.reason,
            tzdata=tzdata_version(),
            at=step.now,
            duty=duty,
            because=because,
            missed=missed,
            reserved_until=as_of if as_of != step.now else None,
            release=release_of(account, rule, request) if choice.policy != "owner" else None,
            owners=owners,
            owner_debt=owner_debt,
            keeps_lead=rule.keeps_lead,
            kinds=kinds,
            even=even._replace(added=costs(rule, choice.manager_id)) if even is not None else None,
            is_told=told is not None,
            told_at=told.at if told is not None else None,
        )
    )
    if rule.keeps_lead:  # there is nothing of the lead that Kommo would have to hold first
        order_id = f"{request.request_id}/{request.attempt}"
        ask(step, rule, lead_id=request.lead_id, manager_id=choice.manager_id, order_id=order_id)
        tell(
            step,
            rule,
            Why(choice.reason, because),
            lead_id=request.lead_id,
            manager_id=choice.manager_id,
            order_id=order_id,
            may_have_task=may_have_task,
        )
