"""What the demo came to: counted in the local Kommo, told from the events."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil

import orjson

from contracts.events import LEAD, AssignmentWithdrawn, LeadAssigned, Recorded
from contracts.stage import Stage
from domain.explain import Name, explain, is_reproduced
from projections import fairness, requests
from services.cli.explain import namer
from services.cli.installation import Installation
from services.cli.kommo_process import LocalKommo
from services.cli.sample import COEFFICIENTS, NEW_REQUEST, NOTES, SALES
from services.history.check import examine
from services.history.collect import collect
from services.history.kafka_side import InboundTopic
from services.history.record import Entry
from services.history.verdict import Verdict
from services.storage.accounts import Account
from services.storage.database import borrow

KOMMO_REQUESTS_PER_S = 7
# A change that was applied although its answer was cut off is journalled with status 0.
APPLIED = (200, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerRow:
    """What one manager got; shares in leads, exact."""

    manager_id: int
    name: str
    coefficient: str
    note: str
    assigned: int
    fair_share: Fraction
    deviation: Fraction


@dataclass(frozen=True, slots=True)
class ExplainedDecision:
    """A decision with its words.

    Attributes:
        is_reproduced: Whether its recorded inputs give the same decision again.
        names: Of its participants.
    """

    event: LeadAssigned
    lines: list[str]
    is_reproduced: bool
    names: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The result.

    Attributes:
        lost: Leads that nobody was made responsible for, as Kommo's own leads tell.
        twice: Leads that were written more than once, as Kommo's own journal tells.
        found_by_sweep: Requests that no webhook told of.
        since: What the time is counted from: the first trigger, or the move if none got through.
        seconds: Until the last lead was set in Kommo.
        deviations: After each decision, the largest distance of anybody from his fair share.
        set_at: Seconds after that at which each lead was set, ascending.
        verdict: What the examination of the whole history came to.
    """

    at: datetime
    batch: int
    drop_percent: int
    requested: int
    decided: int
    set_in_kommo: int
    waiting: int
    lost: int
    twice: int
    found_by_sweep: int
    patches: int
    since: str
    seconds: float
    managers: list[ManagerRow]
    deviations: list[Fraction]
    set_at: list[float]
    explained: list[ExplainedDecision]
    verdict: Verdict

    @property
    def is_flawless(self) -> bool:
        """Whether nothing was lost, nothing done twice and no promise broken."""
        return not (self.lost or self.twice or self.verdict.violations)

    @property
    def floor_s(self) -> float:
        """What Kommo's limit of 7 requests a second alone imposes for this batch size."""
        return ceil(self.requested / self.batch) / KOMMO_REQUESTS_PER_S


