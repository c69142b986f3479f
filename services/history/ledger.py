"""I8: the books balance, and every decision was taken on the true state of them."""

from collections import Counter

from contracts.events import AssignmentWithdrawn, CreditMoved, LeadAssigned, LeadKind, Recorded
from contracts.stage import Stage
from services.history.books import Books
from services.history.record import Tables
from services.history.verdict import Verdict


def check_movements(books: Books, recorded: Recorded, verdict: Verdict) -> None:
    """Credit that one event moves, held against the books before it."""
    event = recorded.event
    if not isinstance(event, LeadAssigned | AssignmentWithdrawn | CreditMoved):
        return
    lead_id, version = getattr(event, "lead_id", None), recorded.version
    moved = sum(units for _, units in event.movements)
    if isinstance(event, CreditMoved):
        moved = moved or next((m for *_, each in event.kinds if (m := _sum(each))), 0)
    verdict.check(
        "I8",
        moved == 0,
        f"movements in ledger {event.ledger!r} that add up to 0",
        f"{moved:+d} units",
        lead_id=lead_id,
        version=version,
    )
    if isinstance(event, AssignmentWithdrawn):
        decision = books.decisions.get((event.request_id, event.attempt))
        paid = decision.event.movements if decision else ()
        verdict.check(
            "I8",
            Counter(dict(event.movements)) == Counter({m: -units for m, units in paid}),
            f"the exact reverse of {paid}",
            event.movements,
            lead_id=lead_id,
            version=version,
        )
    elif isinstance(event, LeadAssigned):
        _check_standings(books, event, version, verdict)
        _check_kinds(books, event, version, verdict)


def _sum(movements: tuple[tuple[int, int], ...]) -> int:
    return sum(units for _, units in movements)


def _check_kinds(books: Books, event: LeadAssigned, version: int, verdict: Verdict) -> None:
    """The credits in the lead's kinds that a decision was taken on (D3.9)."""
    managers = [standing.manager_id for standing in event.standings]
    for what, kind, judged in event.kinds:
        place = LeadKind(what, kind)
        true = tuple(books.kind_credits[event.ledger, place, manager] for manager in managers)
        verdict.check(
            "I8",
            judged == true,
            f"credits of {true} in kind {kind} of {what!r}",
            f"{judged}",
            lead_id=event.lead_id,
            version=version,
        )


def _check_standings(books: Books, event: LeadAssigned, version: int, verdict: Verdict) -> None:
    stages = books.limit_stages.get(event.rule_id)
    for standing in event.standings:
        credit = books.credits[event.ledger, standing.manager_id]
        open_leads = sum(
            count
            for (manager_id, stage), count in books.loads.items()
            if manager_id == standing.manager_id and (stages is None or stage in stages)
        )
        verdict.check(
            "I8",
            (standing.credit, standing.open_leads) == (credit, open_leads),
            f"manager {standing.manager_id} judged with a credit of {credit} and {open_leads}"
            " open leads",
            f"a credit of {standing.credit} and {standing.open_leads} open leads",
            lead_id=event.lead_id,
            version=version,
        )


def check_balance(books: Books, tables: Tables | None, verdict: Verdict) -> None:
    """Sums of all ledgers, and the tables of credits and loads."""
    sums: Counter[str] = Counter()
    for (ledger, _), units in books.credits.items():
        sums[ledger] += units
    for (ledger, (what, kind), _), units in books.kind_credits.items():
        sums[f"{ledger}/{what}/{kind}"] += units
    for ledger, units in sums.items():
        verdict.check("I8", units == 0, f"ledger {ledger!r} to add up to 0", f"{units:+d} units")
    if tables is not None:
        _check_credits(books, tables, verdict)
        _check_kind_credits(books, tables, verdict)
        _check_loads(books.loads, tables, verdict)


def _check_credits(books: Books, tables: Tables, verdict: Verdict) -> None:
    shown = {(row["ledger"], row["manager_id"]): row["credit_units"] for row in tables.shares}
    for key in sorted({*shown, *(key for key, units in books.credits.items() if units)}):
        verdict.check(
            "I8",
            shown.get(key, 0) == books.credits[key],
            f"manager {key[1]} with {books.credits[key]} units in ledger {key[0]!r}",
            f"{shown.get(key, 0)} units in the table",
        )


def _check_kind_credits(books: Books, tables: Tables, verdict: Verdict) -> None:
    shown = {
        (row["ledger"], LeadKind(row["what"], row["kind"]), row["manager_id"]): row["credit_units"]
        for row in tables.kind_shares
    }
    for key in sorted({*shown, *(key for key, units in books.kind_credits.items() if units)}):
        ledger, kind, manager_id = key
        verdict.check(
            "I8",
            shown.get(key, 0) == books.kind_credits[key],
            f"manager {manager_id} with {books.kind_credits[key]} units in {kind} of {ledger!r}",
            f"{shown.get(key, 0)} units in the table",
        )


def _check_loads(loads: Counter[tuple[int, Stage]], tables: Tables, verdict: Verdict) -> None:
    shown = Counter(
        {
            (row["manager_id"], Stage(row["pipeline_id"], row["status_id"])): row["open_leads"]
            for row in tables.open_leads
        }
    )
    for manager_id, stage in sorted({*shown, *(place for place, count in loads.items() if count)}):
        found = shown[manager_id, stage]
        verdict.check(
            "I8",
            found == loads[manager_id, stage] and found >= 0,
            f"{loads[manager_id, stage]} open leads of manager {manager_id} at stage"
            f" {stage.pipeline_id}/{stage.status_id}, counted from the log",
            f"{found} in the table",
        )
