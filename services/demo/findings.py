"""What the demo came to: counted in the local Kommo, told from the events."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import islice
from typing import Any

import orjson

from contracts.events import LEAD, AssignmentWithdrawn, LeadAssigned, Recorded, RequestOpened
from domain.configuration import ACCOUNT_LEDGER
from domain.explain.assigned import assigned
from domain.explain.reproduced import is_reproduced
from projections import fairness, requests
from services.application.installation import Installation
from services.application.rules import users_of
from services.demo.beside import Beside
from services.demo.in_kind import SourceShare, source_shares, told_apart
from services.demo.kommo_process import LocalKommo
from services.demo.rules import Name, RuleRow, besides, rule_rows
from services.demo.sample.leads import SampleLeads
from services.demo.sample.team import COEFFICIENTS, NOTES
from services.history.check import examine
from services.history.collect import collect
from services.history.kafka_side import InboundTopic
from services.history.record import StageEntry
from services.history.verdict import Verdict
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow
from services.words.catalogue import Words

KOMMO_REQUESTS_PER_S = 7
LEADS_PATH = "/api/v4/leads"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerRow:
    """What one manager got; shares in leads, exact.

    Attributes:
        besides: Kind to leads that they got outside of the account's ledger.
    """

    manager_id: int
    name: str
    coefficient: str
    note: str
    besides: Mapping[str, int]
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
        patches: Requests that set leads in Kommo until the last one was set.
        batch: Leads of the largest of them.
        other_requests: Those that read meanwhile, or set what belongs to leads.
        since: What the time is counted from: the first trigger, or the move if none got through.
        seconds: Until the last lead was set in Kommo.
        rules: What each rule did, in the order of the file, the morning included.
        in_kind: The same as `managers` of the leads of each source.
        deviations: After each decision, the largest distance of anybody from the fair share of
            the account's ledger.
        set_at: Seconds after that at which each lead was set, ascending.
        verdict: What the examination of the whole history came to.
        faults: What went wrong meanwhile, in words.
        beside: What it had of another account that had very much to do.
        neighbours: The same of further accounts behind our address.
    """

    at: datetime
    drop_percent: int
    requested: int
    decided: int
    set_in_kommo: int
    waiting: int
    lost: int
    twice: int
    found_by_sweep: int
    patches: int
    batch: int
    other_requests: int
    since: str
    seconds: float
    managers: list[ManagerRow]
    rules: list[RuleRow]
    in_kind: list[SourceShare]
    deviations: list[Fraction]
    set_at: list[float]
    explained: list[ExplainedDecision]
    verdict: Verdict
    faults: tuple[str, ...] = ()
    beside: Beside | None = None
    neighbours: tuple["Findings", ...] = ()

    @property
    def is_flawless(self) -> bool:
        """Whether nothing was lost, nothing done twice and no promise broken."""
        is_flawed = self.lost or self.twice or self.verdict.violations
        return not is_flawed and all(each.is_flawless for each in self.neighbours)

    @property
    def floor_s(self) -> float:
        """What so many requests take at 7 a second, Kommo's limit; those that read included."""
        return (self.patches + self.other_requests) / KOMMO_REQUESTS_PER_S


