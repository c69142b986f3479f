"""Growing waits after failures, for a login and for an address (S29).

An attempt is counted before it is looked at: of a thousand at once, no more than the free ones are
looked at. Logins that nobody has are counted like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import asyncpg

from services.access.secret import Digests
from services.access.settings import AccessSettings
from services.storage.database import borrow

# An office has one address: it gets more free attempts than a login.
ADDRESS_FACTOR = 10
FORGOTTEN_AFTER_HOURS = 24
DOUBLINGS_MAX = 20

# A row is answered if the attempt may be made. Of two at once the later one waits for the earlier
# one's row, so the time is that of the look, not of the statement's begin.
ATTEMPT = f"""
INSERT INTO sign_in_delays AS known (place, failures, last_at, free_at)
VALUES ($1, 1, clock_timestamp(), clock_timestamp())
ON CONFLICT (place) DO UPDATE SET
    failures = CASE WHEN {{is_old}} THEN 1 ELSE known.failures + 1 END,
    last_at = clock_timestamp(),
    free_at = clock_timestamp() + make_interval(secs => CASE
        WHEN {{is_old}} OR known.failures < $2 THEN 0
        ELSE least($3, 2.0 ^ least(known.failures + 1 - $2, {DOUBLINGS_MAX})) END)
    WHERE known.free_at <= clock_timestamp()
RETURNING failures
""".format(  # noqa: S608 - numbers of ours
    is_old=f"known.last_at < clock_timestamp() - interval '{FORGOTTEN_AFTER_HOURS} hours'"
)
WAIT = """
SELECT extract(epoch FROM free_at - now())::float8 FROM sign_in_delays WHERE place = $1
"""
FORGET = "DELETE FROM sign_in_delays WHERE place = $1"
# Who knows one password does not free an address for guessing others.
TAKE_BACK = "UPDATE sign_in_delays SET failures = greatest(failures - 1, 0) WHERE place = $1"


@dataclass(frozen=True, slots=True)
class Delays:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    digests: Digests
    settings: AccessSettings

    async def attempt(self, login: str, address: str) -> int:
        """Count an attempt; how many seconds to wait before one is looked at, 0 if it is now.

        From an address that has to wait, nobody makes a login wait.
        """
        free = self.settings.delay_after
        of_login, of_address = await self._places(login, address)
        for place, count in ((of_address, free * ADDRESS_FACTOR), (of_login, free)):
            async with borrow(self.pool) as connection:
                row = await connection.fetchrow(
                    ATTEMPT, place, count, float(self.settings.delay_max_s)
                )
                if row is None:
                    wait_s = await connection.fetchval(WAIT, place)
                    return max(ceil(wait_s or 0), 1)
        return 0

    async def succeeded(self, login: str, address: str) -> None:
        """The attempt that was counted last was no failure."""
        of_login, of_address = await self._places(login, address)
        async with borrow(self.pool) as connection:
            await connection.execute(FORGET, of_login)
            await connection.execute(TAKE_BACK, of_address)

    async def forget(self, login: str) -> None:
        """Let somebody try again at once."""
        async with borrow(self.pool) as connection:
            await connection.execute(FORGET, await self.digests.of("delay login", login))

    async def _places(self, login: str, address: str) -> Sequence[bytes]:
        return (
            await self.digests.of("delay login", login),
            await self.digests.of("delay address", address),
        )
