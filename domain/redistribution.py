"""Passing on leads that nobody works on: clocks, lapses, passes (D7.1 to D7.3, D7.5).

A clock runs from the instant at which Kommo shows our manager as responsible. When it is over,
and somebody is there who could take the lead, Kommo is asked what was done to it; only then, or
when Kommo has not answered for a while, the lead lapses and goes to the next by the fair share.
"""

from datetime import timedelta

from contracts.events import LeadLapsed, TouchesRequested
from contracts.inbound import TouchesRead
from domain.account import LAPSE_TIMER, Request
from domain.configuration import Rule
from domain.offers import Offer
from domain.patience import Redistribution
from domain.requests import drain, end_pass, is_behind, is_drained_in_pieces, serve
from domain.standings import AT_WORK, judge, next_look
from domain.step import Step
from domain.timers import schedule

READ_WITHIN = timedelta(minutes=10)


def on_clock(step: Step, lead_id: int) -> None:
    """A lead's timer came due: its clock may be over, or Kommo's answer overdue."""
    offer = step.account.offers.get(lead_id)
    if offer is None or offer.held_at is None or offer.written_at is None:
        schedule(step, _timer(lead_id), None)
        return
    rule, patience = _rule_of(step, offer)
    works_by = rule.schedule_of(offer.manager_id)
    timer_id, due_at = _timer(lead_id), step.account.timers[_timer(lead_id)].due_at
    if not patience.is_over(offer.held_at, step.now, works_by):  # the schedule has changed
        schedule(step, timer_id, patience.ends_at(offer.held_at, works_by))
    elif _waits_for_somebody(step, lead_id, offer):
        return
    elif due_at == offer.decide_at:
        _lapse(step, lead_id, offer, is_read=False)
    else:
        decide_at = step.now + READ_WITHIN
        step.record(
            TouchesRequested(
                request_id=offer.request_id,
                attempt=offer.attempt,
                lead_id=lead_id,
                manager_id=offer.manager_id,
                since=offer.written_at,
                decide_at=decide_at,
                at=step.now,
            )
        )
        schedule(step, timer_id, decide_at)


def on_read(step: Step, message: TouchesRead) -> None:
    """Kommo was asked, and told of nothing that counts: the lead lapses."""
    offer = step.account.offers.get(message.lead_id)
    if offer is None or offer.decide_at is None:
        return
    is_about_it = (offer.request_id, offer.attempt) == (message.request_id, message.attempt)
    if is_about_it and not _waits_for_somebody(step, message.lead_id, offer):
        _lapse(step, message.lead_id, offer, is_read=True)


def settle_clocks(step: Step) -> None:
    """Set the timers of the clocks that this step started, cancel those of the ones it ended."""
    account = step.account
    concerned = {lead_id: None for e in step.events if (lead_id := getattr(e, "lead_id", None))}
    for lead_id in concerned:
        offer, timer_id = account.offers.get(lead_id), _timer(lead_id)
        timer = account.timers.get(timer_id)
        if offer is None or offer.held_at is None:
            if timer is not None:
                schedule(step, timer_id, None)
        elif timer is None:
            rule, patience = _rule_of(step, offer)
            works_by = rule.schedule_of(offer.manager_id)
            schedule(step, timer_id, patience.ends_at(offer.held_at, works_by))


def _waits_for_somebody(step: Step, lead_id: int, offer: Offer) -> bool:
    """Whether the lead stays with its manager until the next shift of anybody.

    A clock that counts working time is often over at the very end of a shift.
    """
    rule, _ = _rule_of(step, offer)
    standings = judge(step.account, rule, step.now, (*offer.tried, offer.manager_id))
    verdicts = [standing.verdict for standing in standings]
    is_anybody_there = any(verdict in AT_WORK for verdict in verdicts)
    is_off_hours = rule.off_hours != "duty" and "off_shift" in verdicts and not is_anybody_there
    if is_off_hours:
        schedule(step, _timer(lead_id), next_look(step.account, rule, standings, step.now))
    return is_off_hours


def _lapse(step: Step, lead_id: int, offer: Offer, *, is_read: bool) -> None:
    rule, patience = _rule_of(step, offer)
    lead = step.account.leads[lead_id]
    request = Request(
        request_id=offer.request_id,
        number=int(offer.request_id.rpartition(".")[2]),
        lead_id=lead_id,
        rule_id=rule.rule_id,
        stage=lead.stage,
        opened_at=step.now,
        attempt=offer.attempt + 1,
        tried=(*offer.tried, offer.manager_id),
    )
    step.record(
        LeadLapsed(
            request_id=offer.request_id,
            attempt=offer.attempt,
            lead_id=lead_id,
            manager_id=offer.manager_id,
            rule_id=rule.rule_id,
            ledger=offer.ledger,
            charged_units=offer.charged_units,
            nothing_changed=patience.nothing_changed,
            after_s=int(patience.after.total_seconds()),
            on_working_time=patience.on_working_time,
            is_read=is_read,
            offered_at=offer.offered_at,
            tried=request.tried,
            at=step.now,
        )
    )
    if patience.hops_max is not None and len(offer.tried) >= patience.hops_max:
        end_pass(step, rule, request, "hops_exhausted")
        return
    if is_behind(step.account, rule, request) and not is_drained_in_pieces(step):
        drain(step)  # an older one waits, perhaps for what has just begun (D5.3)
    if serve(step, rule, request):
        step.has_room = True


def _rule_of(step: Step, offer: Offer) -> tuple[Rule, Redistribution]:
    rule = step.account.configuration.by_id[offer.rule_id]
    assert rule.redistribution is not None, "an offer is of a rule that passes leads on"
    return rule, rule.redistribution


def _timer(lead_id: int) -> str:
    return f"{LAPSE_TIMER}{lead_id}"
