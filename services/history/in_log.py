"""What the log alone must show: no gap, no request without a fate, nothing twice, in order."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from contracts.events import LeadAssigned, Recorded
from services.history.books import Books, RequestBook
from services.history.verdict import Verdict


def check_versions(events: Sequence[Recorded], verdict: Verdict) -> bool:
    """I6: versions 1, 2, 3, ... of one account; whether the log can be replayed at all."""
    is_whole = True
    for number, recorded in enumerate(events, start=1):
        place = (recorded.account_id, recorded.version)
        is_whole &= verdict.check(
            "I6",
            place == (verdict.account_id, number),
            f"version {number} of account {verdict.account_id} next",
            f"version {recorded.version} of account {recorded.account_id}",
            version=recorded.version,
        )
        if not is_whole:
            break  # all that follow are displaced by the same
    return is_whole


def steps(events: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """The events that answer one message each: recorded together or not at all."""
    return (list(group) for _, group in groupby(events, key=lambda recorded: recorded.cause))


def check_step(books: Books, step: Sequence[Recorded], verdict: Verdict) -> None:
    """I2: after a message was answered, none of the requests it touched is left undecided."""
    last = step[-1].version
    touched = dict.fromkeys(
        request_id
        for recorded in step
        if (request_id := getattr(recorded.event, "request_id", None)) is not None
    )
    for request_id in touched:
        request = books.requests.get(request_id)
        if request is not None:
            verdict.check(
                "I2",
                request.state != "undecided",
                f"request {request_id} assigned, waiting or closed when its message is answered",
                request.state,
                lead_id=request.lead_id,
                version=last,
            )


def check_waiting(books: Books, verdict: Verdict) -> None:
    """I2: somebody will look again at everything that waits."""
    for request_id, request in books.requests.items():
        if request.state == "waiting":
            _, due_at = books.timers.get(request.timer_id, (0, None))
            verdict.check(
                "I2",
                due_at is not None,
                f"an instant at which the waiting request {request_id} is looked at again",
                f"no timer {request.timer_id}",
                lead_id=request.lead_id,
            )


def check_decision(books: Books, recorded: Recorded, verdict: Verdict) -> None:
    """I3 and I10 of one decision, held against the books before it."""
    event = recorded.event
    assert isinstance(event, LeadAssigned), "a decision"  # noqa: S101 - the caller chose it
    where = {"lead_id": event.lead_id, "version": recorded.version}
    request = books.requests.get(event.request_id)
    name = f"{event.request_id}/{event.attempt}"
    if not verdict.check(
        "I3",
        request is not None,
        f"decision {name} to answer a request that was opened",
        "no such request",
        **where,
    ):
        return
    assert request is not None, "just checked"  # noqa: S101
    before = books.decisions.get((event.request_id, request.attempts))
    verdict.check(
        "I3",
        request.state != "closed"
        and event.attempt == request.attempts + 1
        and (before is None or before.is_over),
        f"one decision about request {event.request_id}, or one more after it was taken back",
        f"decision {name} of a request that is {request.state}, attempt {request.attempts} being"
        f" {before.state if before else 'none'}",
        **where,
    )
    verdict.check(
        "I10", event.turn == books.turns + 1, f"turn {books.turns + 1}", event.turn, **where
    )
    # An owner's lead stands in no queue (D6.2), nor does one that is passed on (D7.3).
    is_apart = event.policy == "owner" or (before is not None and before.is_lapsed)
    overtaken = [] if is_apart else _waiting_before(books, event.rule_id, request)
    verdict.check(
        "I10",
        not overtaken,
        f"older requests of rule {event.rule_id!r} to be served before {event.request_id}",
        f"{', '.join(overtaken[:3])} waiting",
        **where,
    )


def check_order(events: Sequence[Recorded], verdict: Verdict) -> None:
    """I10: times never go back within an account (F64)."""
    for earlier, later in pairwise(events):
        verdict.check(
            "I10",
            earlier.event.at <= later.event.at,
            f"a time not before {earlier.event.at.isoformat()}",
            later.event.at.isoformat(),
            version=later.version,
        )


def _waiting_before(books: Books, rule_id: str, request: RequestBook) -> list[str]:
    queue = books.queues.get(rule_id, {}) if rule_id not in books.paced else {}
    return [other_id for other_id, other in queue.items() if other.number < request.number]
