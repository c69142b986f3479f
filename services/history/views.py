"""I9: the tables are what the log says, folded by other code than made them."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.history.books import Books
from services.history.record import Row, Tables
from services.history.verdict import Verdict


def check_views(books: Books, tables: Tables, verdict: Verdict) -> None:
    """Every row of the tables, none missing, none too many."""
    _compare(
        "request",
        {
            request_id: (book.lead_id, book.rule_id, *book.stage, book.state, book.reason)
            for request_id, book in books.requests.items()
        },
        _shown(
            tables.requests,
            "request_id",
            ("lead_id", "rule_id", "pipeline_id", "status_id", "state", "reason"),
        ),
        verdict,
    )
    _compare(
        "assignment",
        {
            lead_id: (book.event.request_id, book.event.attempt, book.event.manager_id, book.state)
            for lead_id, book in books.newest.items()
        },
        _shown(tables.assignments, "lead_id", ("request_id", "attempt", "manager_id", "state")),
        verdict,
    )
    _compare(
        "share",
        {key: (count,) for key, count in books.assigned.items() if count},
        {
            (row["ledger"], row["manager_id"]): (row["assigned"],)
            for row in tables.shares
            if row["assigned"]
        },
        verdict,
    )
    _compare(
        "timer",
        books.timers,
        _shown(tables.timers, "timer_id", ("generation", "due_at")),
        verdict,
    )


def _shown(rows: Sequence[Row], key: str, columns: Sequence[str]) -> dict[Any, tuple[Any, ...]]:
    return {row[key]: tuple(row[column] for column in columns) for row in rows}


def _compare(
    what: str,
    logged: Mapping[Any, tuple[Any, ...]],
    shown: Mapping[Any, tuple[Any, ...]],
    verdict: Verdict,
) -> None:
    for key in {**logged, **shown}:
        verdict.check(
            "I9",
            logged.get(key) == shown.get(key),
            f"the table's row of {what} {key} to be {logged.get(key, 'missing')}, as the log says",
            shown.get(key, "no row"),
        )
