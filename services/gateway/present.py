"""Who is an active user by now, where a list of an hour ago is too old to act on (D6.7)."""

from datetime import UTC, datetime, timedelta

from services.gateway.connections import Connection
from services.gateway.ports import Now
from services.kommo.errors import AccountStopped
from services.kommo.limiter import Priority

FRESH_FOR = timedelta(minutes=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class PresentUsers:
    """Reads the users of an account, at most once in a minute."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._read: dict[int, tuple[datetime, frozenset[int]]] = {}

    async def active(self, connection: Connection) -> frozenset[int] | None:
        """Who is active, or may be; None if Kommo does not tell the owner of this token."""
        at, account_id = self._now(), connection.account_id
        read_at, active = self._read.get(account_id, (LONG_AGO, frozenset[int]()))
        if abs(at - read_at) < FRESH_FOR:
            return active
        try:
            users = await connection.client.users(priority=Priority.LOOKUP)
        except AccountStopped:  # the token is not an administrator's
            return None
        if any(odd.id is None for odd in users.odd):
            return None
        # Of whom the list makes no sense nobody can tell.
        may_be = {odd.id for odd in users.odd if odd.id is not None}
        active = frozenset(user.id for user in users.elements if user.is_active) | may_be
        self._read[account_id] = (at, active)
        return active
