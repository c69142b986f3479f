"""A place in an account's log that moves on with it, from any version ever (A8.1)."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from services.application.feed.tails import Tail, Tails
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.shared.thin import SHAPES, ThinEvent, thin
from services.storage.events import EventStore

# Versions that one look passes over at most, in search of events of some types.
SPAN = 10_000


@dataclass(eq=False, slots=True)
class Following:
    """Somebody's place in an account's log.

    Attributes:
        position: The last version that they have been given, or passed over.
        types: Stored names of what they want; empty for everything.
        unread_max: Of a reader who keeps up, so much may be left behind while they do not take
            what they were given.
        left_behind: Set when it is more.
    """

    events: EventStore
    tail: Tail
    position: int
    types: frozenset[str]
    unread_max: int
    left_behind: asyncio.Event = field(default_factory=asyncio.Event)
    _keeps_up: bool = False

    @property
    def head(self) -> int:
        """The account's last version, as far as is known here."""
        return max(self.tail.head, self.position)

    @property
    def behind(self) -> int:
        """How many versions are yet to come."""
        return self.head - self.position

    async def next(self, limit: int, *, within_s: float) -> list[ThinEvent]:
        """What follows, in order; nothing if nothing came in time. The position moves.

        Args:
            limit: The most of it.
            within_s: How long to wait, and to look for events of the wanted types.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
            services.shared.errors.Malformed: An event this release does not know (F80).
        """
        found: list[ThinEvent] = []
        # What is there already is never cut off, however short the time.
        deadline = asyncio.get_running_loop().time() + within_s
        while not found:
            if self.tail.trouble is not None:
                raise self.tail.trouble
            if self.behind:
                found = await self._take(limit)
            elif not await self._moved(deadline):
                return []
            if asyncio.get_running_loop().time() >= deadline:
                return found
        return found

    @contextmanager
    def handing_over(self) -> Iterator[None]:
        """While they take what they were given, it is seen whether they are left behind."""
        self.tail.watchers.add(self._look)
        try:
            yield
        finally:
            self.tail.watchers.discard(self._look)

    async def _take(self, limit: int) -> list[ThinEvent]:
        kept = self.tail.after(self.position)
        self._keeps_up = kept is not None
        if kept is None:
            return await self._read(limit)
        wanted: list[ThinEvent] = []
        for event in kept:
            if len(wanted) == limit:
                break
            self.position = event.version
            if not self.types or event.type in self.types:
                wanted.append(event)
        return wanted

    async def _read(self, limit: int) -> list[ThinEvent]:
        account_id = self.tail.account_id
        if not self.types:
            found = await self.events.stream(account_id, self.position, limit)
            self.position = found[-1].version if found else self.position
            return [thin(recorded) for recorded in found]
        up_to = min(self.position + SPAN, self.tail.head)
        shapes = [SHAPES[name] for name in self.types]
        found = await self.events.some(
            account_id, shapes, after=self.position, up_to=up_to, limit=limit
        )
        self.position = found[-1].version if len(found) == limit else up_to
        return [thin(recorded) for recorded in found]

    async def _moved(self, deadline: float) -> bool:
        self._keeps_up = True
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self.tail.moves()
                return True
        return False

    def _look(self) -> None:
        if self._keeps_up and self.behind > self.unread_max:
            self.left_behind.set()


@asynccontextmanager
async def following(
    tails: Tails,
    installation: Installation,
    account_id: int,
    principal: Principal,
    *,
    after: int | None,
    types: Collection[str] = (),
    unread_max: int = 1_000,
) -> AsyncIterator[Following]:
    """Follow an account's log.

    Args:
        tails: Of this process.
        installation: Where.
        account_id: Whose log.
        principal: Who follows.
        after: The last version that they have; None for what happens from now on.
        types: Stored names of what they want; empty for everything.
        unread_max: As of `Following`.

    Raises:
        Refused: They may not, or there is no such version yet; or not any more, as the account was
            restored from a backup.
        services.shared.errors.Unavailable: The database does not answer.
    """
    principal.require("read")
    async with followed(
        tails, installation, account_id, after=after, types=types, unread_max=unread_max
    ) as found:
        yield found


@asynccontextmanager
async def followed(
    tails: Tails,
    installation: Installation,
    account_id: int,
    *,
    after: int | None,
    types: Collection[str] = (),
    unread_max: int = 1_000,
) -> AsyncIterator[Following]:
    """The same for whoever has seen already that they may.

    Raises:
        Refused: There is no such version yet, or not any more.
        services.shared.errors.Unavailable: The database does not answer.
    """
    async with tails.follow(account_id) as tail:
        head = max(tail.head, await installation.events.head(account_id))
        if after is not None and after > head:
            raise Refused("event_beyond_the_last", version=after, last=head)
        yield Following(
            events=installation.events,
            tail=tail,
            position=head if after is None else after,
            types=frozenset(types),
            unread_max=unread_max,
        )
