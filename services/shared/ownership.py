"""Which accounts a process works for: all in the embedded installation, else its partitions'."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from services.shared.lasting import lasting

# Whether this process works for the account, now.
Owns = Callable[[int], bool]


def everything(_account_id: int, /) -> bool:
    """Whether a process works for the account that has nobody to share with: it does."""
    return True


def ignore() -> None:
    """Do nothing."""


async def let_go_at_once() -> None:
    """Let go of what needs no letting go of."""


class Share(Protocol):
    """The accounts of a role that are this process's, as long as `run` runs."""

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that are ours now; none where nothing is shared out."""
        ...

    def owns(self, account_id: int, /) -> bool:
        """Whether the account is ours now."""
        ...

    async def run(self) -> None:
        """Take part until cancelled, then let go."""
        ...


class Join(Protocol):
    """Takes a role's part among the processes of an installation."""

    def __call__(
        self,
        role: str,
        *,
        on_moved: Callable[[], None],
        on_assigned: Callable[[], None] = ignore,
        let_go: Callable[[], Awaitable[None]] = let_go_at_once,
        release_within_s: float = 2.0,
    ) -> Share:
        """The role's share; nothing runs yet.

        Args:
            role: Whose processes share the accounts out.
            on_moved: Told that some accounts have moved.
            on_assigned: Told that the partitions are others now.
            let_go: Ends what is under way for accounts that are not ours any more.
            release_within_s: How long the others wait for that.
        """
        ...


class Everything:
    """The share of a process that has no other beside it."""

    partitions: frozenset[int] = frozenset()
    owns = staticmethod(everything)

    async def run(self) -> None:
        """Keep all of them until cancelled."""
        await asyncio.Event().wait()


def alone(
    role: str,
    *,
    on_moved: Callable[[], None],
    on_assigned: Callable[[], None] = ignore,
    let_go: Callable[[], Awaitable[None]] = let_go_at_once,
    release_within_s: float = 2.0,
) -> Share:
    """A `Join` where nobody else takes part: nothing is ever told or let go of."""
    del role, on_moved, on_assigned, let_go, release_within_s
    return Everything()


async def work_for(share: Share, *works: Coroutine[Any, Any, None]) -> None:
    """Run the works for the share until cancelled; they end after it was let go of (F13).

    Taking part begins again after an error that nobody expected; until then nothing is ours.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            await lasting("share", share.run)
        finally:
            for task in tasks:
                task.cancel()
