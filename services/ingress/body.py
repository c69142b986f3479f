"""Reading a body within limits (F35)."""

from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive

# Who sends too much is read on for a while: a connection that is closed while bytes are still
# arriving is reset, and the sender would never see the 413 that tells why.
DRAIN_BYTES_MAX = 8 * 1_024 * 1_024


class BodyBudget:
    """Memory for the bodies that are read, all connections together (I13).

    An account has a part of it only, so that another one's webhook finds room (F70).
    """

    def __init__(self, bytes_max: int, *, account_part: int = 4) -> None:
        self._bytes_max = bytes_max
        self._bytes_of_account_max = bytes_max // account_part
        self._taken = 0
        self._taken_by: dict[int, int] = {}

    def take(self, account_id: int, amount: int) -> bool:
        """Reserve; False when there is not enough left, and nothing was reserved."""
        of_account = self._taken_by.get(account_id, 0) + amount
        if self._taken + amount > self._bytes_max or of_account > self._bytes_of_account_max:
            return False
        self._taken += amount
        self._taken_by[account_id] = of_account
        return True

    def give_back(self, account_id: int, amount: int) -> None:
        """Return what was reserved."""
        self._taken -= amount
        left = self._taken_by.get(account_id, 0) - amount
        assert left >= 0, "no more is given back than was taken"  # noqa: S101  # invariant
        if left:
            self._taken_by[account_id] = left
        else:
            self._taken_by.pop(account_id, None)


@dataclass(slots=True)
class BodyShare:
    """What a body has taken so far."""

    budget: BodyBudget
    account_id: int
    taken: int = 0

    def take(self, amount: int) -> None:
        """Reserve.

        Raises:
            BudgetExhausted: There is not enough left.
        """
        if not self.budget.take(self.account_id, amount):
            raise BudgetExhausted
        self.taken += amount

    def give_back(self) -> None:
        """The body is dealt with."""
        self.budget.give_back(self.account_id, self.taken)
        self.taken = 0


class BudgetExhausted(Exception):
    """Too many bodies are on their way in at once."""


@dataclass(frozen=True, slots=True)
class Body:
    """What arrived.

    Attributes:
        content: The whole body, or its first `bytes_max` bytes.
        size: How many bytes came; more than `content` for a body that was too large.
    """

    content: bytes
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was cut off."""
        return self.size == len(self.content)


async def read_body(receive: Receive, *, bytes_max: int, share: BodyShare) -> Body:
    """Read to the end, keeping at most `bytes_max` bytes; the server sets the time limit.

    Raises:
        BudgetExhausted: Too many bodies are being read.
        starlette.requests.ClientDisconnect: The sender hung up before the end.
    """
    content = bytearray()
    size = 0
    more = True
    while more and size <= DRAIN_BYTES_MAX:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        kept = chunk[: bytes_max - len(content)]
        share.take(len(kept))
        content += kept
    return Body(content=bytes(content), size=size)