async def find(
    kommo: LocalKommo,
    installation: Installation,
    account: RegisteredAccount,
    *,
    sample: SampleLeads,
    rules: Sequence[Mapping[str, Any]],
    moved_at: float,
    drop_percent: int,
) -> Findings:
    """Count and collect everything, after the last lead was set or nothing moved any more.

    Args:
        kommo: Whose journal counts.
        installation: Whose events tell why.
        account: The one that the leads are of.
        sample: What was moved; all numbers are of the rush but those of the rules.
        rules: The sections of the rules file.
        moved_at: When the rush began; the beginning of the run if no trigger got through.
        drop_percent: Of the changes, how many lost their webhooks.
    """
    lead_ids = [lead_id for moved in sample.rush.values() for lead_id in moved]
    rush = dict.fromkeys(lead_ids)
    kafka = installation.kafka
    history = await collect(
        installation.pool,
        account.account_id,
        kommo,
        letters=installation.dead_letters,
        entries=[
            StageEntry(lead_id=lead_id, stage=stage)
            for wave in (sample.morning, sample.rush)
            for stage, moved in wave.items()
            for lead_id in moved
        ],
        topic=None if kafka is None else InboundTopic(kafka),
    )
    changed = [c for c in history.changes if c.is_ours and c.lead_id in rush]
    given = {change.lead_id: change.new_id for change in changed}
    owners = {lead.lead_id: lead.responsible_id for lead in history.leads}
    is_set = [lead_id for lead_id in lead_ids if given.get(lead_id) == owners[lead_id]]
    written = Counter(write.lead_id for write in history.writes if write.is_applied)
    decisions = [r.event for r in history.events if isinstance(r.event, LeadAssigned)]
    in_rush = [event for event in decisions if event.lead_id in rush]
    async with borrow(installation.pool) as connection:
        tallies = await requests.counts(connection, account.account_id)
        shares = await fairness.of_account(connection, account.account_id)
    name = (users_of(account) or {}).__getitem__  # of everybody: the demo's own team
    words, ledgers = Words(name=name), told_apart(history.events)
    triggered_at = await _first_trigger_at(kommo, rush)
    started_at = triggered_at or moved_at
    set_at = sorted(change.at.timestamp() - started_at for change in changed)
    seconds = set_at[-1] if set_at else 0.0
    made = [
        row
        for row in await kommo.rows("requests")
        if started_at <= row["at"] <= started_at + seconds
    ]
    sizes = [
        len(orjson.loads(row["body"]))
        for row in made
        if row["method"] == "PATCH" and row["path"] == LEADS_PATH
    ]
    return Findings(
        at=datetime.now(UTC),
        drop_percent=drop_percent,
        requested=len(lead_ids),
        decided=len({event.lead_id for event in in_rush}),
        set_in_kommo=len(is_set),
        waiting=sum(t.requests for t in tallies if t.state == "waiting"),
        lost=len(lead_ids) - len(is_set),
        twice=sum(1 for lead_id in lead_ids if written[lead_id] > 1),
        found_by_sweep=sum(1 for r in history.events if _is_swept(r, rush)),
        patches=len(sizes),
        batch=max(sizes, default=0),
        other_requests=len(made) - len(sizes),
        since="the first trigger" if triggered_at else "the move",
        seconds=seconds,
        managers=_rows(shares, besides(decisions), name),
        rules=rule_rows(rules, history.events, name),
        in_kind=source_shares(history.events),
        deviations=deviations(history.events),
        set_at=set_at,
        explained=[
            ExplainedDecision(
                event,
                words.lines(assigned(event, ledgers)),
                is_reproduced(event),
                {standing.manager_id: name(standing.manager_id) for standing in event.standings},
            )
            for event in _three_of(in_rush)
        ],
        verdict=await asyncio.to_thread(examine, history),
    )


async def _first_trigger_at(kommo: LocalKommo, rush: Mapping[int, None]) -> float | None:
    return min(
        (
            row["at"]
            for row in await kommo.rows("deliveries")
            if row["hook"].startswith("trigger:") and rush.keys() & row["lead_ids"]
        ),
        default=None,
    )


def _is_swept(recorded: Recorded, rush: Mapping[int, None]) -> bool:
    event = recorded.event
    return isinstance(event, RequestOpened) and event.source == "sweep" and event.lead_id in rush


def deviations(events: Iterable[Recorded]) -> list[Fraction]:
    """After each decision, the largest distance of anybody from the fair share, in leads."""
    credit: Counter[int] = Counter()
    found = []
    for recorded in events:
        event = recorded.event
        if not isinstance(event, LeadAssigned | AssignmentWithdrawn):
            continue
        if event.ledger == ACCOUNT_LEDGER and event.movements:
            credit.update(dict(event.movements))
            if isinstance(event, LeadAssigned):
                found.append(Fraction(max(map(abs, credit.values())), LEAD))
    return found


def _rows(
    shares: Iterable[fairness.Share], others: Mapping[int, Mapping[str, int]], name: Name
) -> list[ManagerRow]:
    by_id = {share.manager_id: share for share in shares if share.ledger == ACCOUNT_LEDGER}
    nothing = fairness.Share(ledger=ACCOUNT_LEDGER, manager_id=0)
    return [
        ManagerRow(
            manager_id=manager_id,
            name=name(manager_id),
            coefficient=coefficient,
            note=NOTES.get(manager_id, ""),
            besides=others.get(manager_id, {}),
            assigned=(share := by_id.get(manager_id, nothing)).assigned,
            fair_share=Fraction(share.share_units, LEAD),
            deviation=Fraction(share.deviation_units, LEAD),
        )
        for manager_id, coefficient in COEFFICIENTS.items()
    ]


def _three_of(decisions: list[LeadAssigned]) -> list[LeadAssigned]:
    """The first, the first after somebody reached their limit, and the first of an owner's lead."""
    limited = (e for e in decisions if any(s.verdict == "at_limit" for s in e.standings))
    owned = (e for e in decisions if e.policy == "owner")
    chosen = [*decisions[:1], *islice(limited, 1), *islice(owned, 1)]
    by_turn = {event.turn: event for event in chosen}
    for event in decisions[len(decisions) // 2 :]:
        if len(by_turn) >= min(3, len(decisions)):
            break
        by_turn.setdefault(event.turn, event)
    return [by_turn[turn] for turn in sorted(by_turn)]
