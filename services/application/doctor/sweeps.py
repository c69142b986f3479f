"""When each account was last compared with Kommo, and what that turned up (D11.2)."""

from datetime import datetime, timedelta

from contracts.sentences import Sentence, sentence
from projections import repairs
from services.application.doctor.finding import Diagnosis, passing, problem, well
from services.application.installation import Installation
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

SWEPT_WITHIN = timedelta(minutes=30)
COMPARED_WITHIN = timedelta(hours=36)
SELECT_SWEEP = """
SELECT watermark, full_at, window_requests, full_requests FROM gateway.sweeps
WHERE account_id = $1
"""


async def sweep_of(
    installation: Installation, account: RegisteredAccount, now: datetime
) -> Diagnosis:
    """The newest comparison of an account, and the repairs it led to so far."""
    subject = sentence("doctor.sweep", account=account.account_id)
    async with borrow(installation.pool) as connection:
        row = await connection.fetchrow(SELECT_SWEEP, account.account_id)
        found = await repairs.of_account(connection, account.account_id)
    if row is None or row["watermark"] is None:
        never = sentence("doctor.never_swept")
        return passing(subject, never, sentence("remedy.await_first_sweep"))
    swept, compared = now - row["watermark"], now - row["full_at"]
    told = sentence("doctor.swept", ago=_seconds(swept), full_ago=_seconds(compared))
    found_by_it = _turned_up(_with_cost(told, row["window_requests"], row["full_requests"]), found)
    late = swept > SWEPT_WITHIN or compared > COMPARED_WITHIN
    if late and installation.running() is not None:
        return problem(subject, found_by_it, sentence("remedy.sweep_is_late"))
    return well(subject, found_by_it)


def _with_cost(told: Sentence, window: int | None, full: int | None) -> Sentence:
    """With what it takes, as far as that is known."""
    costs = (("window", window), ("full", full))
    known = tuple(
        sentence(f"doctor.sweep_cost.{name}", count=requests)
        for name, requests in costs
        if requests is not None
    )
    return sentence("doctor.swept_at_cost", told=told, costs=known) if known else told


def _turned_up(told: Sentence, found: list[repairs.Repair]) -> Sentence:
    if not found:
        return sentence("doctor.swept_in_vain", told=told)
    kinds = tuple(sentence(f"doctor.repaired.{each.kind}", count=each.found) for each in found)
    return sentence("doctor.swept_and_found", told=told, what=kinds)


def _seconds(passed: timedelta) -> int:
    """Whole minutes from two minutes on, whole hours from two hours on."""
    seconds = max(0, int(passed.total_seconds()))
    for unit in (3_600, 60):
        if seconds >= 2 * unit:
            return seconds // unit * unit
    return seconds
