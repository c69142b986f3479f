"""Leads to be distributed now (D1.1), and handovers (D9.3): foreseen first, then ordered."""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.inbound import (
    Command,
    DistributeLeads,
    Ended,
    HandOverLeads,
    Inbound,
    PauseManager,
)
from contracts.stage import Stage
from domain.choosing.standings import availability
from domain.preview import Preview, preview, preview_of
from domain.state import Account
from projections import assignments, unassigned
from services.allocator.accounts import Stores, load
from services.application.commands import Answer, Asked, Once, give, given_before
from services.application.confirmation import Assent, require_assent
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow
from services.storage.snapshots import SnapshotStore

# Of one message, so that other accounts and fresh leads have their turns between two of them.
PART = 250
STAGE = re.compile(r"([1-9][0-9]{0,15})/([1-9][0-9]{0,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """An order that was not given yet.

    Attributes:
        lead_ids: What it names, ascending if nobody named them.
        hands_over: Whose leads they are, in a handover.
        pauses: Whether that manager is paused by it.
        bodies: What it is given by.
        asked: What it was planned from.
        outcome: What it would come to now.
    """

    lead_ids: tuple[int, ...]
    hands_over: int | None
    pauses: bool
    bodies: tuple[Command, ...]
    asked: Asked
    outcome: Preview


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOrder:
    """What an order came to.

    Attributes:
        outcome: None where it is not known yet.
    """

    answer: Answer
    outcome: Preview | None


async def plan_distribution(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    lead_ids: Sequence[int] = (),
    stage: Stage | None = None,
    is_unassigned: bool = False,
) -> PlannedOrder:
    """What distributing leads would come to: these, a stage's, or all without a manager (D1.6).

    Args:
        installation: Where.
        account: Whose.
        principal: Who orders it.
        lead_ids: These leads.
        stage: Or all open leads of a stage.
        is_unassigned: Or all open leads whose newest request ended without a manager.

    Raises:
        Refused: They may not, not exactly one of the three is given, or there are no such leads.
    """
    principal.require("activity")
    asked = asked_to_distribute(lead_ids=lead_ids, stage=stage, is_unassigned=is_unassigned)
    if sum((bool(lead_ids), stage is not None, is_unassigned)) != 1:
        raise Refused("leads_or_stage")
    state = await _state(installation, account)
    if stage is not None:
        lead_ids = sorted(i for i, lead in state.leads.items() if lead.stage == stage)
        if not lead_ids:
            raise Refused("no_leads_in_stage", stage=stage)
    if is_unassigned:
        lead_ids = await _unassigned(installation, account)
        if not lead_ids:
            raise Refused("no_unassigned_leads")
    bodies = [
        DistributeLeads(
            lead_ids=part, by=principal.id, ended=await _ended(installation, state, part)
        )
        for part in _parts(lead_ids)
    ]
    return PlannedOrder(
        lead_ids=tuple(lead_ids),
        hands_over=None,
        pauses=False,
        bodies=tuple(bodies),
        asked=asked,
        outcome=_foreseen(state, bodies),
    )


async def plan_handover(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    rule_id: str | None = None,
) -> PlannedOrder:
    """What handing over all open leads of a manager would come to; it pauses them if need be.

    Args:
        installation: Where.
        account: Whose.
        principal: Who orders it.
        manager_id: Who is absent.
        rule_id: For leads in stages that no rule covers.

    Raises:
        Refused: They may not, the manager has no open leads, or the rule does not exist.
    """
    principal.require("activity")
    state = await _state(installation, account)
    if rule_id is not None and rule_id not in state.configuration.by_id:
        raise Refused("rule_unknown", rule=rule_id)
    lead_ids = sorted(i for i, lead in state.leads.items() if lead.owner_id == manager_id)
    if not lead_ids:
        raise Refused("no_open_leads", manager=manager_id)
    bodies = list[Command]()
    pauses = availability(state, manager_id, None, datetime.now(UTC)) == "eligible"
    if pauses:
        pause = PauseManager(
            manager_id=manager_id,
            by=principal.id,
            by_administrator=True,
            reason="leads handed over",
        )
        bodies.append(pause)
    handover_id = f"handover-{secrets.token_hex(8)}"
    bodies += [
        HandOverLeads(
            handover_id=handover_id,
            manager_id=manager_id,
            lead_ids=part,
            by=principal.id,
            rule_id=rule_id,
        )
        for part in _parts(lead_ids)
    ]
    return PlannedOrder(
        lead_ids=tuple(lead_ids),
        hands_over=manager_id,
        pauses=pauses,
        bodies=tuple(bodies),
        asked=asked_to_hand_over(manager_id, rule_id=rule_id),
        outcome=_foreseen(state, bodies),
    )


async def carry_out(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    planned: PlannedOrder,
    *,
    once: Once,
    assent: Assent,
) -> GivenOrder:
    """Give the order: all its parts get into the log, or none.

    Args:
        installation: Where.
        account: Whose.
        principal: Who orders it.
        planned: What; it was not given under this key before, see `carried_out_before`.
        once: The key, and how long to wait.
        assent: Who they are, and how many leads they say that it is about (S32).

    Raises:
        Refused: They may not, do not say the number of leads, or it is held; or a part was
            refused, and the other parts have taken effect.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require("activity")
    await require_assent(
        assent,
        account.account_id,
        what="distribution" if planned.hands_over is None else "handover",
        leads=len(planned.lead_ids),
        asked=planned.asked,
        once=once,
    )
    answer = await give(
        installation,
        account.account_id,
        principal,
        planned.bodies,
        once,
        asked=planned.asked,
    )
    return _given(answer)


async def carried_out_before(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    asked: Asked,
    *,
    once: Once,
) -> GivenOrder | None:
    """What an order came to that was given before under this key; None if none was.

    It is not planned anew: its leads are not where they were.

    Raises:
        Refused: They may not, a part was refused, or something else was ordered.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require("activity")
    answer = await given_before(installation, account.account_id, principal, once, asked=asked)
    return None if answer is None else _given(answer)


def asked_to_distribute(
    *, lead_ids: Sequence[int] = (), stage: Stage | None = None, is_unassigned: bool = False
) -> Asked:
    """What makes an order to distribute the same one again."""
    return {
        "command": "distribute",
        "leads": list(lead_ids),
        "stage": list(stage) if stage is not None else None,
        "unassigned": is_unassigned,
    }


def asked_to_hand_over(manager_id: int, *, rule_id: str | None) -> Asked:
    """What makes a handover the same one again."""
    return {"command": "handover", "manager": manager_id, "rule": rule_id}


def _given(answer: Answer) -> GivenOrder:
    is_known = answer.effect in {"done", "unchanged"}
    return GivenOrder(answer=answer, outcome=preview_of(answer.events) if is_known else None)


def stage_from(text: str) -> Stage:
    """A stage from ids like `7000001/61000002`.

    Raises:
        Refused: It is none.
    """
    found = STAGE.fullmatch(text)
    if found is None:
        raise Refused("stage_not_ids", text=text)
    return Stage(int(found[1]), int(found[2]))


async def _state(installation: Installation, account: RegisteredAccount) -> Account:
    stores = Stores(installation.events, SnapshotStore(installation.pool))
    return await load(stores, account.account_id)


async def _unassigned(installation: Installation, account: RegisteredAccount) -> list[int]:
    found = list[int]()
    async with borrow(installation.pool) as connection:
        while page := await unassigned.page(
            connection, account_id=account.account_id, after_id=found[-1] if found else 0
        ):
            found += [each.lead_id for each in page]
    return found


async def _ended(
    installation: Installation, state: Account, lead_ids: Sequence[int]
) -> tuple[Ended, ...]:
    """Of which of the leads the newest request ended without a decision that stands."""
    async with borrow(installation.pool) as connection:
        endings = await unassigned.of_leads(
            connection, account_id=state.account_id, lead_ids=lead_ids
        )
        decisions = await assignments.of_leads(
            connection, account_id=state.account_id, lead_ids=lead_ids
        )
    found = {
        each.lead_id: Ended(
            each.lead_id, each.request_id, each.reason, state.owner_of(each.lead_id)
        )
        for each in endings.values()
    }
    for decision in decisions:
        owner_id = state.owner_of(decision.lead_id)
        is_changed = decision.state == "confirmed" and owner_id != decision.manager_id
        if is_changed and decision.lead_id not in found:
            found[decision.lead_id] = Ended(
                decision.lead_id, decision.request_id, "taken_by_person", owner_id
            )
    return tuple(found[lead_id] for lead_id in sorted(found))


def _foreseen(state: Account, bodies: Sequence[Command]) -> Preview:
    at = datetime.now(UTC)
    messages = [
        Inbound(account_id=state.account_id, message_id=f"preview-{n}", at=at, body=body)
        for n, body in enumerate(bodies)
    ]
    outcome = preview(state, messages)
    if outcome.refusal is not None:
        raise Refused.of(outcome.refusal)
    return outcome


def _parts(lead_ids: Sequence[int]) -> Iterable[tuple[int, ...]]:
    return (tuple(lead_ids[at : at + PART]) for at in range(0, len(lead_ids), PART))