async def find(
    kommo: LocalKommo,
    installation: Installation,
    account: Account,
    *,
    lead_ids: list[int],
    moved_at: float,
    batch: int,
    drop_percent: int,
) -> Findings:
    """Count and collect everything, after the last lead was set or nothing moved any more.

    Args:
        kommo: Whose journal counts.
        installation: Whose events tell why.
        account: The one that the leads are of.
        lead_ids: What was moved.
        moved_at: When; the beginning of the run if no trigger got through.
        batch: The most leads in one request to Kommo.
        drop_percent: Of the changes, how many lost their webhooks.
    """
    moved = dict.fromkeys(lead_ids)
    stage = Stage(SALES, NEW_REQUEST)
    entries = [Entry(lead_id=lead_id, stage=stage) for lead_id in lead_ids]
    kafka = installation.kafka
    history = await collect(
        installation.pool,
        account.account_id,
        kommo,
        entries=entries,
        topic=None if kafka is None else InboundTopic(kafka, installation.pool),
    )
    set_rows = [r for r in await kommo.rows("responsibles", via="api") if r["lead_id"] in moved]
    owners = {row[0]: row[3] for row in (await kommo.get("/leads"))["leads"]}
    patches = await kommo.rows("requests", method="PATCH")
    written = Counter(
        item["id"]
        for row in patches
        if row["status"] in APPLIED
        for item in orjson.loads(row["body"])
    )
    given = {row["lead_id"]: row["new"] for row in set_rows}
    is_set = [lead_id for lead_id in lead_ids if given.get(lead_id) == owners[lead_id]]
    assigned = [recorded for recorded in history.events if _is_decision(recorded)]
    decisions = [r.event for r in assigned if isinstance(r.event, LeadAssigned)]
    async with borrow(installation.pool) as connection:
        tallies = await requests.counts(connection, account.account_id)
        shares = await fairness.of_account(connection, account.account_id)
    name = namer(account)
    deliveries = await kommo.rows("deliveries")
    triggered = [row["at"] for row in deliveries if row["hook"].startswith("trigger:")]
    started_at = min(triggered, default=moved_at)
    set_at = sorted(row["at"] - started_at for row in set_rows)
    return Findings(
        at=datetime.now(UTC),
        batch=batch,
        drop_percent=drop_percent,
        requested=len(lead_ids),
        decided=sum(t.requests for t in tallies if t.state == "assigned"),
        set_in_kommo=len(is_set),
        waiting=sum(t.requests for t in tallies if t.state == "waiting"),
        lost=len(lead_ids) - len(is_set),
        twice=sum(1 for lead_id in lead_ids if written[lead_id] > 1),
        found_by_sweep=sum(t.requests for t in tallies if t.source == "sweep"),
        patches=len(patches),
        since="the first trigger" if triggered else "the move",
        seconds=set_at[-1] if set_at else 0.0,
        managers=_rows(shares, name),
        deviations=deviations(assigned),
        set_at=set_at,
        explained=[
            ExplainedDecision(
                event,
                explain(event, name),
                is_reproduced(event),
                {standing.manager_id: name(standing.manager_id) for standing in event.standings},
            )
            for event in _three_of(decisions)
        ],
        verdict=await asyncio.to_thread(examine, history),
    )


def _is_decision(recorded: Recorded) -> bool:
    return isinstance(recorded.event, LeadAssigned | AssignmentWithdrawn)


def deviations(events: list[Recorded]) -> list[Fraction]:
    """After each decision, the largest distance of anybody from his fair share, in leads."""
    credit: Counter[int] = Counter()
    found = []
    for recorded in events:
        event = recorded.event
        if isinstance(event, LeadAssigned | AssignmentWithdrawn):
            credit.update(dict(event.movements))
            if isinstance(event, LeadAssigned):
                found.append(Fraction(max(map(abs, credit.values()), default=0), LEAD))
    return found


def _rows(shares: list[fairness.Share], name: Name) -> list[ManagerRow]:
    by_id = {share.manager_id: share for share in shares}
    nothing = fairness.Share(ledger="account", manager_id=0)
    return [
        ManagerRow(
            manager_id=manager_id,
            name=name(manager_id),
            coefficient=coefficient,
            note=NOTES.get(manager_id, ""),
            assigned=(share := by_id.get(manager_id, nothing)).assigned,
            fair_share=Fraction(share.share_units, LEAD),
            deviation=Fraction(share.deviation_units, LEAD),
        )
        for manager_id, coefficient in COEFFICIENTS.items()
    ]


def _three_of(decisions: list[LeadAssigned]) -> list[LeadAssigned]:
    """The first, the first after somebody reached his limit, and the last."""
    limited = (e for e in decisions if any(s.verdict == "at_limit" for s in e.standings))
    chosen = [decisions[:1], [event for event in [next(limited, None)] if event], decisions[-1:]]
    by_turn = {event.turn: event for part in chosen for event in part}
    for event in decisions[len(decisions) // 2 :]:
        if len(by_turn) >= min(3, len(decisions)):
            break
        by_turn.setdefault(event.turn, event)
    return [by_turn[turn] for turn in sorted(by_turn)]
