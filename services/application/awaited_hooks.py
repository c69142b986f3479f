"""Hooks of triggers that wait for their revision, read again without anybody asking (D1.8).

They lie among the dead letters, so they hold up nothing of their account: its other webhooks go
on, and what a hook brings into force only ever goes forward, whenever it comes. What is still not
known after an hour waits for a person.
"""

import asyncio
from bisect import bisect
from datetime import datetime
from typing import NoReturn

import structlog

from services.application.dead_letters import replay
from services.application.installation import Installation
from services.ingress.triggers import AWAITED
from services.shared.errors import Malformed, Unavailable
from services.shared.lasting import tell_failed
from services.shared.wall_clock import utc_now

log = structlog.get_logger()

BY = "fairlead"
LOOK_EVERY_S = 5.0
# How old a hook is when it is read again.
AGES_S = (5.0, 15.0, 45.0, 120.0, 300.0, 900.0, 1_800.0, 3_600.0)
AGE_MAX_S = AGES_S[-1] + 60.0
PER_ACCOUNT_MAX = 100


async def keep_reading(installation: Installation) -> NoReturn:
    """Read them again for ever, each after growing pauses."""
    looked_at: datetime | None = None
    while True:
        now = utc_now()
        try:
            await read_due(installation, since=looked_at, now=now)
            looked_at = now
        except Unavailable as error:
            log.warning("awaited_hooks_not_read", reason=str(error))
        await asyncio.sleep(LOOK_EVERY_S)


async def read_due(installation: Installation, *, since: datetime | None, now: datetime) -> int:
    """Read those again whose time has come since, in the order in which they came.

    Returns:
        How many were understood, and are published.

    Raises:
        services.shared.errors.Unavailable: The database or the log does not answer; what was
            published before that is settled, and the rest stays.
    """
    letters = await installation.dead_letters.young(
        reason=AWAITED, age_max_s=AGE_MAX_S, per_account_max=PER_ACCOUNT_MAX
    )
    understood = 0
    for letter in letters:
        if letter.account_id is None or letter.is_cut or not is_due(letter.received_at, since, now):
            continue
        try:
            await replay(installation, letter, letter.account_id, by=BY)
        except Malformed:
            continue
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the others are read all the same
            tell_failed("awaited_hooks", letter.account_id, error)
            continue
        understood += 1
        log.info("awaited_hook_read", account_id=letter.account_id, letter_id=letter.id)
    return understood


def is_due(received_at: datetime, since: datetime | None, now: datetime) -> bool:
    """Whether one of the ages at which it is read again has come since the last look.

    Whoever has never looked does so at once.
    """

    def passed(at: datetime) -> int:
        return bisect(AGES_S, (at - received_at).total_seconds())

    return since is None or passed(now) > passed(since)
