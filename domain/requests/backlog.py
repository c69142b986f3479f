"""Requests that wait, looked at again: served in order and in pieces (D5.3, D8.2, D6.2)."""

from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import islice
from operator import itemgetter

from domain.owners.judgement import judge_owners
from domain.requests.passing import QueueWalk, may_be_passed
from domain.requests.queue import SERVED_PER_STEP_MAX, look_of, look_timer
from domain.requests.reserved import owner_timer
from domain.requests.serving import place, serve
from domain.state import Request
from domain.state.request import Reserved
from domain.step import Step
from domain.timers import due_at, schedule

MORE_TIMER = "more"  # begins the next piece
# How long the clock may take for that before any message begins it.
CLOCK_WITHIN = timedelta(seconds=1)


def drain(step: Step) -> None:
    """Serve the waiting, oldest first over all rules, until nobody can take more (D5.3, D8.2)."""
    account = step.account
    waiting = account.requests.waiting
    walks = {rule_id: QueueWalk(waiting, rule_id) for rule_id in waiting}
    # The oldest of each rule that may still be served, by its number.
    heads = [(walk.head.number, rule_id) for rule_id, walk in walks.items()]
    heapify(heads)
    served = 0
    while heads and served < SERVED_PER_STEP_MAX:
        _, rule_id = heappop(heads)
        walk, rule = walks[rule_id], account.configuration.by_id[rule_id]
        if serve(step, rule, walk.head):
            served += 1
            goes_on = walk.served()
        else:
            goes_on = may_be_passed(step, rule, walk.head) and walk.passed()
        if goes_on:
            heappush(heads, (walk.head.number, rule_id))
    if not heads:
        return
    for _, rule_id in sorted(heads, key=itemgetter(1)):
        if due_at(step, look_timer(rule_id)) is None:
            schedule(step, look_timer(rule_id), step.now)
    schedule(step, MORE_TIMER, step.now)


def is_drain_due(step: Step) -> bool:
    """Whether there may be somebody for the waiting, or the instant of a rule's look has come."""
    if is_drained_in_pieces(step):
        return False
    waiting = step.account.requests.waiting
    return step.has_room or any(look_of(step, rule_id) <= step.now for rule_id in waiting)


def is_drained_in_pieces(step: Step) -> bool:
    """Whether the next piece of a long backlog waits for its turn among the messages.

    Whatever else the account is told meanwhile does not begin one: a batch of messages would be
    as many pieces, and the other accounts would wait for all of them.
    """
    more_at = due_at(step, MORE_TIMER)
    return more_at is not None and step.now < more_at + CLOCK_WITHIN


def serve_reserved(step: Step) -> None:
    """Look again at the leads kept for owners who may be back, or will not come so soon (D6.2)."""
    account = step.account
    for manager_id in sorted(account.requests.reserved):
        kept = account.requests.reserved[manager_id]
        set_for = due_at(step, owner_timer(manager_id))
        is_due = set_for is None or set_for <= step.now
        if not is_due and not (step.has_room and _may_move(step, next(iter(kept.values())))):
            continue
        in_order = sorted(kept.values(), key=lambda request: request.number)
        if len(in_order) > SERVED_PER_STEP_MAX:
            # Those that an earlier piece left with their owner are not looked at once more.
            moving = (request for request in in_order if _may_move(step, request))
            in_order = list(islice(moving, SERVED_PER_STEP_MAX + 1))
        for request in in_order[:SERVED_PER_STEP_MAX]:
            place(step, account.configuration.by_id[request.rule_id], request)
        if len(in_order) > SERVED_PER_STEP_MAX:
            schedule(step, owner_timer(manager_id), step.now)
        elif is_due and not in_order:
            schedule(step, owner_timer(manager_id), min(map(_back_at, kept.values())))


def _may_move(step: Step, request: Request) -> bool:
    rule = step.account.configuration.by_id[request.rule_id]
    owners = judge_owners(step.account, rule, request, step.now)
    return not owners or owners[-1].back_at != _back_at(request)


def _back_at(request: Request) -> datetime:
    assert isinstance(request.state, Reserved), "it is kept for its owner"
    return request.state.back_at
