"""Tells the log what a person should look at, once when it begins and once when it ends.

`fairlead doctor` shows the same while it lasts.
"""

import asyncio
from datetime import datetime

import asyncpg
import structlog

from projections import fairness, response, silences, stalls
from services.projector.advance import SWAPPED, is_trouble
from services.shared.wall_clock import utc_now
from services.storage.database import borrow
from services.words.credit import signed

log = structlog.get_logger(__name__)

EVERY_S = 60.0

Alert = tuple[str, int, str]  # its name, the account, what in the account
Alerts = dict[Alert, dict[str, str]]  # with what the log tells beside it


async def watch(pool: asyncpg.Pool, *, every_s: float = EVERY_S) -> None:
    """Look every so often until cancelled; what was there before is told again after a start."""
    known: Alerts = {}
    while True:
        try:
            known = await look(pool, known, utc_now())
        except Exception as error:
            if not (isinstance(error, SWAPPED) or is_trouble(error)):
                raise
        await asyncio.sleep(every_s)


async def look(
    pool: asyncpg.Pool, known: dict[Alert, dict[str, str]], now: datetime
) -> dict[Alert, dict[str, str]]:
    """The alerts of now; those that are not known, and those that ended, are logged."""
    async with borrow(pool) as connection:
        far = await fairness.beyond(connection)
        far_in_kind = await fairness.beyond_in_kind(connection)
        stalled = await stalls.present(connection)
        silent = await silences.present(connection)
        late = await response.late_rules(connection, now=now)
    found: Alerts = {
        ("fairness_deviation", account_id, f"{share.ledger}/{share.manager_id}"): {
            "leads": signed(share.meter_units)
        }
        for account_id, share in far
    }
    for account_id, share in far_in_kind:
        subject = f"{share.ledger}/{share.manager_id}/{share.what} {share.kind}"
        details = {"leads": signed(share.meter_units)}
        found["fairness_deviation", account_id, subject] = details
    for stall in stalled:
        details = {"since": f"{stall.stalled_at:%Y-%m-%d %H:%M}"}
        found["rule_without_shift", stall.account_id, stall.rule_id] = details
    for trigger in silent:
        subject = f"{trigger.rule_id}/{trigger.pipeline_id}/{trigger.stage_id}"
        details = {"since": f"{trigger.since:%Y-%m-%d %H:%M}"}
        found["trigger_silent", trigger.account_id, subject] = details
    for each in late:
        details = {"late": f"{each.late} of {response.LAST_LEADS}"}
        found["touches_late", each.account_id, each.rule_id] = details
    for alert in sorted(found.keys() - known.keys()):
        _tell("alert_raised", alert, found[alert], is_news=True)
    for alert in sorted(known.keys() - found.keys()):
        _tell("alert_ended", alert, {}, is_news=False)
    return found


def _tell(event: str, alert: Alert, details: dict[str, str], *, is_news: bool) -> None:
    name, account_id, subject = alert
    tell = log.warning if is_news else log.info
    tell(event, alert=name, account_id=account_id, subject=subject, **details)
