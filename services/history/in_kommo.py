"""What Kommo's side must show: writes that carry out decisions, people who are respected."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from services.history.books import Books, DecisionBook
from services.history.record import Change, History, Write
from services.history.verdict import Verdict


def check_writes(history: History, books: Books, verdict: Verdict) -> None:
    """I4: every write carries out a decision that stood; I5: and none over a known person's."""
    decisions: defaultdict[tuple[int, int], list[DecisionBook]] = defaultdict(list)
    for book in books.decisions.values():
        decisions[book.event.lead_id, book.event.manager_id].append(book)
    applied: Counter[tuple[int, int]] = Counter()
    undone = _undone(history.changes)
    for write in history.writes:
        key = (write.lead_id, write.manager_id)
        until = write.at + history.clock_skew
        earlier = [book for book in decisions[key] if book.event.at <= until]
        followed = sum(at <= until for at in books.handovers.get(key, ()))
        if not verdict.check(
            "I4",
            earlier or followed,
            f"a decision for manager {write.manager_id} before the write of {write.at.isoformat()}",
            f"decided at {decisions[key][0].event.at.isoformat()}" if decisions[key] else "none",
            lead_id=write.lead_id,
        ):
            continue
        if not followed:
            _check_stands(history, write, earlier, verdict)
        applied[key] += write.is_applied
        verdict.check(
            "I4",
            applied[key] <= len(earlier) + followed + undone[key],
            f"one write for each of {len(earlier) + followed} decisions for manager"
            f" {write.manager_id}",
            f"write {applied[key]} at {write.at.isoformat()}",
            lead_id=write.lead_id,
        )


def _check_stands(
    history: History, write: Write, decisions: list[DecisionBook], verdict: Verdict
) -> None:
    withdrawn = [
        book.ended
        for book in decisions
        if book.ended is not None and book.state in ("failed", "withdrawn")
    ]
    last = max(withdrawn, key=lambda event: event.at, default=None)
    if last is None or len(withdrawn) < len(decisions):
        return
    by_person = getattr(last, "reason", "") == "taken_by_person"
    verdict.check(
        "I5" if by_person else "I4",
        write.at <= last.at + history.under_way,
        f"no write for manager {write.manager_id} after their decision was withdrawn at"
        f" {last.at.isoformat()} ({getattr(last, 'reason', '')})",
        f"a write at {write.at.isoformat()}",
        lead_id=write.lead_id,
    )


def _undone(changes: Iterable[Change]) -> Counter[tuple[int, int]]:
    """How often people took a lead from whom we gave it to: they may then be written again.

    A read after an unknown outcome cannot tell that from a write that never arrived.
    """
    found: Counter[tuple[int, int]] = Counter()
    for change in changes:
        if not change.is_ours and change.old_id is not None:
            found[change.lead_id, change.old_id] += 1
    return found


def check_end(history: History, books: Books, verdict: Verdict) -> None:
    """I5: Kommo holds the last decision, or a person changed it and the log says so."""
    for (request_id, attempt), book in books.decisions.items():
        verdict.check(
            "I5",
            book.state != "pending",
            f"decision {request_id}/{attempt} for manager {book.event.manager_id} confirmed or"
            " withdrawn in the end",
            "pending",
            lead_id=book.event.lead_id,
            version=book.version,
        )
    people: defaultdict[int, list[Change]] = defaultdict(list)
    for change in history.changes:
        if not change.is_ours:
            people[change.lead_id].append(change)
    for lead in history.leads:
        newest = books.newest.get(lead.lead_id)
        if newest is None or not lead.is_open:
            continue
        known = books.known.get(lead.lead_id)
        verdict.check(
            "I5",
            known == lead.responsible_id,
            f"responsible {known}, as the log says",
            f"{lead.responsible_id} in Kommo",
            lead_id=lead.lead_id,
        )
        if newest.state == "confirmed" and newest.event.manager_id != lead.responsible_id:
            since = newest.event.at - history.under_way - history.hooks_late
            ours = books.handovers.get((lead.lead_id, lead.responsible_id), ())
            verdict.check(
                "I5",
                any(at >= since for at in (*ours, *(each.at for each in people[lead.lead_id]))),
                f"manager {newest.event.manager_id} responsible, as last decided, or a person's"
                " later change",
                f"{lead.responsible_id}, and nobody who changed it",
                lead_id=lead.lead_id,
                version=newest.version,
            )
