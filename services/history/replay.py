"""I7: replayed, the log gives the state and the decisions that it gave when it was written."""

from collections import deque
from collections.abc import Sequence

from contracts.events import LeadAssigned, Recorded
from domain import snapshot
from domain.decide import decide
from domain.evolve import evolve
from domain.explain.reproduced import is_reproduced
from domain.state import Account
from services.history.record import History, KeptSnapshot
from services.history.verdict import Verdict


def check_replay(history: History, verdict: Verdict) -> None:
    """From zero and from every snapshot the same digest, and every decision taken again."""
    kept = {each.version: each for each in history.snapshots}
    account = Account(history.account_id)
    last = 0
    try:
        for recorded in history.events:
            last = recorded.version
            evolve(account, recorded.event)
            _check_decision(recorded, verdict)
            if (here := kept.get(last)) is not None:
                _check_digest(account, here, verdict)
    except Exception as error:  # noqa: BLE001 - whatever the engine trips over
        _cannot_replay(verdict, last, error)
        return
    final = snapshot.digest(account)
    for each in history.snapshots:
        _check_tail(history.events, each, final, verdict)
    if history.inbound is not None:
        _decide_again(history, verdict)


def _check_decision(recorded: Recorded, verdict: Verdict) -> None:
    event = recorded.event
    if isinstance(event, LeadAssigned):
        verdict.check(
            "I7",
            is_reproduced(event),
            "the recorded standings to give the recorded decision again",
            f"another than manager {event.manager_id} for {event.reason}",
            lead_id=event.lead_id,
            version=recorded.version,
        )


def _check_digest(account: Account, kept: KeptSnapshot, verdict: Verdict) -> None:
    found = snapshot.digest(account)
    verdict.check(
        "I7",
        found == kept.digest,
        f"replay from zero to give the snapshot's digest {kept.digest.hex()[:16]}",
        found.hex()[:16],
        version=kept.version,
    )


def _check_tail(
    events: Sequence[Recorded], kept: KeptSnapshot, final: bytes, verdict: Verdict
) -> None:
    try:
        account = snapshot.load(kept.state)
        for recorded in events[kept.version :]:
            evolve(account, recorded.event)
    except Exception as error:  # noqa: BLE001 - whatever the engine trips over
        _cannot_replay(verdict, kept.version, error)
        return
    found = snapshot.digest(account)
    verdict.check(
        "I7",
        found == final,
        f"replay from this snapshot to end at the digest {final.hex()[:16]}",
        found.hex()[:16],
        version=kept.version,
    )


def _cannot_replay(verdict: Verdict, version: int, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"
    verdict.check("I7", is_kept=False, expected="a log that folds", found=text, version=version)


def _decide_again(history: History, verdict: Verdict) -> None:
    """Hand every message to a fresh account; stop at the first other answer."""
    assert history.inbound is not None, "the caller looked"  # noqa: S101
    account = Account(history.account_id)
    recorded = deque(history.events)
    quarantined = set(history.quarantined_ids)
    for message in history.inbound:
        if message.message_id in quarantined:
            continue
        if not recorded and not history.is_settled:
            return  # the rest waits to be read
        answer = decide(account, message)
        stored = [recorded.popleft() for _ in range(min(len(answer), len(recorded)))]
        is_same = answer == tuple(r.event for r in stored) and all(
            r.cause == message.message_id for r in stored
        )
        version = stored[0].version if stored else None
        if not verdict.check(
            "I7",
            is_same,
            f"message {message.message_id} ({type(message.body).__name__}), decided again, to give"
            f" what is stored: {_words(stored)}",
            [type(event).__name__ for event in answer],
            lead_id=getattr(message.body, "lead_id", None),
            version=version,
        ):
            return
    if recorded:
        _unanswered(recorded[0], verdict)


def _unanswered(recorded: Recorded, verdict: Verdict) -> None:
    verdict.check(
        "I7",
        is_kept=False,
        expected="every event to answer a message of the inbound log",
        found=f"{type(recorded.event).__name__} caused by {recorded.cause}",
        version=recorded.version,
    )


def _words(stored: Sequence[Recorded]) -> str:
    return ", ".join(f"{type(r.event).__name__} by {r.cause}" for r in stored) or "nothing"
