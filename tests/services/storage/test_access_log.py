"""Who looked at what: kept, found, forgotten in the end (A9.3)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.storage.access_log import KEPT_DAYS, AccessLog

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
AGE = "UPDATE access_log SET at = at - $1::interval WHERE ids = $2"


async def noted(log: AccessLog, lead: int, *, account: int = 7, by: str = "person:7") -> None:
    await log.note(
        account_id=account,
        principal=by,
        whence="192.0.2.7",
        what="explanation",
        ids=[lead],
        request_id=f"r{lead}",
    )


async def test_A9_3_a_look_is_kept_with_who_whence_what_and_when(pool: Any) -> None:
    log = AccessLog(pool)
    await noted(log, 1)
    await noted(log, 2, by="key:a1b2")
    await noted(log, 3, account=8)

    newest, first = await log.page(7, start=NOW - HOUR, end=NOW + HOUR, limit=9)

    assert (first.principal, first.whence, first.what, first.ids, first.request_id) == (
        "person:7",
        "192.0.2.7",
        "explanation",
        (1,),
        "r1",
    )
    assert first.at <= newest.at
    only = await log.page(7, start=NOW - HOUR, end=NOW + HOUR, principal="key:a1b2", limit=9)
    assert only == [newest]
    assert await log.page(7, start=NOW - 2 * HOUR, end=NOW - HOUR, limit=9) == []
    assert await log.page(7, start=NOW - HOUR, end=NOW + HOUR, limit=1) == [newest]


async def test_A9_3_looks_are_forgotten_after_400_days_and_not_before(pool: Any) -> None:
    log = AccessLog(pool)
    await noted(log, 1)
    await noted(log, 2)
    await pool.execute(AGE, timedelta(days=KEPT_DAYS + 1), [1])
    await pool.execute(AGE, timedelta(days=KEPT_DAYS - 1), [2])

    await log.tidy()

    kept = await log.page(7, start=NOW - timedelta(days=500), end=NOW + HOUR, limit=9)
    assert [each.ids for each in kept] == [(2,)]
    assert KEPT_DAYS == 400
