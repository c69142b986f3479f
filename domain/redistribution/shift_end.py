"""What becomes of leads whose manager goes home (D9.4).

At the end of a shift Kommo is asked about the leads of which nothing was heard, as before a lapse;
what nobody has touched when the answers had their time is handed over as one order. While nobody
is at work everything stays, until the next shift of theirs ends; so does a lead in a stage that
nobody at work may see.
"""

from datetime import timedelta

from contracts.events import HandoverOrdered, LeadAssigned
from domain.choosing.standings import availability
from domain.commands import orders
from domain.configuration import Rule
from domain.redistribution.clocks import READ_WITHIN, ask_for_touches
from domain.redistribution.patience import ShiftEnd
from domain.requests.readings import rules_at
from domain.step import Step
from domain.timers import due_at, schedule

SHIFT_TIMER = "shift"  # then the rule and the manager
LEADS_PER_ORDER_MAX = orders.LEADS_MAX
_SOON = timedelta(seconds=1)


def settle_shifts(step: Step) -> None:
    """Set the timers of managers who were given a lead by a rule that looks at ends of shifts."""
    for event in step.events:
        if not isinstance(event, LeadAssigned) or event.policy == "duty":
            continue
        rule = step.account.configuration.by_id.get(event.rule_id)
        timer_id = _timer(event.rule_id, event.manager_id)
        if rule is not None and rule.shift_end is not None and due_at(step, timer_id) is None:
            _wait(step, rule, rule.shift_end, event.manager_id)


def on_shift_end(step: Step, subject: str) -> None:
    """A manager's timer came due: ask about their leads, hand over what nobody touched, or wait."""
    rule_id, _, manager = subject.rpartition("/")
    manager_id, timer_id = int(manager), _timer(rule_id, int(manager))
    rule = step.account.configuration.by_id.get(rule_id)
    works_by = rule.schedule_of(manager_id) if rule is not None else None
    if rule is None or rule.shift_end is None or works_by is None:
        schedule(step, timer_id, None)
        return
    lead_ids = _theirs(step, rule, rule.shift_end, manager_id)
    asked = _asked(step, rule.shift_end, lead_ids, timer_id)
    is_home = not works_by.is_open(step.now) and (
        bool(asked) or not rule.shift_end.is_break(works_by, step.now)
    )
    leaving = _that_may_go(step, rule, lead_ids) if is_home else []
    if not lead_ids:
        schedule(step, timer_id, None)  # the next lead sets it again
    elif not leaving:
        _wait(step, rule, rule.shift_end, manager_id)
    elif ready := [i for i in leaving if rule.shift_end.takes_all or i in asked]:
        _hand_over(step, rule, manager_id, ready[:LEADS_PER_ORDER_MAX])
        if len(leaving) > LEADS_PER_ORDER_MAX:
            schedule(step, timer_id, step.now + _SOON)
        else:
            _wait(step, rule, rule.shift_end, manager_id)
    else:
        _ask(step, leaving[:LEADS_PER_ORDER_MAX], timer_id)


def _theirs(step: Step, rule: Rule, shift_end: ShiftEnd, manager_id: int) -> list[int]:
    """The leads that are to be handed over, by age; those that wait are on their way already."""
    account = step.account
    if shift_end.takes_all:
        found = [
            lead_id
            for lead_id, lead in account.leads.items()
            if lead.owner_id == manager_id and rule in rules_at(step, lead.stage)
        ]
    else:
        found = [
            lead_id
            for lead_id, offer in account.offers.items()
            if offer.manager_id == manager_id
            and offer.rule_id == rule.rule_id
            and offer.held_at is not None
        ]
    return sorted(lead_id for lead_id in found if account.waiting_of(lead_id) is None)


def _that_may_go(step: Step, rule: Rule, lead_ids: list[int]) -> list[int]:
    """Those that somebody at work may have; another would wait at the head of the queue."""
    account = step.account
    stages = dict.fromkeys(account.leads[lead_id].stage for lead_id in lead_ids)
    somebody_in = {
        stage: any(
            participant.weight
            and availability(account, participant.manager_id, participant.schedule, step.now, stage)
            == "eligible"
            for participant in rule.participants
        )
        for stage in stages
    }
    return [lead_id for lead_id in lead_ids if somebody_in[account.leads[lead_id].stage]]


def _asked(step: Step, shift_end: ShiftEnd, lead_ids: list[int], timer_id: str) -> set[int]:
    """Those of them about which Kommo was asked for this end of a shift."""
    if shift_end.takes_all:
        return set()
    offers, until = step.account.offers, due_at(step, timer_id)
    return {lead_id for lead_id in lead_ids if offers[lead_id].decide_at == until}


def _ask(step: Step, lead_ids: list[int], timer_id: str) -> None:
    for lead_id in lead_ids:
        ask_for_touches(step, lead_id, step.account.offers[lead_id])
    schedule(step, timer_id, step.now + READ_WITHIN)


def _hand_over(step: Step, rule: Rule, manager_id: int, lead_ids: list[int]) -> None:
    orders.open_handover(
        step,
        HandoverOrdered(
            handover_id=f"{SHIFT_TIMER}/{step.account.version + 1}",
            manager_id=manager_id,
            by="clock",
            rule_id=rule.rule_id,
            lead_ids=tuple(lead_ids),
            skipped=(),
            at=step.now,
            because="shift_end",
        ),
    )


def _wait(step: Step, rule: Rule, shift_end: ShiftEnd, manager_id: int) -> None:
    """For the end of the shift that is on, or of the next one."""
    ends_at = shift_end.ends_at(rule.schedule_of(manager_id), step.now)
    schedule(step, _timer(rule.rule_id, manager_id), ends_at)


def _timer(rule_id: str, manager_id: int) -> str:
    return f"{SHIFT_TIMER}/{rule_id}/{manager_id}"
