"""What was told must be kept: hooks that were accepted, entries into the stages of the rules."""

from collections import Counter
from collections.abc import Iterable

from contracts.events import ORDERED, AllocationEvent, LookupRequested, RequestOpened
from contracts.inbound import Inbound, LeadRemoved, LeadReported, TouchReported, TriggerFired
from contracts.stage import Stage
from services.history.record import History
from services.history.verdict import Verdict

# What Kommo itself says, other than a hook.
READ = ("lookup", "sweep")


def check_hooks(history: History, verdict: Verdict) -> None:
    """I1: what we said yes to is in the inbound log, or was kept for a person."""
    accepted = Counter((h.lead_id, h.kind) for h in history.hooks if h.is_accepted)
    set_aside = set(history.set_aside_lead_ids)
    if history.inbound is not None:
        durable = _told(history.inbound)
        where = "in the inbound log"
    else:  # a repeat leaves no trace among the events: that the lead is known has to do
        mentioned = {getattr(r.event, "lead_id", None) for r in history.events}
        durable = Counter({key: n for key, n in accepted.items() if key[0] in mentioned})
        where = "among the events"
    for (lead_id, kind), count in accepted.items():
        verdict.check(
            "I1",
            durable[lead_id, kind] >= count or lead_id in set_aside,
            f"{count} accepted hooks of kind {kind} {where}",
            f"{durable[lead_id, kind]}",
            lead_id=lead_id,
        )


def _told(inbound: Iterable[Inbound]) -> Counter[tuple[int, str]]:
    found: Counter[tuple[int, str]] = Counter()
    for message in inbound:
        match message.body:
            case TriggerFired(lead_id=lead_id):
                found[lead_id, "trigger"] += 1
            case (
                LeadReported(lead_id=lead_id)
                | LeadRemoved(lead_id=lead_id)
                | TouchReported(lead_id=lead_id)
            ):
                found[lead_id, "webhook"] += 1
            case _:
                pass
    return found


def check_entries(history: History, verdict: Verdict) -> None:
    """I2: who entered a stage and is still there was asked for. I3: once for each entry."""
    requests = _requests(event.event for event in history.events)
    entries = Counter((e.lead_id, e.stage) for e in history.entries or ())
    if history.entries is not None:
        for key, count in requests.items():
            # Other stages may be entered without anybody keeping count.
            if key in entries:
                verdict.check(
                    "I3",
                    count <= entries[key],
                    f"a request for each of {entries[key]} entries into {_words(key[1])}",
                    f"{count} requests",
                    lead_id=key[0],
                )
    if history.is_settled:
        told = {
            (hook.lead_id, hook.stage): None
            for hook in history.hooks
            if hook.is_accepted and hook.stage is not None
        }
        there = {(lead.lead_id, lead.stage) for lead in history.leads if lead.is_open}
        for lead_id, stage in {**told, **dict.fromkeys(entries)}:
            if (lead_id, stage) in there:
                verdict.check(
                    "I2",
                    requests[lead_id, stage] > 0,
                    f"a request for the lead that entered {_words(stage)} and is still there",
                    "none",
                    lead_id=lead_id,
                )


def _requests(events: Iterable[AllocationEvent]) -> Counter[tuple[int, Stage]]:
    """How often a lead asked in a stage, without a person's order.

    What a hook alone had taken back, and a reading found as it was, asks again for the same entry
    (S2).
    """
    found: Counter[tuple[int, Stage]] = Counter()
    asked_in: dict[int, Stage] = {}
    on_hearsay: dict[int, Stage] = {}
    for event in events:
        match event:
            case LookupRequested(lead_id=lead_id, reason="taken_by_hearsay"):
                if lead_id in asked_in:
                    on_hearsay[lead_id] = asked_in[lead_id]
            case RequestOpened(lead_id=lead_id, stage=stage, source=source):
                is_again = source in READ and on_hearsay.pop(lead_id, None) == stage
                asked_in[lead_id] = stage
                if not is_again and source not in ORDERED:
                    found[lead_id, stage] += 1
            case _:
                pass
    return found


def _words(stage: Stage) -> str:
    return f"stage {stage.pipeline_id}/{stage.status_id}"
