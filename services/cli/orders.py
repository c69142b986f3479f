"""Leads to be distributed now (D1.1), and handovers (D9.3): shown first, then ordered."""

import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.events import AllocationEvent, Skipped, SkipReason
from contracts.inbound import DistributeLeads, HandOverLeads, Inbound, InboundBody, PauseManager
from contracts.stage import Stage
from domain.account import Account as State
from domain.preview import Outcome, outcome_of, preview
from domain.standings import availability
from services.allocator.accounts import Stores, load
from services.cli.administrator import administrator
from services.cli.explain import namer
from services.cli.installation import Installation, Wrong
from services.cli.order import order
from services.storage.accounts import Account
from services.storage.snapshots import SnapshotStore

# Of one message, so that other accounts and fresh leads have their turns between two of them.
PART = 250
LISTED_MAX = 10
STAGE = re.compile(r"([1-9]\d{0,15})/([1-9]\d{0,15})")
SKIPPED: dict[SkipReason, str] = {
    "unknown": "not an open lead that is known here",
    "closed": "closed or deleted",
    "waiting": "waiting for a manager already",
    "decided": "decided already for its stage (fairlead explain LEAD)",
    "not_his": "somebody else's by now",
    "no_rule": "in a stage that no rule covers (a handover may name one: --rule RULE)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An order that was not given yet.

    Attributes:
        question: To be answered before it is given.
        outcome: What it would come to now.
    """

    question: str
    bodies: tuple[InboundBody, ...]
    outcome: Outcome


async def plan_distribution(
    installation: Installation, account: Account, lead_ids: Sequence[int], stage: str
) -> Plan:
    """What distributing these leads, or all of a stage, would come to.

    Raises:
        Wrong: Neither or both are given, `stage` is no stage, or it holds no open lead.
    """
    if bool(lead_ids) is bool(stage):
        raise Wrong("name leads by their ids, or all of a stage: --stage PIPELINE/STAGE")
    state = await _state(installation, account)
    if stage:
        lead_ids = _leads_in(state, _stage(stage))
    by = administrator()
    bodies = [DistributeLeads(lead_ids=part, by=by) for part in _parts(lead_ids)]
    return _plan(state, f"Distribute {_leads(len(lead_ids))}?", bodies)


async def plan_handover(
    installation: Installation, account: Account, manager_id: int, rule_id: str
) -> Plan:
    """What handing over all open leads of a manager would come to; he is paused by it if need be.

    Raises:
        Wrong: He has no open leads, or the rule does not exist.
    """
    state, name = await _state(installation, account), namer(account)
    if rule_id and rule_id not in state.configuration.by_id:
        known = ", ".join(state.configuration.by_id) or "none is in force"
        raise Wrong(f"--rule: there is no rule {rule_id!r}; known: {known}")
    lead_ids = sorted(i for i, lead in state.leads.items() if lead.owner_id == manager_id)
    if not lead_ids:
        raise Wrong(f"{name(manager_id)} has no open leads here")
    by, bodies = administrator(), list[InboundBody]()
    question = f"Hand over {_leads(len(lead_ids))} of {name(manager_id)}?"
    if availability(state, manager_id, None, datetime.now(UTC)) == "eligible":
        question = f"Pause {name(manager_id)} and hand over {_leads(len(lead_ids))}?"
        pause = PauseManager(
            manager_id=manager_id, by=by, by_administrator=True, reason="leads handed over"
        )
        bodies.append(pause)
    handover_id = f"handover-{secrets.token_hex(8)}"
    bodies += [
        HandOverLeads(
            handover_id=handover_id,
            manager_id=manager_id,
            lead_ids=part,
            by=by,
            rule_id=rule_id or None,
        )
        for part in _parts(lead_ids)
    ]
    return _plan(state, question, bodies)


async def carry_out(installation: Installation, account: Account, plan: Plan) -> Outcome | None:
    """Give the order, part after part.

    Returns:
        What it came to; None when no fairlead runs here, so that it takes effect later.

    Raises:
        Wrong: A part was refused; the parts before it have taken effect.
    """
    answers: list[AllocationEvent] = []
    is_kept = False
    for body in plan.bodies:
        answer = await order(installation, account.account_id, body)
        is_kept = is_kept or answer is None
        answers += answer or ()
    return None if is_kept else outcome_of(answers)


def lines_of(outcome: Outcome, name: Callable[[int], str], *, is_done: bool) -> Iterator[str]:
    """What an order would come to, or came to, line by line."""
    for manager_id, leads in outcome.gets:
        yield f"{name(manager_id)} {'gets' if is_done else 'would get'} {_leads(leads)}."
    if outcome.waiting:
        yield f"Nobody can take {_leads(outcome.waiting)} now: waiting, and where it is till then."
    if outcome.reading:
        yield f"{_leads(outcome.reading)} to be read from Kommo first: the rules ask about them."
    if outcome.closed:
        yield f"No rule takes {_leads(outcome.closed)}: left where they are."
    by_reason: dict[SkipReason, list[Skipped]] = defaultdict(list)
    for skipped in outcome.skipped:
        by_reason[skipped.reason].append(skipped)
    for reason, alike in by_reason.items():
        ids = ", ".join(str(skipped.lead_id) for skipped in alike[:LISTED_MAX])
        more = f" and {len(alike) - LISTED_MAX} more" if len(alike) > LISTED_MAX else ""
        yield f"Left alone, {SKIPPED[reason]}: {ids}{more}."


async def _state(installation: Installation, account: Account) -> State:
    stores = Stores(installation.events, SnapshotStore(installation.pool))
    return await load(stores, account.account_id)


def _plan(state: State, question: str, bodies: Sequence[InboundBody]) -> Plan:
    at = datetime.now(UTC)
    messages = [
        Inbound(account_id=state.account_id, message_id=f"preview-{n}", at=at, body=body)
        for n, body in enumerate(bodies)
    ]
    outcome = preview(state, messages)
    if outcome.refusal is not None:
        raise Wrong(f"refused: {outcome.refusal}")
    return Plan(question=question, bodies=tuple(bodies), outcome=outcome)


def _stage(text: str) -> Stage:
    found = STAGE.fullmatch(text)
    if found is None:
        wrong = f"--stage: expected ids like 7000001/61000002, got {text!r}"
        raise Wrong(wrong)
    return Stage(int(found[1]), int(found[2]))


def _leads_in(state: State, stage: Stage) -> list[int]:
    lead_ids = sorted(i for i, lead in state.leads.items() if lead.stage == stage)
    if not lead_ids:
        raise Wrong(f"--stage: no open lead is in {stage.pipeline_id}/{stage.status_id}")
    return lead_ids


def _parts(lead_ids: Sequence[int]) -> Iterable[tuple[int, ...]]:
    return (tuple(lead_ids[at : at + PART]) for at in range(0, len(lead_ids), PART))


def _leads(count: int) -> str:
    return "1 lead" if count == 1 else f"{count} leads"
