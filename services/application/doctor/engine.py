"""What the doctor looks at in the engine: what is behind, waits, stands still or adds up wrong."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import assert_never

from contracts.sentences import Sentence, sentence
from contracts.stage import Stage
from domain.explain.kinds import Ledgers, kind_name
from projections import assignments, fairness, requests, response, silences, stalls, unassigned
from projections.silences import SilentTrigger
from projections.unassigned import Unassigned
from services.application.doctor import webhooks
from services.application.doctor.finding import Diagnosis, passing, problem, well
from services.application.installation import Installation
from services.application.kinds import ledgers_in_force
from services.gateway import stops
from services.projector.run import lag
from services.storage.database import borrow

PUSHED_WITHIN = timedelta(minutes=5)
NAMED_MAX = 10


async def findings(installation: Installation, now: datetime) -> AsyncIterator[Diagnosis]:
    """All of it."""
    yield await _projections(installation)
    yield await _requests(installation)
    yield await _pushes(installation, now)
    async for finding in _ledgers(installation):
        yield finding
    async for finding in _stalls(installation):
        yield finding
    async for finding in _silences(installation):
        yield finding
    async for finding in late_rules(installation, now):
        yield finding
    async for finding in unassigned_leads(installation):
        yield finding
    async for finding in webhooks.findings(installation):
        yield finding


async def _projections(installation: Installation) -> Diagnosis:
    subject = sentence("doctor.projections")
    found = await lag(installation.pool, installation.events)
    behind = tuple(
        sentence("doctor.projection_behind", name=name, count=events)
        for name, events in found.items()
        if events
    )
    if not behind:
        return well(subject, sentence("doctor.projections_current"))
    told = sentence("doctor.projections_behind", projections=behind)
    return passing(subject, told, sentence("remedy.read_the_log"))


async def _requests(installation: Installation) -> Diagnosis:
    async with borrow(installation.pool) as connection:
        lost = await requests.unaccounted(connection, limit=NAMED_MAX)
        states = await requests.standing(connection)
    subject = sentence("doctor.requests")
    found = sentence(
        "doctor.requests_are",
        assigned=states.get("assigned", 0),
        waiting=states.get("waiting", 0),
        closed=states.get("closed", 0),
    )
    if not lost:
        return well(subject, found)
    named = tuple(request.request_id for request in lost)
    return problem(subject, found, sentence("remedy.report_lost_requests", requests=named))


async def _pushes(installation: Installation, now: datetime) -> Diagnosis:
    """What is under way to Kommo; an account that Kommo refuses has a finding of its own."""
    async with borrow(installation.pool) as connection:
        backlog = await assignments.backlog(connection)
        stopped = await stops.all_stops(connection)
    subject = sentence("doctor.pushes")
    if not backlog:
        return well(subject, sentence("doctor.nothing_pending"))
    oldest = now - min(part.oldest_at for part in backlog)
    found = sentence(
        "doctor.pending",
        count=sum(part.leads for part in backlog),
        since=max(0, int(oldest.total_seconds())),
    )
    is_late = any(
        now - part.oldest_at > PUSHED_WITHIN and part.account_id not in stopped for part in backlog
    )
    if is_late:
        return problem(subject, found, sentence("remedy.kommo_does_not_take_them"))
    return well(subject, found)


async def _ledgers(installation: Installation) -> AsyncIterator[Diagnosis]:
    async with borrow(installation.pool) as connection:
        unbalanced = await fairness.unbalanced(connection)
        widest = await fairness.widest_deviations(connection)
        beyond = await fairness.beyond(connection)
        in_kind = await fairness.beyond_in_kind(connection)
        names = {
            account_id: await ledgers_in_force(connection, account_id) for account_id, _ in in_kind
        }
    subject = sentence("doctor.ledgers")
    if unbalanced:
        found = sentence("doctor.ledgers_unbalanced", count=len(unbalanced))
        yield problem(subject, found, sentence("remedy.rebuild_fairness"))
    else:
        yield well(subject, sentence("doctor.ledgers_balanced"))
    for each in widest:
        account_id = each.account_id
        far = [share for owner, share in beyond if owner == account_id]
        yield _fairness(each, far)
        if far_in_kind := [share for owner, share in in_kind if owner == account_id]:
            yield _unfair_in_kind(account_id, far_in_kind, names[account_id])


def _fairness(widest: fairness.Widest, far: list[fairness.Share]) -> Diagnosis:
    """How far managers are from their fair share now, and were ever (D3.5)."""
    subject = sentence("doctor.fairness", account=widest.account_id)
    if far:
        named = tuple(
            sentence("doctor.far_off", manager=share.manager_id, units=share.meter_units)
            for share in far
        )
        report = sentence("remedy.report_unfairness", manager=far[0].manager_id)
        return problem(subject, sentence("doctor.unfair", managers=named), report)
    if widest.units >= widest.promised_units:
        return well(subject, sentence("doctor.fair_now", units=widest.units))
    return well(subject, sentence("doctor.fair", units=widest.units))


def _unfair_in_kind(account_id: int, far: list[fairness.KindShare], ledgers: Ledgers) -> Diagnosis:
    """How far managers are from their fair share of a kind of leads now (D3.9)."""
    named = tuple(
        sentence(
            "doctor.far_off_in_kind",
            manager=share.manager_id,
            units=share.meter_units,
            kind=kind_name(ledgers, share.ledger, share.what, share.kind),
        )
        for share in far[:NAMED_MAX]
    )
    return problem(
        sentence("doctor.fairness_in_kind", account=account_id),
        sentence("doctor.unfair_in_kind", managers=named),
        sentence("remedy.report_unfairness", manager=far[0].manager_id),
    )


async def _stalls(installation: Installation) -> AsyncIterator[Diagnosis]:
    async with borrow(installation.pool) as connection:
        stalled = await stalls.present(connection)
    for stall in stalled:
        told = sentence("doctor.stalled", since=stall.stalled_at)
        yield _rule(stall.account_id, stall.rule_id, told, sentence("remedy.give_shifts"))


async def _silences(installation: Installation) -> AsyncIterator[Diagnosis]:
    async with borrow(installation.pool) as connection:
        found = await silences.present(connection)
    for each in found:
        yield silent_of(each)


def silent_of(trigger: SilentTrigger) -> Diagnosis:
    """A trigger of the widget that was deleted in Kommo, as it seems (D1.8)."""
    told = sentence(
        "doctor.trigger_silent",
        rule=trigger.rule_id,
        stage=Stage(trigger.pipeline_id, trigger.stage_id),
        since=trigger.since,
    )
    return _rule(trigger.account_id, trigger.rule_id, told, sentence("remedy.open_trigger"))


async def late_rules(installation: Installation, now: datetime) -> AsyncIterator[Diagnosis]:
    """Rules whose leads are often touched later than they should be (D12.1)."""
    async with borrow(installation.pool) as connection:
        found = await response.late_rules(connection, now=now)
    for each in found:
        told = sentence("doctor.late_touches", late=each.late, leads=response.LAST_LEADS)
        yield _rule(each.account_id, each.rule_id, told, sentence("remedy.look_at_speed"))


def _rule(account_id: int, rule_id: str, found: Sentence, remedy: Sentence) -> Diagnosis:
    """Somebody has to see to a rule."""
    return problem(sentence("doctor.rule", rule=rule_id, account=account_id), found, remedy)


async def unassigned_leads(installation: Installation) -> AsyncIterator[Diagnosis]:
    """Open leads whose request ended without a manager, and why (D1.6, D7.3)."""
    async with borrow(installation.pool) as connection:
        found = await unassigned.by_reason(connection)
    for group in found:
        yield left_over(group)


def left_over(group: Unassigned) -> Diagnosis:
    """Leads that ended without a manager for one reason."""
    count, example, since = group.leads, group.example_id, group.since
    leads = sentence("doctor.unassigned_leads", account=group.account_id)
    match group.reason:
        case "pass_exhausted" | "hops_exhausted":
            return problem(
                sentence("doctor.passes", rule=group.detail, account=group.account_id),
                sentence("doctor.stranded", count=count, example=example, since=since),
                sentence("remedy.name_duty"),
            )
        case "rejected":
            told = sentence(
                "doctor.refused_leads",
                count=count,
                example=example,
                since=since,
                words=group.detail,
            )
            return problem(leads, told, sentence("remedy.refused_leads"))
        case "no_rule":
            told = sentence("doctor.leads_without_rule", count=count, example=example, since=since)
            return passing(leads, told, sentence("remedy.leads_without_rule"))
        case "suspended":
            told = sentence("doctor.suspended_leads", count=count, example=example, since=since)
            return problem(leads, told, sentence("remedy.suspended_leads"))
        case "kept":
            return well(leads, sentence("doctor.kept_leads", count=count, example=example))
        case _:
            assert_never(group.reason)
