"""Whose rows the statements of a task may see, and for how long: the second wall (S5, A7).

Whoever serves people works within bounds; everything that they borrow from the pool meanwhile is a
transaction that names the account. `fairlead_web` sees no row of any other; without bounds, none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import projections

STATEMENT_MS = 2_000
SET_BOUNDS = """
SELECT set_config('fairlead.account_id', $1, true), set_config('fairlead.accounts', $2, true),
    set_config('statement_timeout', $3, true)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the statements of a task may do.

    Attributes:
        account_id: Whose rows they see; None for those of every account.
        statement_ms: How long one may take; 0 for as long as it wants.
    """

    account_id: int | None
    statement_ms: int = STATEMENT_MS


_bounds: ContextVar[Reach | None] = ContextVar("bounds", default=None)


@contextmanager
def bounded(bounds: Reach) -> Iterator[None]:
    """Everything in the context, and the tasks that it starts, stays within these bounds."""
    token = _bounds.set(bounds)
    try:
        yield
    finally:
        _bounds.reset(token)


def confine(bounds: Reach) -> None:
    """The rest of this task stays within these bounds."""
    _bounds.set(bounds)


def present() -> Reach | None:
    """The bounds of this task."""
    return _bounds.get()


async def apply(connection: projections.Connection, bounds: Reach) -> None:
    """Have the transaction of a connection stay within them."""
    account = "" if bounds.account_id is None else str(bounds.account_id)
    accounts = "all" if bounds.account_id is None else ""
    await connection.execute(SET_BOUNDS, account, accounts, str(bounds.statement_ms))
