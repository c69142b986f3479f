"""What is forgotten in time: lines of the log, and all that is over."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import asyncpg
import structlog

from services.access.delays import FORGOTTEN_AFTER_HOURS
from services.access.sign_in_log import KEPT_DAYS
from services.shared.errors import Unavailable
from services.storage.database import borrow

log = structlog.get_logger(__name__)

TIDY_EVERY_S = 3_600.0
SESSION = timedelta(days=7)
IDLE = timedelta(hours=12)
KEPT = timedelta(days=KEPT_DAYS)
# Each with how old it gets; of sessions, what could not be alive under any setting.
FORGET = (
    ("DELETE FROM sign_in_log WHERE at < now() - $1::interval", KEPT),
    ("DELETE FROM invitations WHERE expires_at < now() - $1::interval", KEPT),
    ("DELETE FROM sessions WHERE begun_at < now() - $1::interval", SESSION),
    ("DELETE FROM sessions WHERE seen_at < now() - $1::interval", IDLE),
    ("DELETE FROM sign_in_steps WHERE expires_at < now() - $1::interval", timedelta()),
    ("DELETE FROM widget_proofs WHERE expires_at < now() - $1::interval", timedelta()),
    ("DELETE FROM widget_sessions WHERE expires_at < now() - $1::interval", timedelta()),
    (
        "DELETE FROM sign_in_delays WHERE last_at < now() - $1::interval",
        timedelta(hours=FORGOTTEN_AFTER_HOURS),
    ),
)


@dataclass(frozen=True, slots=True)
class AccessTidying:
    """Keeps the tables of who may short, and what they tell of people no longer than is said."""

    pool: asyncpg.Pool

    async def tidy(self) -> None:
        """Forget what is over.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
        """
        async with borrow(self.pool) as connection:
            for statement, age in FORGET:
                await connection.execute(statement, age)

    async def keep_tidy(self) -> NoReturn:
        """Do so from time to time, until cancelled."""
        while True:
            try:
                await self.tidy()
            except Unavailable as error:
                log.warning("sign_ins_not_tidied", reason=str(error))
            await asyncio.sleep(TIDY_EVERY_S)
