"""What differs between the two kinds of installation, as the roles see it: what is around them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from services.application.installation import Installation
from services.gateway.ports import SharedOut
from services.log.port import LogReader, LogWriter
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.shared.ownership import Share

Chore = Callable[[], Coroutine[Any, Any, None]]


def none_stopped() -> int:
    """How many sources a log holds back that never does."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """The inbound log as the allocator reads it.

    Attributes:
        reader: The log.
        on_stored: Told after each commit of events, so that they go on from there.
        stopped: How many of its sources the log holds back until a person has looked (F22).
    """

    reader: LogReader
    on_stored: Callable[[], None]
    stopped: Callable[[], int] = none_stopped


class Peers(Protocol):
    """The logs of an installation, and the other processes that share its accounts.

    Attributes:
        installation: Its stores.
        ready: Set as soon as the logs can be worked on.
        probe: Tells ingress whether the log takes messages; without one the last write tells.
    """

    installation: Installation
    ready: asyncio.Event
    probe: Callable[[], Awaitable[None]] | None

    def show(self, roles: Collection[str], health: Health, metrics: Metrics) -> None:
        """Have the logs and the database looked at, for who runs these roles."""
        ...

    def chores(self) -> Mapping[str, Chore]:
        """What else a process has to do as long as its roles run, by name."""
        ...

    def writer(self) -> AbstractAsyncContextManager[LogWriter]:
        """The inbound log for webhooks, whose senders wait for an answer."""
        ...

    def inbound(self, metrics: Metrics) -> AbstractAsyncContextManager[Inbound]:
        """The inbound log for the allocator; what it decides is passed on meanwhile."""
        ...

    def leases(self) -> SharedOut:
        """The leases of a gateway of this process."""
        ...

    def join(
        self,
        role: str,
        *,
        on_moved: Callable[[], None],
        on_assigned: Callable[[], None] = ...,
        let_go: Callable[[], Awaitable[None]] = ...,
        release_within_s: float = ...,
    ) -> Share:
        """As `services.shared.ownership.Join`."""
        ...
