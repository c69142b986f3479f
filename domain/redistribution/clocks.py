"""Passing on leads that nobody works on: clocks, lapses, passes (D7.1 to D7.3, D7.5, D7.6).

A clock runs from the instant at which Kommo shows our manager as responsible. When it is over,
and somebody is there who could take the lead, Kommo is asked what was done to it; only then, or
when Kommo has not answered for a while, the lead lapses and goes to the next by the fair share.
"""

from collections.abc import Sequence
from datetime import timedelta

from contracts.events import LeadLapsed, LeadTouched, Standing, TouchesRequested
from contracts.inbound import PassLeadOn, TakeLead, TouchesRead
from domain.choosing.standings import AT_WORK, judge, next_look
from domain.configuration import Rule
from domain.redistribution.patience import Redistribution
from domain.requests.backlog import drain, is_drained_in_pieces
from domain.requests.queue import is_behind
from domain.requests.serving import end_pass, serve
from domain.state import LAPSE_TIMER, Offer, Request
from domain.state.request import LAPSED
from domain.step import Step
from domain.timers import schedule

READ_WITHIN = timedelta(minutes=10)


def on_clock(step: Step, lead_id: int) -> None:
    """A lead's timer came due: its clock may be over, or Kommo's answer overdue."""
    offer = step.account.offers.get(lead_id)
    if offer is None or offer.held_at is None or offer.written_at is None:
        schedule(step, _timer(lead_id), None)
        return
    timer_id, due_at = _timer(lead_id), step.account.timers[_timer(lead_id)].due_at
    rule = step.account.configuration.by_id[offer.rule_id]
    if (patience := rule.redistribution) is None:  # it was asked about for the end of a shift
        schedule(step, timer_id, None)
        return
    works_by = rule.schedule_of(offer.manager_id)
    if not patience.is_over(offer.held_at, step.now, works_by):  # the schedule has changed
        schedule(step, timer_id, patience.ends_at(offer.held_at, works_by))
    elif _waits_for_somebody(step, lead_id, offer):
        return
    elif due_at == offer.decide_at:
        _lapse(step, lead_id, offer, is_read=False)
    else:
        ask_for_touches(step, lead_id, offer)


def ask_for_touches(step: Step, lead_id: int, offer: Offer) -> None:
    """Have Kommo asked what was done to an offered lead, and wait for the answer for a while."""
    assert offer.written_at is not None, "who holds a lead was written"
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
    schedule(step, _timer(lead_id), decide_at)


def on_read(step: Step, message: TouchesRead) -> None:
    """Kommo was asked, and told of nothing that counts: the lead lapses."""
    offer = step.account.offers.get(message.lead_id)
    if offer is None or offer.decide_at is None:
        return
    is_about_it = (offer.request_id, offer.attempt) == (message.request_id, message.attempt)
    if (
        is_about_it
        and _is_over(step, offer)
        and not _waits_for_somebody(step, message.lead_id, offer)
    ):
        _lapse(step, message.lead_id, offer, is_read=True)


def take(step: Step, message: TakeLead) -> None:
    """Stop the clock of the lead for good: its manager says that it is theirs (D7.6)."""
    offer = _offer_of(step, "take", message.lead_id, message.manager_id)
    if offer is not None:
        step.record(
            LeadTouched(
                request_id=offer.request_id,
                attempt=offer.attempt,
                lead_id=message.lead_id,
                manager_id=offer.manager_id,
                kind="taken",
                by=offer.manager_id,
                happened_at=step.now,
                at=step.now,
            )
        )


