"""The whole examination."""

from contracts.events import LeadAssigned
from services.history import hooks, in_kommo, in_log, ledger, linked, repeats, replay, views
from services.history.books import Books
from services.history.record import History
from services.history.verdict import Verdict, Violation


def check(history: History) -> list[Violation]:
    """Every promise of I1 to I10 that the history breaks; empty when it keeps them all."""
    return examine(history).violations


def examine(history: History) -> Verdict:
    """The same, with how much was checked."""
    verdict = Verdict(history.account_id)
    is_whole = in_log.check_versions(history.events, verdict)
    in_log.check_order(history.events, verdict)
    repeats.check_commands(history.events, verdict)
    books = Books()
    for step in in_log.steps(history.events):
        for recorded in step:
            if isinstance(recorded.event, LeadAssigned):
                in_log.check_decision(books, recorded, verdict)
            ledger.check_movements(books, recorded, verdict)
            books.enter(recorded)
        in_log.check_step(books, step, verdict)
    in_log.check_waiting(books, verdict)
    ledger.check_balance(books, history.tables, verdict)
    if is_whole:
        replay.check_replay(history, verdict)
    hooks.check_hooks(history, verdict)
    hooks.check_entries(history, verdict)
    linked.check_linked(history.events, verdict, is_settled=history.is_settled)
    in_kommo.check_writes(history, books, verdict)
    if history.is_settled:
        in_kommo.check_end(history, books, verdict)
    if history.tables is not None:
        views.check_views(books, history.tables, verdict)
    return verdict
