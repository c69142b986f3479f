"""Who of an account's users is active, asked when Kommo refuses somebody (F59)."""

from services.kommo.client import KommoClient
from services.kommo.errors import AccountStopped, Rejected
from services.kommo.limiter import Priority

_FORBIDDEN = 403


class Staff:
    """The users of an account, read when somebody asks first, and once.

    Attributes:
        is_read: Whether they have been.
        left: Those asked about who are not active.
    """

    def __init__(self, client: KommoClient, priority: Priority) -> None:
        self._client = client
        self._priority = priority
        self.is_read = False
        self._active: frozenset[int] | None = None
        self.left: set[int] = set()

    async def is_active(self, user_id: int) -> bool | None:
        """What `GET /users` says; None if it cannot be read, or makes no sense of that user."""
        if not self.is_read:
            self._active = await self._read()
            self.is_read = True
        if self._active is None:
            return None
        if user_id not in self._active:
            self.left.add(user_id)
        return user_id in self._active

    async def _read(self) -> frozenset[int] | None:
        try:
            users = await self._client.users(priority=self._priority)
        except Rejected:
            return None
        except AccountStopped as stopped:
            if stopped.status != _FORBIDDEN:
                raise
            return None  # not an administrator's token
        odd = [each.id for each in users.odd]
        if None in odd:
            return None
        active = {user.id for user in users.elements if user.is_active}
        return frozenset(active | {user_id for user_id in odd if user_id is not None})
