"""Who may stay connected when there are too many (F35).

Nobody can tell an honest sender from an attacker before it shows a secret, but an honest one is
quick. So whoever comes is let in, and the one gives way that has been a stranger for the longest:
a flood of connections drives out itself, and with room for 4,096 and 2,000 new ones a second an
honest sender has two seconds to show its secret. It does so in milliseconds.
"""

import asyncio
from typing import Protocol

from services.shared.http_limits import HttpLimits
from services.shared.sparing_log import SparingLog

LOOK_EVERY_S = 0.5
LOOKS_WITHIN_LIMIT = 4


class Guest(Protocol):
    """A connection, for whoever decides about it."""

    def leave(self, reason: str) -> None:
        """Close it now."""
        ...

    def look(self, now: float) -> None:
        """See whether it keeps its times."""
        ...


class Door:
    """The connections of one server, by what they have shown.

    A stranger has never shown a secret. An acquaintance did, and is idle. A visitor has shown the
    secret of the request it is at: it stays.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self._log = SparingLog()
        # In the order in which they give way.
        self._strangers: dict[Guest, str | None] = {}
        self._acquaintances: dict[Guest, None] = {}
        self._visitors: dict[Guest, None] = {}
        self._leaving: dict[Guest, None] = {}
        self._strangers_of: dict[str, dict[Guest, None]] = {}
        self._held: dict[Guest, int] = {}
        self._held_bytes = 0
        self._next_look: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._strangers) + len(self._acquaintances) + len(self._visitors)

    def open(self) -> None:
        """Begin to look after the times; needs the running loop."""
        limits = self.limits
        shortest_s = min(limits.head_read_s, limits.body_read_s, limits.slow_after_s)
        every_s = min(LOOK_EVERY_S, shortest_s / LOOKS_WITHIN_LIMIT)
        loop = asyncio.get_running_loop()

        def look() -> None:
            now = loop.time()
            groups = (self._strangers, self._acquaintances, self._visitors, self._leaving)
            for guest in [guest for group in groups for guest in group]:
                guest.look(now)
            self._next_look = loop.call_later(every_s, look)

        look()

    def close(self) -> None:
        """Look after nothing any more."""
        if self._next_look is not None:
            self._next_look.cancel()

    def enter(self, guest: Guest, address: str | None) -> None:
        """Let a stranger in; somebody else may have to leave, or the stranger itself.

        Args:
            guest: Who comes.
            address: Where from; None for a proxy that speaks for many.
        """
        self._strangers[guest] = None
        self.comes_from(guest, address)
        if self.connections > self.limits.connections_max:
            gives_way = next(iter(self._strangers))
            if gives_way is guest and self._acquaintances:
                gives_way = next(iter(self._acquaintances))
            gives_way.leave("too_many_connections")

    def comes_from(self, guest: Guest, address: str | None) -> None:
        """Count a stranger under an address, as a proxy has told it by now."""
        if guest not in self._strangers or address == self._strangers[guest]:
            return
        self._forget_address(guest)
        self._strangers[guest] = address
        if address is None:
            return
        neighbours = self._strangers_of.setdefault(address, {})
        neighbours[guest] = None
        if len(neighbours) > self.limits.strangers_per_address_max:
            next(iter(neighbours)).leave("too_many_of_an_address")

    def shows_a_secret(self, guest: Guest) -> None:
        """It stays until it is at rest again."""
        if self._forget(guest):
            self._visitors[guest] = None

    def is_at_rest(self, guest: Guest) -> None:
        """Its request is answered; it may have to give way from now on."""
        if self._visitors.pop(guest, self) is None:
            self._acquaintances[guest] = None

    def leaves(self, guest: Guest) -> None:
        """It makes room, and will be gone when it has taken its answer."""
        if self._forget(guest):
            self._leaving[guest] = None

    def is_gone(self, guest: Guest) -> None:
        """Forget it."""
        self._forget(guest)
        self._leaving.pop(guest, None)

    def holds(self, guest: Guest, size: int) -> None:
        """Count bytes that a stranger sent and nobody looked at; the first of them make room."""
        self._held[guest] = self._held.get(guest, 0) + size
        self._held_bytes += size
        while self._held_bytes > self.limits.stranger_bytes_max:
            next(iter(self._held)).leave("too_many_bytes_unread")

    def holds_nothing(self, guest: Guest) -> None:
        """They were looked at, or thrown away."""
        self._held_bytes -= self._held.pop(guest, 0)

    def tell_refused(self, reason: str) -> None:
        """Log that a connection was hung up on, however often that happens."""
        self._log.info("connections_refused", reason=reason)

    def _forget(self, guest: Guest) -> bool:
        """Whether it was known at all."""
        self.holds_nothing(guest)
        self._forget_address(guest)
        return any(
            group.pop(guest, self) is not self
            for group in (self._strangers, self._acquaintances, self._visitors)
        )

    def _forget_address(self, guest: Guest) -> None:
        address = self._strangers.get(guest)
        if address is not None:
            neighbours = self._strangers_of[address]
            neighbours.pop(guest, None)
            if not neighbours:
                del self._strangers_of[address]