def pass_on(step: Step, message: PassLeadOn) -> None:
    """End the turn of the manager who gives the lead up, as a lapse would (D7.6)."""
    lead_id = message.lead_id
    offer = _offer_of(step, "pass_on", lead_id, message.manager_id)
    if offer is None:
        return
    if step.account.configuration.by_id[offer.rule_id].redistribution is None:
        step.refuse("pass_on", "no_clock_runs", lead=lead_id)
        return
    if offer.held_at is None:
        step.refuse("pass_on", "distribution_under_way", lead=lead_id)
        return
    rule, _ = _rule_of(step, offer)
    standings = judge(step.account, rule, step.now, passed_on(step, lead_id, offer))
    if _is_off_hours(rule, standings):
        step.refuse("pass_on", "nobody_to_pass_to", lead=lead_id)
        return
    _lapse(step, lead_id, offer, is_read=False, given_up=message)


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
            rule = account.configuration.by_id[offer.rule_id]
            if (patience := rule.redistribution) is not None:
                works_by = rule.schedule_of(offer.manager_id)
                schedule(step, timer_id, patience.ends_at(offer.held_at, works_by))


def _is_over(step: Step, offer: Offer) -> bool:
    """Whether it was asked about because its clock is over, not because a shift ends."""
    rule = step.account.configuration.by_id[offer.rule_id]
    if rule.redistribution is None or offer.held_at is None:
        return False
    works_by = rule.schedule_of(offer.manager_id)
    return rule.redistribution.is_over(offer.held_at, step.now, works_by)


def _waits_for_somebody(step: Step, lead_id: int, offer: Offer) -> bool:
    """Whether the lead stays with its manager until the next shift of anybody.

    A clock that counts working time is often over at the very end of a shift.
    """
    rule, _ = _rule_of(step, offer)
    standings = judge(step.account, rule, step.now, passed_on(step, lead_id, offer))
    is_off_hours = _is_off_hours(rule, standings)
    if is_off_hours:
        schedule(step, _timer(lead_id), next_look(step.account, rule, standings, step.now))
    return is_off_hours


def _is_off_hours(rule: Rule, standings: Sequence[Standing]) -> bool:
    """Whether the lead stays where it is until somebody's next shift."""
    verdicts = [standing.verdict for standing in standings]
    is_anybody_there = any(verdict in AT_WORK for verdict in verdicts)
    return rule.off_hours != "duty" and "off_shift" in verdicts and not is_anybody_there


def _lapse(
    step: Step, lead_id: int, offer: Offer, *, is_read: bool, given_up: PassLeadOn | None = None
) -> None:
    rule, patience = _rule_of(step, offer)
    request = passed_on(step, lead_id, offer)
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
            passed_on_by=None if given_up is None else given_up.by,
            reason="" if given_up is None else given_up.reason,
        )
    )
    if patience.hops_max is not None and len(offer.tried) >= patience.hops_max:
        end_pass(step, rule, request, "hops_exhausted")
        return
    if is_behind(step.account, rule, request) and not is_drained_in_pieces(step):
        drain(step)  # an older one waits, perhaps for what has just begun (D5.3)
    if serve(step, rule, request):
        step.has_room = True


def _offer_of(step: Step, command: str, lead_id: int, manager_id: int | None) -> Offer | None:
    """The offer that somebody speaks of; None, and refused, where it is not theirs to speak of."""
    offer = step.account.offers.get(lead_id)
    if offer is None:
        step.refuse(command, "no_clock_runs", lead=lead_id)
        return None
    if manager_id not in (None, offer.manager_id):
        step.refuse(command, "lead_is_anothers", lead=lead_id, manager=offer.manager_id)
        return None
    return offer


def passed_on(step: Step, lead_id: int, offer: Offer) -> Request:
    """The request of a lead that its manager lets lapse."""
    return Request(
        request_id=offer.request_id,
        number=int(offer.request_id.rpartition(".")[2]),
        lead_id=lead_id,
        rule_id=offer.rule_id,
        stage=step.account.leads[lead_id].stage,
        opened_at=step.now,
        attempt=offer.attempt + 1,
        tried=(*offer.tried, offer.manager_id),
        state=LAPSED,
        kinds=offer.kinds,
    )


def _rule_of(step: Step, offer: Offer) -> tuple[Rule, Redistribution]:
    rule = step.account.configuration.by_id[offer.rule_id]
    assert rule.redistribution is not None, "an offer is of a rule that passes leads on"
    return rule, rule.redistribution


def _timer(lead_id: int) -> str:
    return f"{LAPSE_TIMER}{lead_id}"
