"""Reading a body within limits (F35)."""

from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive

# Who sends too much is read on for a while: a connection that is closed while bytes are still
# arriving is reset, and the sender would never see the 413 that tells him why.
DRAIN_BYTES_MAX = 8 * 1_024 * 1_024


class BodyBudget:
    """Memory for the bodies on their way in, all connections together (I13)."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._taken = 0

    def take(self, amount: int) -> bool:
        """Reserve; False when there is not enough left, and nothing was reserved."""
        if self._taken + amount > self._bytes_max:
            return False
        self._taken += amount
        return True

    def give_back(self, amount: int) -> None:
        """Return what was reserved."""
        self._taken -= amount
        assert self._taken >= 0, "no more is given back than was taken"  # noqa: S101  # invariant


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


async def read_body(receive: Receive, *, bytes_max: int, budget: BodyBudget) -> Body:
    """Read to the end, keeping at most `bytes_max` bytes; the caller sets the time limit.

    Raises:
        BudgetExhausted: Nothing of this body is held any more.
        starlette.requests.ClientDisconnect: The sender hung up before the end.
    """
    content = bytearray()
    size = 0
    reserved = 0
    try:
        more = True
        while more and size <= DRAIN_BYTES_MAX:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(chunk)
            kept = chunk[: bytes_max - len(content)]
            if not budget.take(len(kept)):
                raise BudgetExhausted
            reserved += len(kept)
            content += kept
        return Body(content=bytes(content), size=size)
    finally:
        budget.give_back(reserved)
